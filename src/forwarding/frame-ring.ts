import { discardReasons } from "./discard-reasons.ts";
import type { CapturedFrame, FrameSource } from "./frame-source.ts";

/**
 * Frames on their way from the forwarding worker to a capture, in memory that both threads have. The worker
 * never waits: what finds no room is dropped and counted.
 */

/** TABLE: words in front of the frames. Both offsets count octets and run over at 2^32. */
const word = { written: 0, read: 1, received: 2, dropped: 3, words: 8 } as const;

/** TABLE: the header of each frame, in words; an end of the ring that is skipped has the first. */
const header = { octets: 0, kept: 1, original: 2, flags: 3, seconds: 4, nanoseconds: 5, words: 6 } as const;
const HEADER_OCTETS = header.words * 4;
const CONTROL_OCTETS = word.words * 4;
/** Flags: whether it went to the circuit, whether it is a frame, and above that the discard's index + 1. */
const OUTBOUND = 1;
const IS_FRAME = 2;
const DISCARD_SHIFT = 8;

/** Octets of frames of a ring; a power of 2, so that offsets may run over. */
export const RING_OCTETS = 8 * 1024 * 1024;

/** The memory of a ring. */
export function newFrameRing(octets = RING_OCTETS): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_OCTETS + octets);
}

function aligned(octets: number): number {
  return (octets + 7) & ~7;
}

/** The worker's end: a frame is staged, and published once it is known what became of it. */
export class FrameRingWriter {
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #octets: Uint8Array;
  readonly #size: number;
  /** Where the staged frame begins, and its octets with the header; 0 octets: nothing is staged. */
  #at = 0;
  #staged = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, word.words);
    this.#words = new Uint32Array(memory, CONTROL_OCTETS);
    this.#octets = new Uint8Array(memory, CONTROL_OCTETS);
    this.#size = this.#octets.length;
  }

  /** Copies the first octets of a frame; true if there is room. */
  stage(octets: Uint8Array, start: number, kept: number, original: number): boolean {
    this.#staged = 0;
    const control = this.#control;
    control[word.received] = (control[word.received] as number) + 1;
    const needed = aligned(HEADER_OCTETS + kept);
    const written = Atomics.load(control, word.written) >>> 0;
    const free = this.#size - ((written - (Atomics.load(control, word.read) >>> 0)) >>> 0);
    let at = written & (this.#size - 1);
    const toEnd = this.#size - at;
    const skipped = toEnd < needed ? toEnd : 0;
    if (free < needed + skipped) {
      Atomics.add(control, word.dropped, 1);
      return false;
    }
    if (skipped > 0) {
      this.#words[(at >>> 2) + header.octets] = skipped;
      // An end shorter than a header has room for the length alone.
      if (skipped > 4 * header.flags) this.#words[(at >>> 2) + header.flags] = 0;
      at = 0;
    }
    const first = at >>> 2;
    this.#words[first + header.octets] = needed;
    this.#words[first + header.kept] = kept;
    this.#words[first + header.original] = original;
    this.#octets.set(octets.subarray(start, start + kept), at + HEADER_OCTETS);
    this.#at = at;
    this.#staged = needed + skipped;
    return true;
  }

  /** Publishes the staged frame. `discard` is the index of the reason, or -1. */
  publish(isOutbound: boolean, discard: number, seconds: number, nanoseconds: number): void {
    if (this.#staged === 0) return;
    const first = this.#at >>> 2;
    this.#words[first + header.flags] =
      IS_FRAME | (isOutbound ? OUTBOUND : 0) | ((discard + 1) << DISCARD_SHIFT);
    this.#words[first + header.seconds] = seconds;
    this.#words[first + header.nanoseconds] = nanoseconds;
    Atomics.add(this.#control, word.written, this.#staged);
    this.#staged = 0;
  }

  /** Forgets the staged frame. */
  withdraw(): void {
    if (this.#staged === 0) return;
    this.#staged = 0;
    this.#control[word.received] = (this.#control[word.received] as number) - 1;
  }
}

/** The reader's end. */
export class FrameRingReader implements FrameSource {
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #octets: Uint8Array;
  #frame: CapturedFrame | undefined;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, word.words);
    this.#words = new Uint32Array(memory, CONTROL_OCTETS);
    this.#octets = new Uint8Array(memory, CONTROL_OCTETS);
  }

  get received(): number {
    return Atomics.load(this.#control, word.received) >>> 0;
  }

  get dropped(): number {
    return Atomics.load(this.#control, word.dropped) >>> 0;
  }

  peek(): CapturedFrame | undefined {
    this.#frame ??= this.#read();
    return this.#frame;
  }

  skip(): void {
    if (this.peek() === undefined) return;
    this.#frame = undefined;
    this.#release(this.#words[(this.#position >>> 2) + header.octets] as number);
  }

  get #position(): number {
    return (Atomics.load(this.#control, word.read) >>> 0) & (this.#octets.length - 1);
  }

  #read(): CapturedFrame | undefined {
    for (;;) {
      if (Atomics.load(this.#control, word.written) === Atomics.load(this.#control, word.read))
        return undefined;
      const at = this.#position;
      const first = at >>> 2;
      const toEnd = this.#octets.length - at;
      const flags = toEnd > 4 * header.flags ? (this.#words[first + header.flags] as number) : 0;
      if ((flags & IS_FRAME) === 0) {
        this.#release(this.#words[first + header.octets] as number);
        continue;
      }
      const kept = this.#words[first + header.kept] as number;
      const discard = (flags >>> DISCARD_SHIFT) - 1;
      return {
        seconds: this.#words[first + header.seconds] as number,
        nanoseconds: this.#words[first + header.nanoseconds] as number,
        octets: this.#octets.subarray(at + HEADER_OCTETS, at + HEADER_OCTETS + kept),
        originalOctets: this.#words[first + header.original] as number,
        direction: (flags & OUTBOUND) === 0 ? "inbound" : "outbound",
        discarded: discardReasons[discard]?.name,
      };
    }
  }

  #release(octets: number): void {
    Atomics.add(this.#control, word.read, octets);
  }
}
