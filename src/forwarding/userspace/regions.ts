import { InvariantError } from "../../bytes/errors.ts";
import { addressOf } from "../../os/memory.ts";

/** Alignment of regions and guards, a cache line: each line belongs to one region, to a guard or to none. */
const LINE_OCTETS = 64;
const GUARD_WORD = 0xa55a_c33c;

/**
 * Memory that system calls read and write, allocated in regions. It is one array that never grows or moves,
 * so its address is constant. Guard octets are in front of the first region and behind each. All addresses of
 * the userspace plane are computed here, with a check that the octets are in one region: whatever lengths and
 * offsets a frame has, no system call gets an address outside. An offset is the same in all views.
 */
export class Regions {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** End of the region that each line belongs to; -1 if it belongs to none. */
  readonly #ends: Int32Array;
  readonly #guards: number[] = [];
  readonly #baseHigh: number;
  readonly #baseLow: number;
  #used = 0;

  /** Takes ownership of `octets`: there must be no other view of them. */
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
   * Allocates a region, which is never freed, and returns its offset, a multiple of 64. Throws InvariantError
   * if there is not enough room.
   */
  take(length: number): number {
    const start = this.#used;
    const lines = Math.ceil(length / LINE_OCTETS);
    if (start + (lines + 1) * LINE_OCTETS > this.octets.length)
      throw new InvariantError(`allocate a region: ${length} octets at ${start} of ${this.octets.length}`);
    this.#ends.fill(start + length, start / LINE_OCTETS, start / LINE_OCTETS + lines);
    this.#used += lines * LINE_OCTETS;
    this.#guard();
    return start;
  }

  /** Throws InvariantError if the octets are not all in one region. */
  check(offset: number, length: number): void {
    const end = this.#ends[offset >>> 6] as number;
    if (length >= 0 && offset >= 0 && offset + length <= end) return;
    throw new InvariantError(
      `pass octets to a system call: ${length} at ${offset}, but the region there ends at ${end}`,
    );
  }

  /**
   * The address for a system call that reads or writes `length` octets at `offset`. Throws as `check` does.
   */
  address(offset: number, length: number): number {
    this.check(offset, length);
    return this.#baseHigh * 0x1_0000_0000 + this.#baseLow + offset;
  }

  /** Writes the address of octets of `target` at `at`, a multiple of 8. Throws as `check` does. */
  setPointer(at: number, target: Regions, offset: number, length: number): void {
    target.check(offset, length);
    const low = target.#baseLow + offset;
    const carry = low >= 0x1_0000_0000 ? 1 : 0;
    this.words[at >>> 2] = low;
    this.words[(at >>> 2) + 1] = target.#baseHigh + carry;
  }

  /** Throws InvariantError if guard octets were overwritten: a write went past the end of its region. */
  checkGuards(): void {
    for (const guard of this.#guards) {
      for (let at = guard; at < guard + LINE_OCTETS; at += 4) {
        if (this.words[at >>> 2] !== GUARD_WORD)
          throw new InvariantError(`check guard octets: those at ${guard} were overwritten at ${at}`);
      }
    }
  }

  #guard(): void {
    this.#guards.push(this.#used);
    this.words.fill(GUARD_WORD, this.#used >>> 2, (this.#used + LINE_OCTETS) >>> 2);
    this.#used += LINE_OCTETS;
  }
}
