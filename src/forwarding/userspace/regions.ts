import { InvariantError } from "../../bytes/errors.ts";
import { addressOf } from "../../os/memory.ts";

/** Regions begin at multiples of it, so that each line belongs to one region, to a guard or to nobody. */
const LINE_OCTETS = 64;
const GUARD_WORD = 0xa55a_c33c;

/**
 * Memory that the kernel reads and writes: one array that never grows nor moves, so that an address is a
 * number. It is given away in regions, with a line of guard octets in front of the first and behind each.
 * Every address in the userspace plane is made here, and only of octets that lie in one region: whatever a
 * frame says of lengths and offsets, the kernel is told of no other. The views are of the whole, so an offset
 * means the same in each.
 */
export class Regions {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** Of each line, where the region ends that it belongs to; -1 for none. */
  readonly #ends: Int32Array;
  readonly #guards: number[] = [];
  readonly #baseHigh: number;
  readonly #baseLow: number;
  #used = 0;

  /** Takes over `octets`, of which nobody else may have a view. */
  constructor(octets: Uint8Array) {
    this.octets = octets;
    this.view = new DataView(octets.buffer);
    this.words = new Uint32Array(octets.buffer);
    this.#ends = new Int32Array(octets.length / LINE_OCTETS).fill(-1);
    const base = addressOf(octets);
    this.#baseHigh = Math.floor(base / 0x1_0000_0000);
    this.#baseLow = base % 0x1_0000_0000;
    this.#guard();
  }

  /**
   * Takes a region of `length` octets for good; its offset is a multiple of 64. Throws InvariantError when no
   * room is left.
   */
  take(length: number): number {
    const start = this.#used;
    const lines = Math.ceil(length / LINE_OCTETS);
    if (start + (lines + 1) * LINE_OCTETS > this.octets.length)
      throw new InvariantError(`take a region: ${length} octets at ${start} of ${this.octets.length}`);
    this.#ends.fill(start + length, start / LINE_OCTETS, start / LINE_OCTETS + lines);
    this.#used += lines * LINE_OCTETS;
    this.#guard();
    return start;
  }

  /** Refuses octets that do not lie in one region: throws InvariantError. */
  check(offset: number, length: number): void {
    const end = this.#ends[offset >>> 6] as number;
    if (length >= 0 && offset >= 0 && offset + length <= end) return;
    throw new InvariantError(
      `give octets to the kernel: ${length} at ${offset}, where a region ends at ${end}`,
    );
  }

  /** The address of octets, for a system call that reads or writes no others. Throws as `check` does. */
  address(offset: number, length: number): number {
    this.check(offset, length);
    return this.#baseHigh * 0x1_0000_0000 + this.#baseLow + offset;
  }

  /**
   * Writes at `at`, a multiple of 8 of this memory, the address of octets of `target`. Throws as `check`
   * does.
   */
  setPointer(at: number, target: Regions, offset: number, length: number): void {
    target.check(offset, length);
    const low = target.#baseLow + offset;
    const carry = low >= 0x1_0000_0000 ? 1 : 0;
    this.words[at >>> 2] = low;
    this.words[(at >>> 2) + 1] = target.#baseHigh + carry;
  }

  /** Throws InvariantError when guard octets were written over: something has left its region. */
  checkGuards(): void {
    for (const guard of this.#guards) {
      for (let at = guard; at < guard + LINE_OCTETS; at += 4) {
        if (this.words[at >>> 2] !== GUARD_WORD)
          throw new InvariantError(`look at guard octets: those at ${guard} were written over, at ${at}`);
      }
    }
  }

  #guard(): void {
    this.#guards.push(this.#used);
    this.words.fill(GUARD_WORD, this.#used >>> 2, (this.#used + LINE_OCTETS) >>> 2);
    this.#used += LINE_OCTETS;
  }
}
