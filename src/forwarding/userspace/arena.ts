import { addressOf } from "../../os/memory.ts";
import { MOST_SESSIONS } from "./session-row.ts";
import { type Sum, summedOctets } from "./simd-checksum.ts";

/** Octets for everything but the slots and the sessions' addresses. */
const OTHER_OCTETS = 1024 * 1024;
/** Frames or datagrams taken from the kernel at once. */
export const RECEIVE_BATCH = 64;
/** Makes the frame behind a virtio-net header of 10 octets start at 2 modulo 4, and so its IP header at 0. */
export const HEADROOM_OCTETS = 64;
/**
 * A slot takes a super-frame, or a run of datagrams, of 64 KiB with room in front for a tag to be put back and our header. Not
 * a multiple of the page: the starts of all slots would share a few lines of the cache.
 */
export const SLOT_OCTETS = 68 * 1024 + 192;
export const NAME_OCTETS = 32;

/**
 * All memory that the kernel reads and writes, in one array that never grows or moves: its address is a number that pointers
 * are made from. The views are of the whole, so an offset means the same in each.
 */
export class Arena {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** The fast sum over the octets, where there is one. */
  readonly sum: Sum | undefined;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  #used = 0;

  constructor() {
    const size = RECEIVE_BATCH * SLOT_OCTETS + MOST_SESSIONS * NAME_OCTETS + OTHER_OCTETS;
    const { octets, sum } = summedOctets(size);
    this.octets = octets;
    this.sum = sum;
    this.view = new DataView(this.octets.buffer);
    this.words = new Uint32Array(this.octets.buffer);
    const base = addressOf(this.octets);
    this.#baseHigh = Math.floor(base / 0x1_0000_0000);
    this.#baseLow = base % 0x1_0000_0000;
  }

  /** Takes `length` octets for good; offsets are multiples of 64. */
  take(length: number): number {
    const offset = this.#used;
    this.#used += Math.ceil(length / 64) * 64;
    if (this.#used > this.octets.length) throw new RangeError(`arena: ${this.#used} octets wanted`);
    return offset;
  }

  /** The address of an offset. */
  address(offset: number): number {
    return this.#baseHigh * 0x1_0000_0000 + this.#baseLow + offset;
  }

  /** Writes the address of `target` at `at`, a multiple of 8. */
  setPointer(at: number, target: number): void {
    const low = this.#baseLow + target;
    const carry = low >= 0x1_0000_0000 ? 1 : 0;
    this.words[at >>> 2] = low;
    this.words[(at >>> 2) + 1] = this.#baseHigh + carry;
  }
}
