import { SOCKADDR_OCTETS } from "../../os/memory.ts";
import { type Arena, HEADROOM_OCTETS, NAME_OCTETS, RECEIVE_BATCH, SLOT_OCTETS } from "./arena.ts";
import { MESSAGE_OCTETS, messageFields, VECTOR_LENGTH, VECTOR_OCTETS } from "./message-layout.ts";

const CONTROL_OCTETS = 64;

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
      arena.words[(vector + VECTOR_LENGTH) >>> 2] = SLOT_OCTETS - HEADROOM_OCTETS;
      arena.setPointer(message + messageFields.vector, vector);
      arena.words[(message + messageFields.vectorCount) >>> 2] = 1;
      if (withNames) arena.setPointer(message + messageFields.name, this.name(index));
      if (withControl) arena.setPointer(message + messageFields.control, this.control(index));
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
    return this.arena.words[
      (this.messages + index * MESSAGE_OCTETS + messageFields.received) >>> 2
    ] as number;
  }

  flags(index: number): number {
    return this.arena.words[(this.messages + index * MESSAGE_OCTETS + messageFields.flags) >>> 2] as number;
  }

  controlLength(index: number): number {
    return this.arena.words[
      (this.messages + index * MESSAGE_OCTETS + messageFields.controlLength) >>> 2
    ] as number;
  }

  /** Makes the first `count` ready to be filled again: the kernel has overwritten what it was given. */
  recycle(count: number, withNames: boolean, withControl: boolean): void {
    for (let index = 0; index < count; index += 1) {
      this.#reset(this.messages + index * MESSAGE_OCTETS, withNames, withControl);
    }
  }

  #reset(message: number, withNames: boolean, withControl: boolean): void {
    const { words } = this.arena;
    words[(message + messageFields.nameLength) >>> 2] = withNames ? SOCKADDR_OCTETS : 0;
    words[(message + messageFields.controlLength) >>> 2] = withControl ? CONTROL_OCTETS : 0;
    words[(message + messageFields.flags) >>> 2] = 0;
  }
}
