import { ignoreOperational } from "../../bytes/errors.ts";
import { interfaceMtu } from "../../os/interface-request.ts";
import { errno, errnoName, sendmmsg, writev } from "../../os/libc.ts";
import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { LONGEST_RING_FRAME, PacketRing } from "../../os/packet-ring.ts";
import { ETHERNET_HEADER_OCTETS, outerTagProtocol, TAG_OCTETS } from "../../wire/ethernet.ts";
import type { Arena } from "./arena.ts";
import { messageFields, VECTOR_LENGTH, VECTOR_OCTETS } from "./mmsghdr-table.ts";
import type { SendCalls } from "./transmitter.ts";

/**
 * Whether a Linux bridge would forward the frame to an interface of this MTU (is_skb_forwardable): the outer
 * tag does not count, and one more tag is allowed.
 */
export function fitsInterface(view: DataView, frame: number, length: number, mtu: number): boolean {
  const outer = outerTagProtocol(view, frame, length) === 0 ? 0 : TAG_OCTETS;
  return length - outer <= mtu + ETHERNET_HEADER_OCTETS + TAG_OCTETS;
}

/**
 * The system calls that send frames to circuits. Packet sockets allow for one 802.1Q tag beyond the MTU and
 * no other: a frame that sendmmsg(2) refuses with EMSGSIZE is sent by a transmit ring (PACKET_TX_RING) if a
 * bridge would forward it.
 */
export class CircuitSendCalls implements SendCalls, Disposable {
  readonly #arena: Arena;
  /** Addresses of offset 0 of the arena and of its tables. */
  readonly #frames: number;
  readonly #tables: number;
  /** Opened on first use; null if the kernel refuses one. */
  #ring: PacketRing | null | undefined;
  #errno = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    const [frames, tables] = [arena.take(1), arena.tables.take(1)];
    this.#frames = arena.address(frames, 1) - frames;
    this.#tables = arena.tables.address(tables, 1) - tables;
  }

  sendmmsg(fd: number, messages: number, count: number, flags: number): number {
    const sent = sendmmsg(fd, messages, count, flags);
    if (sent >= 0) return sent;
    this.#errno = errno();
    if (errnoName(this.#errno) !== "EMSGSIZE") return sent;
    return this.#sendByRing(fd, messages - this.#tables) ? 1 : sent;
  }

  writev(fd: number, vectors: number, count: number): number {
    const written = writev(fd, vectors, count);
    if (written < 0) this.#errno = errno();
    return written;
  }

  errno(): number {
    return this.#errno;
  }

  interfaceMtu(name: string): number {
    return interfaceMtu(name);
  }

  /** Sends the frame of the struct mmsghdr at an offset of the tables; false if that was not possible. */
  #sendByRing(fd: number, message: number): boolean {
    const ring = this.#openRing();
    const room = ring?.room();
    if (ring === null || room === undefined) return false;
    const length = this.#gather(message, room);
    if (length < 0) return false;
    const index = ring.interfaceOf(fd);
    const mtu = ring.mtuOf(index);
    const view = new DataView(room.buffer, room.byteOffset, length);
    if (mtu === 0 || !fitsInterface(view, 0, length, mtu)) return false;
    // A veth counts a tag in the frame's octets. A program at the egress hook can move it to the metadata, so
    // a frame that is too long with its tag must go through the queueing discipline.
    return ring.send(index, length, length > mtu + ETHERNET_HEADER_OCTETS + TAG_OCTETS);
  }

  /**
   * Copies a message's frame into the ring entry and returns its length. -1 for a GSO packet, which the
   * transmitter then sends frame by frame, and for a frame longer than an entry.
   */
  #gather(message: number, room: Uint8Array): number {
    const { octets, tables } = this.#arena;
    const { words } = tables;
    const vectors = addressAt(words, message + messageFields.vector) - this.#tables;
    const count = words[(message + messageFields.vectorCount) >>> 2] as number;
    tables.check(vectors, count * VECTOR_OCTETS);
    let length = 0;
    for (let index = 0; index < count; index += 1) {
      const vector = vectors + index * VECTOR_OCTETS;
      let start = addressAt(words, vector) - this.#frames;
      let part = words[(vector + VECTOR_LENGTH) >>> 2] as number;
      this.#arena.check(start, part);
      if (index === 0) {
        if (octets[start + 1] !== 0) return -1;
        start += VNET_HEADER_OCTETS;
        part -= VNET_HEADER_OCTETS;
      }
      if (length + part > LONGEST_RING_FRAME) return -1;
      room.set(octets.subarray(start, start + part), length);
      length += part;
    }
    return length;
  }

  #openRing(): PacketRing | null {
    if (this.#ring !== undefined) return this.#ring;
    try {
      this.#ring = PacketRing.open();
    } catch (error) {
      ignoreOperational(error);
      // Without a ring the frames that sendmmsg(2) refuses are counted as circuit errors.
      this.#ring = null;
    }
    return this.#ring;
  }

  [Symbol.dispose](): void {
    this.#ring?.[Symbol.dispose]();
    this.#ring = undefined;
  }
}

function addressAt(words: Uint32Array, at: number): number {
  return (words[(at >>> 2) + 1] as number) * 0x1_0000_0000 + (words[at >>> 2] as number);
}
