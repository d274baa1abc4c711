import { SOCKADDR_OCTETS } from "../../os/memory.ts";
import { type Arena, BUFFER_OCTETS, HEADROOM_OCTETS, NAME_OCTETS, RECEIVE_BATCH } from "./arena.ts";
import { MmsghdrTable, VectorTable } from "./mmsghdr-table.ts";

const CONTROL_OCTETS = 64;

/**
 * The buffers of recvmmsg(2): each takes a frame or datagram and its ancillary data, and its sender's address
 * if `withNames` is set.
 */
export class ReceiveBuffers {
  readonly #arena: Arena;
  readonly #messages: MmsghdrTable;
  readonly #buffers: readonly number[];
  readonly #names: number;
  readonly #nameOctets: number;
  readonly #controls: number;

  constructor(arena: Arena, withNames: boolean) {
    this.#arena = arena;
    this.#buffers = Array.from({ length: RECEIVE_BATCH }, () => arena.take(BUFFER_OCTETS));
    this.#messages = new MmsghdrTable(arena, RECEIVE_BATCH);
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

  /** Address of one buffer, for a system call that writes `octets` octets to it. */
  bufferAddress(index: number, octets: number): number {
    return this.#arena.address(this.start(index), octets);
  }

  /** Offset of a message's octets. */
  start(index: number): number {
    return (this.#buffers[index] as number) + HEADROOM_OCTETS;
  }

  /** Offset of the sender's address in the arena's tables. */
  name(index: number): number {
    return this.#names + index * NAME_OCTETS;
  }

  /** Offset of the ancillary data in the arena's tables. */
  control(index: number): number {
    return this.#controls + index * CONTROL_OCTETS;
  }

  /** Length of the received message, checked to be within the buffer. */
  length(index: number): number {
    const octets = this.#messages.received(index);
    this.#arena.check(this.start(index), octets);
    return octets;
  }

  /** Flags of the received message; with MSG_TRUNC it was longer than the buffer. */
  flags(index: number): number {
    return this.#messages.flags(index);
  }

  controlLength(index: number): number {
    return this.#messages.controlLength(index);
  }

  /** Resets the first `count` messages for the next recvmmsg(2). */
  recycle(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#messages.reset(index, this.#nameOctets, CONTROL_OCTETS);
    }
  }
}
