import { addressOf, SOCKADDR_OCTETS } from "../../os/memory.ts";
import { MOST_SESSIONS } from "./session-row.ts";

/** Frames or datagrams taken from the kernel at once. */
export const RECEIVE_BATCH = 64;
/** Messages given to the kernel at once. */
export const TRANSMIT_BATCH = 256;
/** A slot takes a super-frame of 64 KiB with room in front for a tag to be put back. */
const SLOT_OCTETS = 68 * 1024;
/** Makes the frame behind a virtio-net header of 10 octets start at 2 modulo 4, and so its IP header at 0. */
const HEADROOM_OCTETS = 64;
/** Our header and the copied headers of one segment of a super-frame. */
export const SEGMENT_HEADER_OCTETS = 256;
const CONTROL_OCTETS = 64;
const NAME_OCTETS = 32;
const VECTOR_OCTETS = 16;
const MESSAGE_OCTETS = 64;
/** Vectors of one transmitted message: virtio-net header or ours, frame or payload, padding. */
export const VECTORS = 3;

/**
 * All memory that the kernel reads and writes, in one array that never grows or moves: its address is a number that pointers
 * are made from. The views are of the whole, so an offset means the same in each.
 */
export class Arena {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  #used = 0;

  constructor() {
    const size = RECEIVE_BATCH * SLOT_OCTETS + MOST_SESSIONS * NAME_OCTETS + 1024 * 1024;
    this.octets = new Uint8Array(size);
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

/** Offsets within struct msghdr and struct mmsghdr of 64-bit Linux. */
const NAME = 0;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const RECEIVED = 56;

/** Slots that recvmmsg(2) fills: one datagram or frame each, with its sender or its ancillary data. */
export class ReceiveSlots {
  readonly arena: Arena;
  readonly messages: number;
  readonly #slots: number;
  readonly #names: number;
  readonly #controls: number;

  constructor(arena: Arena, slots: number, withNames: boolean, withControl: boolean) {
    this.arena = arena;
    this.messages = arena.take(RECEIVE_BATCH * MESSAGE_OCTETS);
    this.#slots = slots;
    this.#names = arena.take(RECEIVE_BATCH * NAME_OCTETS);
    this.#controls = arena.take(RECEIVE_BATCH * CONTROL_OCTETS);
    const vectors = arena.take(RECEIVE_BATCH * VECTOR_OCTETS);
    for (let index = 0; index < RECEIVE_BATCH; index += 1) {
      const message = this.messages + index * MESSAGE_OCTETS;
      const vector = vectors + index * VECTOR_OCTETS;
      arena.setPointer(vector, this.start(index));
      arena.words[(vector + 8) >>> 2] = SLOT_OCTETS - HEADROOM_OCTETS;
      arena.setPointer(message + VECTOR, vector);
      arena.words[(message + VECTOR_COUNT) >>> 2] = 1;
      if (withNames) arena.setPointer(message + NAME, this.name(index));
      if (withControl) arena.setPointer(message + CONTROL, this.control(index));
      this.#reset(message, withNames, withControl);
    }
  }

  static takeSlots(arena: Arena): number {
    return arena.take(RECEIVE_BATCH * SLOT_OCTETS);
  }

  /** Where the octets of a message begin. */
  start(index: number): number {
    return this.#slots + index * SLOT_OCTETS + HEADROOM_OCTETS;
  }

  /** Where the sender's address is. */
  name(index: number): number {
    return this.#names + index * NAME_OCTETS;
  }

  /** Where the ancillary data is. */
  control(index: number): number {
    return this.#controls + index * CONTROL_OCTETS;
  }

  /** Octets received, and whether the kernel cut them. */
  length(index: number): number {
    return this.arena.words[(this.messages + index * MESSAGE_OCTETS + RECEIVED) >>> 2] as number;
  }

  flags(index: number): number {
    return this.arena.words[(this.messages + index * MESSAGE_OCTETS + FLAGS) >>> 2] as number;
  }

  controlLength(index: number): number {
    return this.arena.words[(this.messages + index * MESSAGE_OCTETS + CONTROL_LENGTH) >>> 2] as number;
  }

  /** Makes the first `count` ready to be filled again: the kernel has overwritten what it was given. */
  recycle(count: number, withNames: boolean, withControl: boolean): void {
    for (let index = 0; index < count; index += 1) {
      this.#reset(this.messages + index * MESSAGE_OCTETS, withNames, withControl);
    }
  }

  #reset(message: number, withNames: boolean, withControl: boolean): void {
    const { words } = this.arena;
    words[(message + NAME_LENGTH) >>> 2] = withNames ? SOCKADDR_OCTETS : 0;
    words[(message + CONTROL_LENGTH) >>> 2] = withControl ? CONTROL_OCTETS : 0;
    words[(message + FLAGS) >>> 2] = 0;
  }
}

/** Messages waiting for one sendmmsg(2). */
export class TransmitMessages {
  readonly arena: Arena;
  readonly #messages: number;
  readonly #vectors: number;
  count = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.#messages = arena.take(TRANSMIT_BATCH * MESSAGE_OCTETS);
    this.#vectors = arena.take(TRANSMIT_BATCH * VECTORS * VECTOR_OCTETS);
    for (let index = 0; index < TRANSMIT_BATCH; index += 1) {
      arena.setPointer(this.#messages + index * MESSAGE_OCTETS + VECTOR, this.vectors(index));
    }
  }

  get isFull(): boolean {
    return this.count === TRANSMIT_BATCH;
  }

  /** Address of the message at `index`, for the system call. */
  address(index: number): number {
    return this.arena.address(this.#messages + index * MESSAGE_OCTETS);
  }

  vectors(index: number): number {
    return this.#vectors + index * VECTORS * VECTOR_OCTETS;
  }

  /** Address of the vectors of the message at `index`, for writev(2). */
  vectorsAddress(index: number): number {
    return this.arena.address(this.vectors(index));
  }

  setVector(index: number, vector: number, offset: number, length: number): void {
    const at = this.vectors(index) + vector * VECTOR_OCTETS;
    this.arena.setPointer(at, offset);
    this.arena.words[(at + 8) >>> 2] = length;
  }

  /** Completes the message at `count`; `nameOctets` 0 sends where the socket is bound to. */
  push(vectorCount: number, name: number, nameOctets: number): void {
    const message = this.#messages + this.count * MESSAGE_OCTETS;
    const { words } = this.arena;
    if (nameOctets === 0) {
      words[(message + NAME) >>> 2] = 0;
      words[(message + NAME + 4) >>> 2] = 0;
    } else {
      this.arena.setPointer(message + NAME, name);
    }
    words[(message + NAME_LENGTH) >>> 2] = nameOctets;
    words[(message + VECTOR_COUNT) >>> 2] = vectorCount;
    this.count += 1;
  }
}
