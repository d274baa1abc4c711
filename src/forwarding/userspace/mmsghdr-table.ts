import { InvariantError } from "../../bytes/errors.ts";
import type { Arena } from "./arena.ts";

/**
 * Tables that the kernel is given: struct iovec, and struct mmsghdr of 64-bit Linux. All that is written to
 * them passes here: an index is one of the table's, and an address one of octets that lie in a region of the
 * arena (regions.ts).
 */

export const VECTOR_OCTETS = 16;
/** Offset of the length in struct iovec; the address is in front of it. */
export const VECTOR_LENGTH = 8;
const MESSAGE_OCTETS = 64;
/** TABLE: offsets within struct mmsghdr. */
export const messageFields = {
  name: 0,
  nameLength: 8,
  vector: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  received: 56,
} as const;

function checkIndex(what: string, first: number, count: number, size: number): void {
  if (first >= 0 && count >= 0 && first + count <= size) return;
  throw new InvariantError(`use a table of ${what}: ${count} from ${first} of ${size}`);
}

/**
 * An array of struct iovec. All methods throw InvariantError for what the table or the arena does not have.
 */
export class VectorTable {
  readonly size: number;
  readonly #arena: Arena;
  readonly #start: number;

  constructor(arena: Arena, size: number) {
    this.size = size;
    this.#arena = arena;
    this.#start = arena.tables.take(size * VECTOR_OCTETS);
  }

  /** Has a vector be `length` octets at `offset` of the arena. */
  set(index: number, offset: number, length: number): void {
    checkIndex("vectors", index, 1, this.size);
    const { tables } = this.#arena;
    const at = this.#start + index * VECTOR_OCTETS;
    tables.setPointer(at, this.#arena, offset, length);
    tables.words[(at + VECTOR_LENGTH) >>> 2] = length;
  }

  /** Offset of `count` vectors from `first` on in the arena's tables. */
  offset(first: number, count: number): number {
    checkIndex("vectors", first, count, this.size);
    return this.#start + first * VECTOR_OCTETS;
  }

  octets(count: number): number {
    return count * VECTOR_OCTETS;
  }
}

/**
 * An array of struct mmsghdr. All methods throw InvariantError for what the table or the arena does not have.
 */
export class MmsghdrTable {
  readonly size: number;
  readonly #arena: Arena;
  readonly #start: number;

  constructor(arena: Arena, size: number) {
    this.size = size;
    this.#arena = arena;
    this.#start = arena.tables.take(size * MESSAGE_OCTETS);
  }

  /** Address of `count` messages from `first` on, for the system call. */
  address(first: number, count: number): number {
    checkIndex("messages", first, count, this.size);
    return this.#arena.tables.address(this.#start + first * MESSAGE_OCTETS, count * MESSAGE_OCTETS);
  }

  /** The message consists of `count` vectors from `first` on. */
  setVectors(index: number, vectors: VectorTable, first: number, count: number): void {
    const { tables } = this.#arena;
    const at = this.#at(index);
    tables.setPointer(at + messageFields.vector, tables, vectors.offset(first, count), vectors.octets(count));
    tables.words[(at + messageFields.vectorCount) >>> 2] = count;
  }

  /** The message consists of `count` vectors now, which begin where they did: at `first`. */
  extendVectors(index: number, vectors: VectorTable, first: number, count: number): void {
    checkIndex("vectors", first, count, vectors.size);
    this.#arena.tables.words[(this.#at(index) + messageFields.vectorCount) >>> 2] = count;
  }

  /** Address of its vectors, as `setVectors` wrote it, and how many they are, for writev(2). */
  vectorsAddress(index: number): number {
    return (
      this.#arena.tables.view.getUint32(this.#at(index) + messageFields.vector, true) + this.#high(index)
    );
  }

  vectorCount(index: number): number {
    return this.#word(index, messageFields.vectorCount);
  }

  /**
   * Where the message goes, or room for where it came from: octets of the arena's tables; none with a length
   * of 0.
   */
  setName(index: number, offset: number, octets: number): void {
    this.#setOptional(index, messageFields.name, offset, octets);
    this.#arena.tables.words[(this.#at(index) + messageFields.nameLength) >>> 2] = octets;
  }

  /** Its ancillary data, or room for them: octets of the arena's tables; none with a length of 0. */
  setControl(index: number, offset: number, octets: number): void {
    this.#setOptional(index, messageFields.control, offset, octets);
    this.#arena.tables.words[(this.#at(index) + messageFields.controlLength) >>> 2] = octets;
  }

  controlLength(index: number): number {
    return this.#word(index, messageFields.controlLength);
  }

  /** Octets of a message that the kernel received, and its flags. */
  received(index: number): number {
    return this.#word(index, messageFields.received);
  }

  flags(index: number): number {
    return this.#word(index, messageFields.flags);
  }

  /**
   * Makes a message that the kernel has filled ready to be filled again: it has overwritten the lengths that
   * it was given.
   */
  reset(index: number, nameOctets: number, controlOctets: number): void {
    const { words } = this.#arena.tables;
    const at = this.#at(index);
    words[(at + messageFields.nameLength) >>> 2] = nameOctets;
    words[(at + messageFields.controlLength) >>> 2] = controlOctets;
    words[(at + messageFields.flags) >>> 2] = 0;
  }

  /** Makes the message at `index` like that at `from` of another table. */
  copy(index: number, table: MmsghdrTable, from: number): void {
    const { words } = this.#arena.tables;
    const source = table.#at(from) >>> 2;
    words.copyWithin(this.#at(index) >>> 2, source, source + (MESSAGE_OCTETS >>> 2));
  }

  /** Leaves off the last octets of its ancillary data; all, where they are fewer. */
  shortenControl(index: number, octets: number): void {
    const { words } = this.#arena.tables;
    const at = (this.#at(index) + messageFields.controlLength) >>> 2;
    words[at] = Math.max(0, (words[at] as number) - octets);
  }

  #setOptional(index: number, field: number, offset: number, octets: number): void {
    const { tables } = this.#arena;
    const at = this.#at(index) + field;
    if (octets > 0) {
      tables.setPointer(at, tables, offset, octets);
    } else {
      tables.words[at >>> 2] = 0;
      tables.words[(at + 4) >>> 2] = 0;
    }
  }

  #high(index: number): number {
    return this.#word(index, messageFields.vector + 4) * 0x1_0000_0000;
  }

  #word(index: number, field: number): number {
    return this.#arena.tables.words[(this.#at(index) + field) >>> 2] as number;
  }

  #at(index: number): number {
    checkIndex("messages", index, 1, this.size);
    return this.#start + index * MESSAGE_OCTETS;
  }
}
