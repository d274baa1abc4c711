import { counterCells } from "./session-record.ts";

/** TABLE: what of a frame a data message carries. */
export const framePart = { whole: 0, first: 1, middle: 2, last: 3 } as const;
export type FramePart = (typeof framePart)[keyof typeof framePart];

/** Where frames are counted: a `CounterWriter`. */
interface FrameCounters {
  passed(row: number, framesCell: number, octetsCell: number, frames: number, octets: number): void;
  add(row: number, cell: number): void;
  discarded(row: number, verdict: number): void;
}

/**
 * Counts frames that are sent in fragments. The fragments of a frame come one after the other; the frame
 * counts as sent with the last of them, or as discarded, once, with the first one that the kernel refused.
 */
export class FragmentTally {
  readonly #counters: FrameCounters;
  #octets = 0;
  #isLost = false;

  constructor(counters: FrameCounters) {
    this.#counters = counters;
  }

  /** A fragment of so many octets was sent. */
  passed(row: number, part: number, octets: number): void {
    this.#begin(part);
    this.#octets += octets;
    this.#counters.add(row, counterCells.transmittedFragments);
    if (part !== framePart.last || this.#isLost) return;
    this.#counters.add(row, counterCells.transmittedFragmented);
    const { transmittedFrames, transmittedOctets } = counterCells;
    this.#counters.passed(row, transmittedFrames, transmittedOctets, 1, this.#octets);
  }

  /** A fragment was not sent; `verdict` is the discard. */
  failed(row: number, part: number, verdict: number): void {
    this.#begin(part);
    if (!this.#isLost) this.#counters.discarded(row, verdict);
    this.#isLost = true;
  }

  #begin(part: number): void {
    if (part !== framePart.first) return;
    this.#octets = 0;
    this.#isLost = false;
  }
}
