import { SOCKADDR_OCTETS } from "../../os/memory.ts";
import { type Arena, BUFFER_OCTETS, HEADROOM_OCTETS, NAME_OCTETS, RECEIVE_BATCH } from "./arena.ts";
import { MessageTable, VectorTable } from "./message-table.ts";

const CONTROL_OCTETS = 64;

/**
 * Slots that recvmmsg(2) fills: one datagram or frame each, with its ancillary data, and with its sender
 * where that is wanted.
 */
export class ReceiveBuffers {
  readonly #arena: Arena;
  readonly #messages: MessageTable;
  readonly #buffers: readonly number[];
  readonly #names: number;
  readonly #nameOctets: number;
  readonly #controls: number;

  constructor(arena: Arena, withNames: boolean) {
    this.#arena = arena;
    this.#buffers = Array.from({ length: RECEIVE_BATCH }, () => arena.take(BUFFER_OCTETS));
    this.#messages = new MessageTable(arena, RECEIVE_BATCH);
    this.#names = arena.tables.take(RECEIVE_BATCH * NAME_OCTETS);
    this.#nameOctets = withNames ? SOCKADDR_OCTETS : 0;
    this.#controls = arena.tables.take(RECEIVE_BATCH * CONTROL_OCTETS);
    const vectors = new VectorTable(arena, RECEIVE_BATCH);
    for (let index = 0; index < RECEIVE_BATCH; index += 1) {
      vectors.set(index, this.start(index), BUFFER_OCTETS - HEADROOM_OCTETS);
      this.#messages.setVectors(index, vectors, index, 1);
      this.#messages.setName(index, this.name(index), this.#nameOctets);
      this.#messages.setControl(index, this.control(index), CONTROL_OCTETS);
    }
  }

  /** Address of all messages, for the system call. */
  get address(): number {
    return this.#messages.address(0, RECEIVE_BATCH);
  }

  /** Address of a slot's room for `octets` octets, for a call that fills this one alone. */
  bufferAddress(index: number, octets: number): number {
    return this.#arena.address(this.start(index), octets);
  }

  /** Where the octets of a message begin. */
  start(index: number): number {
    return (this.#buffers[index] as number) + HEADROOM_OCTETS;
  }

  /** Where the sender's address is, in the arena's tables. */
  name(index: number): number {
    return this.#names + index * NAME_OCTETS;
  }

  /** Where the ancillary data is, in the arena's tables. */
  control(index: number): number {
    return this.#controls + index * CONTROL_OCTETS;
  }

  /** Octets received, of which none are outside the slot. */
  length(index: number): number {
    const octets = this.#messages.received(index);
    this.#arena.check(this.start(index), octets);
    return octets;
  }

  /** MSG_TRUNC: the kernel cut it. */
  flags(index: number): number {
    return this.#messages.flags(index);
  }

  controlLength(index: number): number {
    return this.#messages.controlLength(index);
  }

  /** Makes the first `count` ready to be filled again. */
  recycle(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#messages.reset(index, this.#nameOctets, CONTROL_OCTETS);
    }
  }
}
