import { interfaceMtu } from "../../os/interface-request.ts";
import { errno, errnoName, sendmmsg, writev } from "../../os/libc.ts";
import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { LONGEST_RING_FRAME, PacketRing } from "../../os/packet-ring.ts";
import { ETHERNET_HEADER_OCTETS, outerTagProtocol, TAG_OCTETS } from "../../wire/ethernet.ts";
import type { Arena } from "./arena.ts";
import { messageFields, VECTOR_LENGTH, VECTOR_OCTETS } from "./message-table.ts";
import type { SendCalls } from "./transmitter.ts";

/**
 * Whether an interface takes the frame by the measure of bridges: the outer tag needs no room, and there is
 * room for one more.
 */
export function fitsInterface(view: DataView, frame: number, length: number, mtu: number): boolean {
  const outer = outerTagProtocol(view, frame, length) === 0 ? 0 : TAG_OCTETS;
  return length - outer <= mtu + ETHERNET_HEADER_OCTETS + TAG_OCTETS;
}

/**
 * The calls by which frames leave to circuits. A frame that sendmmsg(2) refuses for its length, because
 * packet sockets take no room for tags into account but one of 802.1Q, leaves by a transmit ring where a
 * bridge would forward it.
 */
export class CircuitSendCalls implements SendCalls, Disposable {
  readonly #arena: Arena;
  /** Addresses of the beginnings of the arena and of its tables. */
  readonly #frames: number;
  readonly #tables: number;
  /** Made when it is first needed; null where there can be none. */
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

  /** Whether the message at an offset of the arena's tables, a frame by itself, has left. */
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
    // A virtual cable counts an outer tag that stands in the frame: programs at the egress may take it out.
    return ring.send(index, length, length > mtu + ETHERNET_HEADER_OCTETS + TAG_OCTETS);
  }

  /**
   * Copies the frame of a message; its length, or -1 for a super-frame, which is refused as such, and for
   * what is too long.
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
    } catch {
      // Then such frames are circuit errors, as they were refused.
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
