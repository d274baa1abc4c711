import { concat } from "../../src/bytes/hex.ts";
import type { Arena } from "../../src/forwarding/userspace/arena.ts";
import type { Regions } from "../../src/forwarding/userspace/regions.ts";
import type { SendCalls } from "../../src/forwarding/userspace/transmitter.ts";
import { addressOf, linux } from "../../src/os/libc.ts";

const MESSAGE_OCTETS = 64;
const none: Ancillary = { segmentOctets: 0, trafficClass: undefined };

/** Something that left, with the address it was sent to. */
export interface Departed {
  readonly octets: Uint8Array;
  /** In hexadecimal; empty for none. */
  readonly name: string;
  /** Where something else than the socket's was asked for. */
  readonly trafficClass: number | undefined;
}

/** What ancillary data ask for. */
interface Ancillary {
  readonly segmentOctets: number;
  readonly trafficClass: number | undefined;
}

/** What the kernel says instead of taking a message; 0 takes it. */
export type Refuse = (octets: Uint8Array, segmentOctets: number) => number;

/** Reads what sendmmsg(2) and writev(2) are given as the kernel does, and segments what it would segment. */
export class FakeKernel implements SendCalls {
  /** Each datagram or frame. */
  readonly departed: Departed[] = [];
  /** Messages that were taken. */
  messages = 0;
  refusals = 0;
  /** Of every interface. */
  mtu = 65_535;
  readonly #arena: Arena;
  readonly #refuse: Refuse;
  #errno = 0;

  constructor(arena: Arena, refuse: Refuse = () => 0) {
    this.#arena = arena;
    this.#refuse = refuse;
  }

  sendmmsg(_fd: number, messages: number, count: number, flags: number): number {
    if (flags !== linux.MSG_DONTWAIT) throw new Error("a send that waits for room");
    const { view } = this.#arena.tables;
    for (let index = 0; index < count; index += 1) {
      const at = this.#tableOffset(messages) + index * MESSAGE_OCTETS;
      const octets = this.#gather(this.#pointer(at + 16), view.getUint32(at + 24, true));
      const nameOctets = view.getUint32(at + 8, true);
      const name = nameOctets === 0 ? "" : this.#hex(this.#pointer(at), nameOctets);
      const controlOctets = view.getUint32(at + 40, true);
      const ancillary = controlOctets === 0 ? none : this.#ancillary(this.#pointer(at + 32), controlOctets);
      if (!this.#take(octets, ancillary, name)) return index === 0 ? -1 : index;
    }
    return count;
  }

  writev(_fd: number, vectors: number, count: number): number {
    const octets = this.#gather(this.#tableOffset(vectors), count);
    return this.#take(octets, none, "") ? octets.length : -1;
  }

  interfaceMtu(): number {
    return this.mtu;
  }

  errno(): number {
    return this.#errno;
  }

  #take(octets: Uint8Array, { segmentOctets: size, trafficClass }: Ancillary, name: string): boolean {
    this.#errno = this.#refuse(octets, size);
    if (this.#errno !== 0) {
      this.refusals += 1;
      return false;
    }
    this.messages += 1;
    for (let at = 0; at < octets.length; at += size || octets.length) {
      this.departed.push({ octets: octets.subarray(at, at + (size || octets.length)), name, trafficClass });
    }
    return true;
  }

  /** Ancillary data as CMSG_NXTHDR walks through them. */
  #ancillary(control: number, octets: number): Ancillary {
    const { view } = this.#arena.tables;
    let ancillary = none;
    for (let at = control; at < control + octets; at += 24) {
      const head = [view.getBigUint64(at, true), view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
      if (String(head) === String([18n, linux.SOL_UDP, linux.UDP_SEGMENT]))
        ancillary = { ...ancillary, segmentOctets: view.getUint16(at + 16, true) };
      else if (String(head) === String([20n, linux.IPPROTO_IP, linux.IP_TOS]))
        ancillary = { ...ancillary, trafficClass: view.getInt32(at + 16, true) };
      else throw new Error(`cmsg ${head}`);
    }
    return ancillary;
  }

  #gather(vectors: number, count: number): Uint8Array {
    return concat(
      ...Array.from({ length: count }, (_, index) => {
        const start = this.#offset(this.#address(vectors + index * 16));
        const length = Number(this.#arena.tables.view.getBigUint64(vectors + index * 16 + 8, true));
        return this.#arena.octets.slice(start, start + length);
      }),
    );
  }

  #hex(start: number, length: number): string {
    return Buffer.from(this.#arena.tables.octets.slice(start, start + length)).toString("hex");
  }

  #address(at: number): number {
    return Number(this.#arena.tables.view.getBigUint64(at, true));
  }

  /** Where a pointer in a table leads to in the tables. */
  #pointer(at: number): number {
    return this.#tableOffset(this.#address(at));
  }

  #tableOffset(address: number): number {
    return offsetIn(this.#arena.tables, address);
  }

  #offset(address: number): number {
    return offsetIn(this.#arena, address);
  }
}

function offsetIn(memory: Regions, address: number): number {
  const offset = address - addressOf(memory.octets);
  if (offset < 0 || offset >= memory.octets.length) throw new Error(`a pointer outside: ${offset}`);
  return offset;
}
