import { ignoreOperational } from "../../bytes/errors.ts";
import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { countTags, ETHERNET_HEADER_OCTETS, SHORTEST_FRAME_OCTETS, TAG_OCTETS } from "../../wire/ethernet.ts";
import type { Arena } from "./arena.ts";
import { beginRun, coalescedHeaderOctets, extendRun, newRun, writeCoalescedHeaders } from "./coalescing.ts";
import type { DeviceRecord, ForwardedSession } from "./tables.ts";
import { MOST_IN_MESSAGE, type TransmitMessages } from "./transmit-messages.ts";
import { type CounterWriter, kernel, type SendCalls, Transmitter } from "./transmitter.ts";

/** Frames sent uncoalesced after the device refused a GSO packet; then coalescing is tried again. */
const UNCOALESCED_AFTER_REFUSAL = 4096;

/** How long a looked-up interface MTU is used: it may change while sessions run. */
const LOOK_UP_MS = 100;

/**
 * Sends frames to the attachment circuits, each with a virtio-net header. Consecutive segments of a TCP flow
 * are coalesced into one GSO packet, which the circuit's device or driver segments again. Order is kept.
 */
export class CircuitSender {
  readonly #arena: Arena;
  readonly #calls: SendCalls;
  readonly #transmitter: Transmitter;
  readonly #messages: TransmitMessages;
  /** Zero octets: the empty virtio-net header of a frame, and the padding of short frames. */
  readonly #zeros: number;
  readonly #run = newRun();
  /** Session of the open run. From its second frame on its gather vectors start at index `#gathered`. */
  #session: ForwardedSession | undefined;
  #gathered = 0;

  constructor(arena: Arena, counters: CounterWriter, calls: SendCalls = kernel) {
    this.#arena = arena;
    this.#calls = calls;
    this.#zeros = arena.take(SHORTEST_FRAME_OCTETS);
    this.#transmitter = new Transmitter(arena, counters, "received", refused, calls);
    this.#messages = this.#transmitter.messages;
  }

  /** Queues a frame for its circuit. The octets from `free` up to the frame may be overwritten. */
  push(session: ForwardedSession, frame: number, length: number, free: number): void {
    const { circuit } = session;
    const isTap = circuit.kind === "tap";
    if (!this.#transmitter.hasTarget(circuit.fd, isTap)) {
      this.flush();
      this.#transmitter.setTarget(circuit.fd, isTap);
    }
    const isCoalesced =
      session === this.#session &&
      this.#run.count < MOST_IN_MESSAGE &&
      (this.#run.count > 1 || this.#fits(circuit)) &&
      extendRun(this.#arena, frame, length, this.#run);
    if (!isCoalesced) this.#endRun();
    this.#addFrame(frame, length, free);
    if (isCoalesced) {
      this.#messages.extend(length);
      this.#gather(frame, length);
    } else {
      this.#messages.push(session, length, 0, 0);
      this.#beginRun(session, frame, length);
    }
    if (this.#messages.isFull) this.flush();
  }

  /**
   * Sends the queued frames. Returns how many of them were coalesced into the GSO packet of an earlier one.
   */
  flush(): number {
    this.#endRun();
    const coalesced = this.#messages.frames - this.#messages.count;
    this.#transmitter.flush();
    return coalesced;
  }

  /** Adds the vectors of the frame as it is sent uncoalesced. */
  #addFrame(frame: number, length: number, free: number): void {
    const messages = this.#messages;
    if (frame - free >= VNET_HEADER_OCTETS) {
      clear(this.#arena.view, frame - VNET_HEADER_OCTETS);
      messages.addVector(frame - VNET_HEADER_OCTETS, VNET_HEADER_OCTETS + length);
    } else {
      messages.addVector(this.#zeros, VNET_HEADER_OCTETS);
      messages.addVector(frame, length);
    }
    if (length < SHORTEST_FRAME_OCTETS) messages.addVector(this.#zeros, SHORTEST_FRAME_OCTETS - length);
  }

  /**
   * Whether the run's segment length fits the MTU of the circuit's interface. The kernel checks that for
   * plain frames only: segments of a GSO packet pass at any length.
   */
  #fits(circuit: DeviceRecord): boolean {
    if (circuit.kind === "tap") return true;
    const nowMs = performance.now();
    if (nowMs - circuit.lookedUpMs > LOOK_UP_MS) {
      circuit.lookedUpMs = nowMs;
      circuit.longestFrame = this.#longestFrame(circuit);
    }
    const { frame, headerOctets, size } = this.#run;
    const length = headerOctets + size;
    return length <= circuit.longestFrame + TAG_OCTETS * countTags(this.#arena.view, frame, length);
  }

  /** 0 for an interface that is gone: nothing is coalesced, and the kernel refuses each frame. */
  #longestFrame({ sendsBy }: DeviceRecord): number {
    try {
      return this.#calls.interfaceMtu(sendsBy) + ETHERNET_HEADER_OCTETS;
    } catch (error) {
      ignoreOperational(error);
      return 0;
    }
  }

  #beginRun(session: ForwardedSession, frame: number, length: number): void {
    const { circuit } = session;
    this.#session = undefined;
    if (circuit.uncoalescedLeft > 0) {
      circuit.uncoalescedLeft -= 1;
      return;
    }
    beginRun(this.#arena, frame, length, this.#run);
    if (!this.#run.isClosed) this.#session = session;
  }

  /** Adds the payload of the frame that has just extended the run to its gather vectors. */
  #gather(frame: number, length: number): void {
    const run = this.#run;
    if (run.count === 2) {
      this.#gathered = this.#messages.gather(this.#zeros, 0);
      this.#messages.gather(run.frame + run.headerOctets, run.size);
    }
    this.#messages.gather(frame + run.headerOctets, length - run.headerOctets);
  }

  #endRun(): void {
    const run = this.#run;
    if (this.#session === undefined) return;
    this.#session = undefined;
    if (run.count < 2) return;
    const octets = coalescedHeaderOctets(run);
    const header = this.#messages.allocateHeader(octets);
    writeCoalescedHeaders(this.#arena, run, header);
    this.#messages.replaceByGathered(this.#gathered, header, octets);
  }
}

/** Writes an empty virtio-net header. */
function clear(view: DataView, at: number): void {
  view.setInt32(at, 0);
  view.setInt32(at + 4, 0);
  view.setInt16(at + 8, 0);
}

function refused({ circuit }: ForwardedSession): void {
  circuit.uncoalescedLeft = UNCOALESCED_AFTER_REFUSAL;
}
