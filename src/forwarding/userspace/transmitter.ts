import { interfaceMtu } from "../../os/interface-request.ts";
import { errno, errnoName, linux, sendmmsg, writev } from "../../os/libc.ts";
import { CELLS_A_SESSION } from "../counter-cells.ts";
import type { CounterDirection } from "../counters-table.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import type { Arena } from "./arena.ts";
import { FragmentTally, framePart } from "./frame-parts.ts";
import { counterCells } from "./session-record.ts";
import type { ForwardedSession } from "./tables.ts";
import { TransmitMessages } from "./transmit-messages.ts";

const DISCARDS = counterCells.discards;

/** Writes the shared counters: frames and octets forwarded, and discards, by row. */
export class CounterWriter {
  readonly #cells: Float64Array;

  constructor(counters: SharedArrayBuffer) {
    this.#cells = new Float64Array(counters);
  }

  passed(row: number, framesCell: number, octetsCell: number, frames: number, octets: number): void {
    const first = row * CELLS_A_SESSION;
    this.#cells[first + framesCell] = (this.#cells[first + framesCell] as number) + frames;
    this.#cells[first + octetsCell] = (this.#cells[first + octetsCell] as number) + octets;
  }

  /** Adds to a counter of a session; `cell` is one of `counterCells`. */
  add(row: number, cell: number, count = 1): void {
    const at = row * CELLS_A_SESSION + cell;
    this.#cells[at] = (this.#cells[at] as number) + count;
  }

  /** Counts discards. `verdict` is as in the fast path: -1 - the reason's index. */
  discarded(row: number, verdict: number, frames = 1): void {
    const at = row * CELLS_A_SESSION + DISCARDS - 1 - verdict;
    this.#cells[at] = (this.#cells[at] as number) + frames;
  }
}

/** The system calls that send frames; tests replace them. */
export interface SendCalls {
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  writev(fd: number, vectors: number, count: number): number;
  errno(): number;
  /** MTU in octets of an interface. Throws SystemError. */
  interfaceMtu(name: string): number;
}

export const kernel: SendCalls = { sendmmsg, writev, errno, interfaceMtu };

const verdictOf = (reason: DiscardReason): number => -1 - discardIndex[reason];
const PATH_MTU = verdictOf("path-mtu");
const PSN_ERROR = verdictOf("psn-error");
const CIRCUIT_ERROR = verdictOf("circuit-error");
const CIRCUIT_DOWN = verdictOf("circuit-down");
const PSN_CONGESTION = verdictOf("psn-congestion");
const CIRCUIT_CONGESTION = verdictOf("circuit-congestion");
/** Errno of a full send buffer: the messages that follow would get the same one. */
const FULL = "EAGAIN";
/**
 * Errno of a message that may only have come at a bad moment: while a probe of the path MTU had the socket's
 * fragments forbidden, or as the first after an ICMP message, maybe forged, that the kernel reports by this.
 */
const TOO_LONG = "EMSGSIZE";
const down: ReadonlySet<string> = new Set(["ENETDOWN", "ENXIO", "ENODEV", "EIO", "EBADFD"]);
/**
 * Errnos with which the kernel refuses a GSO packet or a group of datagrams, although it may accept their
 * frames one by one: EINVAL and EMSGSIZE for datagrams longer than the path MTU, EIO of a device without
 * checksum offload, ENOBUFS of a device without segmentation offload (PACKET_QDISC_BYPASS).
 */
const gsoRefusals: ReadonlySet<string> = new Set([
  "EINVAL",
  "EMSGSIZE",
  "EIO",
  "ENOBUFS",
  "EOPNOTSUPP",
  "ENOTSUP",
  "ENOPROTOOPT",
]);

const isCongestion = (name: string): boolean => name === FULL || name === "ENOBUFS";

/** The discard of a message that the kernel refused to send to the peer, by the name of the errno. */
export function psnVerdict(name: string): number {
  if (isCongestion(name)) return PSN_CONGESTION;
  return name === TOO_LONG ? PATH_MTU : PSN_ERROR;
}

/** Called with a message of several frames that the kernel refused, before they are sent one by one. */
export type RefusalHandler = (session: ForwardedSession, message: number) => void;

/**
 * Queues messages and sends them together; those that the kernel refuses are counted as discards. It never
 * waits for room in a send buffer: a full one costs discards too, because waiting for one slow device or path
 * would stop all others, in both directions.
 */
export class Transmitter {
  readonly messages: TransmitMessages;
  readonly #counters: CounterWriter;
  readonly #isToCircuit: boolean;
  readonly #framesCell: number;
  readonly #octetsCell: number;
  readonly #refused: RefusalHandler;
  readonly #calls: SendCalls;
  readonly #fragments: FragmentTally;
  #fd = -1;
  #isTap = false;

  /** `direction` is that of the frames: "received" ones are sent to circuits, "transmitted" ones to peers. */
  constructor(
    arena: Arena,
    counters: CounterWriter,
    direction: CounterDirection,
    refused: RefusalHandler,
    calls: SendCalls = kernel,
  ) {
    this.messages = new TransmitMessages(arena);
    this.#counters = counters;
    this.#isToCircuit = direction === "received";
    this.#framesCell = counterCells[`${direction}Frames`];
    this.#octetsCell = counterCells[`${direction}Octets`];
    this.#refused = refused;
    this.#calls = calls;
    this.#fragments = new FragmentTally(counters);
  }

  hasTarget(fd: number, isTap: boolean): boolean {
    return fd === this.#fd && isTap === this.#isTap;
  }

  /** Sets the descriptor of the next messages; the queue must be empty. */
  setTarget(fd: number, isTap: boolean): void {
    this.#fd = fd;
    this.#isTap = isTap;
  }

  flush(): void {
    const { messages } = this;
    const { count } = messages;
    let index = 0;
    let triedTwice = -1;
    while (index < count) {
      const sent = this.#isTap
        ? this.#write(messages.vectorsAddress(index), messages.vectorCount(index))
        : this.#calls.sendmmsg(this.#fd, messages.address(index), count - index, linux.MSG_DONTWAIT);
      if (sent > 0) {
        for (let done = index; done < index + sent; done += 1) this.#passed(done);
        index += sent;
        continue;
      }
      const name = errnoName(this.#calls.errno());
      if (name === "EINTR") continue;
      if (name === TOO_LONG && !this.#isToCircuit && index !== triedTwice) {
        triedTwice = index;
        continue;
      }
      const end = name === FULL ? count : index + 1;
      for (; index < end; index += 1) this.#failed(index, name);
    }
    messages.clear();
  }

  /** Writes one frame to a TAP device; 1 if that succeeded, else -1. */
  #write(vectors: number, count: number): number {
    return this.#calls.writev(this.#fd, vectors, count) >= 0 ? 1 : -1;
  }

  #passed(index: number): void {
    const { sessions, frameCounts, octets, hasFragments } = this.messages;
    const { row } = sessions[index] as ForwardedSession;
    if (hasFragments[index] === 1) return this.#passedParts(row, index);
    this.#counters.passed(
      row,
      this.#framesCell,
      this.#octetsCell,
      frameCounts[index] as number,
      octets[index] as number,
    );
  }

  #passedParts(row: number, index: number): void {
    const first = this.messages.firstFrames[index] as number;
    const end = first + (this.messages.frameCounts[index] as number);
    for (let frame = first; frame < end; frame += 1) this.#passedFrame(row, frame);
  }

  /** Counts one frame, or a part of one, that was sent. */
  #passedFrame(row: number, frame: number): void {
    const octets = this.messages.frameOctets[frame] as number;
    const part = this.messages.parts[frame] as number;
    if (part === framePart.whole) this.#counters.passed(row, this.#framesCell, this.#octetsCell, 1, octets);
    else this.#fragments.passed(row, part, octets);
  }

  /** Counts frames, or parts of them, that were not sent. */
  #lost(row: number, first: number, count: number, verdict: number): void {
    for (let frame = first; frame < first + count; frame += 1) {
      const part = this.messages.parts[frame] as number;
      if (part === framePart.whole) this.#counters.discarded(row, verdict);
      else this.#fragments.failed(row, part, verdict);
    }
  }

  #failed(index: number, name: string): void {
    const session = this.messages.sessions[index] as ForwardedSession;
    const frames = this.messages.frameCounts[index] as number;
    if (frames === 1 || !gsoRefusals.has(name)) {
      const first = this.messages.firstFrames[index] as number;
      return this.#lost(session.row, first, frames, this.#verdict(name));
    }
    this.#refused(session, index);
    this.#sendOneByOne(session, index);
  }

  #sendOneByOne({ row }: ForwardedSession, index: number): void {
    const { messages } = this;
    const count = messages.split(index);
    const first = messages.firstFrames[index] as number;
    let part = 0;
    while (part < count) {
      const sent = this.#isTap
        ? this.#write(messages.singleVectorsAddress(part), messages.singleVectorCount(part))
        : this.#calls.sendmmsg(
            this.#fd,
            messages.singleAddress(part, count),
            count - part,
            linux.MSG_DONTWAIT,
          );
      for (let done = part; done < part + sent; done += 1) this.#passedFrame(row, first + done);
      if (sent > 0) {
        part += sent;
        continue;
      }
      const name = errnoName(this.#calls.errno());
      if (name === "EINTR") continue;
      const lost = name === FULL ? count - part : 1;
      this.#lost(row, first + part, lost, this.#verdict(name));
      part += lost;
    }
  }

  #verdict(name: string): number {
    if (this.#isToCircuit) {
      if (isCongestion(name)) return CIRCUIT_CONGESTION;
      return down.has(name) ? CIRCUIT_DOWN : CIRCUIT_ERROR;
    }
    return psnVerdict(name);
  }
}
