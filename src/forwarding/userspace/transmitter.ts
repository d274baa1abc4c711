import { errno, errnoName, sendmmsg, writev } from "../../os/libc.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import { type Arena, TransmitMessages } from "./arena.ts";
import { CELLS_A_SESSION, counterCells } from "./session-row.ts";

/** Charges what passed and what was given up to rows of the shared counters. */
export class Charges {
  readonly #cells: Float64Array;

  constructor(counters: SharedArrayBuffer) {
    this.#cells = new Float64Array(counters);
  }

  passed(row: number, framesCell: number, frames: number, octets: number): void {
    const at = row * CELLS_A_SESSION + framesCell;
    this.#cells[at] = (this.#cells[at] as number) + frames;
    this.#cells[at + 1] = (this.#cells[at + 1] as number) + octets;
  }

  /** `verdict` as the fast path gives it: -1 - the reason's index. */
  discarded(row: number, verdict: number): void {
    const at = row * CELLS_A_SESSION + counterCells.discards - 1 - verdict;
    this.#cells[at] = (this.#cells[at] as number) + 1;
  }
}

const verdictOf = (reason: DiscardReason): number => -1 - discardIndex[reason];
const PATH_MTU = verdictOf("path-mtu");
const PSN_ERROR = verdictOf("psn-error");
const CIRCUIT_ERROR = verdictOf("circuit-error");
const CIRCUIT_DOWN = verdictOf("circuit-down");
const down: ReadonlySet<string> = new Set(["ENETDOWN", "ENXIO", "ENODEV", "EIO", "EBADFD"]);

/** Collects messages and hands them to the kernel together; what it refuses is charged and left. */
export class Transmitter {
  readonly messages: TransmitMessages;
  readonly #charges: Charges;
  readonly #framesCell: number;
  readonly #rows: Int32Array;
  readonly #octets: Int32Array;
  #fd = -1;
  #isTap = false;

  /** `framesCell` is the counter that what leaves here counts as. */
  constructor(arena: Arena, charges: Charges, framesCell: number, batch: number) {
    this.messages = new TransmitMessages(arena);
    this.#charges = charges;
    this.#framesCell = framesCell;
    this.#rows = new Int32Array(batch);
    this.#octets = new Int32Array(batch);
  }

  /** Where what follows is to go; what waits for another place leaves first. */
  aim(fd: number, isTap: boolean): void {
    if (fd === this.#fd && isTap === this.#isTap) return;
    this.flush();
    this.#fd = fd;
    this.#isTap = isTap;
  }

  /** Completes the message whose vectors were set, of a frame of `octets` octets. */
  push(row: number, octets: number, vectorCount: number, name: number, nameOctets: number): void {
    const { count } = this.messages;
    this.#rows[count] = row;
    this.#octets[count] = octets;
    this.messages.push(vectorCount, name, nameOctets);
    if (this.messages.isFull) this.flush();
  }

  flush(): void {
    const { count } = this.messages;
    let index = 0;
    while (index < count) {
      const sent = this.#isTap
        ? Number(writev(this.#fd, this.messages.vectorsAddress(index), 3) >= 0) || -1
        : sendmmsg(this.#fd, this.messages.address(index), count - index, 0);
      if (sent > 0) {
        for (let done = index; done < index + sent; done += 1) {
          this.#charges.passed(this.#rows[done] as number, this.#framesCell, 1, this.#octets[done] as number);
        }
        index += sent;
        continue;
      }
      const name = errnoName(errno());
      if (name === "EINTR") continue;
      this.#charges.discarded(this.#rows[index] as number, this.#verdict(name));
      index += 1;
    }
    this.messages.count = 0;
  }

  #verdict(name: string): number {
    if (this.#framesCell === counterCells.receivedFrames)
      return down.has(name) ? CIRCUIT_DOWN : CIRCUIT_ERROR;
    return name === "EMSGSIZE" ? PATH_MTU : PSN_ERROR;
  }
}
