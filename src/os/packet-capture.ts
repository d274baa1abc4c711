import {
  addressOf,
  close,
  getsockopt,
  lastError,
  linux,
  memoryAt,
  mmap,
  munmap,
  setsockopt,
  socket,
} from "./libc.ts";
import { attachFilter, type FilterLine } from "./socket-filter.ts";
import { bindToInterface } from "./sockets.ts";

/**
 * Packets that pass an interface, in a receive ring of packet(7): the kernel copies them, and drops and
 * counts what finds no room.
 */

const TPACKET_V3 = 2;
/** The longest packet and its header fit in a block. */
const BLOCK_OCTETS = 256 * 1024;
const BLOCKS = 32;
const RING_OCTETS = BLOCK_OCTETS * BLOCKS;
/** Nominal: packets have whatever length they have. */
const FRAME_OCTETS = 2048;
/** After so long the kernel gives a block away that is not full. */
const RETIRE_MS = 4;

/** Offsets in a block: struct tpacket_block_desc (linux/if_packet.h). */
const block = { status: 8, packets: 12, first: 16 } as const;
const OURS = 1;
/** Offsets in a packet: struct tpacket3_hdr, and struct sockaddr_ll behind it. */
const packet = {
  next: 0,
  seconds: 4,
  nanoseconds: 8,
  kept: 12,
  original: 16,
  status: 20,
  link: 24,
  network: 26,
  tagControl: 32,
  tagProtocol: 36,
  packetType: 48 + 10,
} as const;
const VLAN_VALID = 0x10;
const TPID_VALID = 0x40;
const DEFAULT_TPID = 0x8100;
/** PACKET_OUTGOING. */
const OUTGOING = 4;

const PROTECTION_READ_WRITE = 3;
const MAP_SHARED = 1;

/** A packet in the ring. */
export interface RingPacket {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Its first octets, as many as the filter keeps; a view, not a copy. */
  readonly octets: Uint8Array;
  readonly originalOctets: number;
  /** Whether the interface sends it. */
  readonly isOutgoing: boolean;
  /** The VLAN tag of its metadata, which is not in the octets: EtherType above the control information. */
  readonly tag: number | undefined;
}

/** What is captured. */
export interface PacketCaptureOptions {
  readonly interfaceIndex: number;
  /** Whether packets come with the header of the link layer, or begin with IP. */
  readonly withLinkHeader: boolean;
  /** Which packets, and how many octets of each. */
  readonly filter: readonly FilterLine[];
}

/** Reads packets that pass an interface. They stay in the ring until `skip`. */
export class PacketCapture implements Disposable {
  readonly #fd: number;
  readonly #address: number;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  /** The same octets as words, of which the status of a block is handed to and fro with the kernel. */
  readonly #words: Int32Array;
  readonly #withLinkHeader: boolean;
  #block = 0;
  /** The next packet of the block, and how many are left with it; 0: the block is the kernel's. */
  #at = 0;
  #left = 0;
  #packet: RingPacket | undefined;
  #received = 0;
  #dropped = 0;

  private constructor(fd: number, address: number, withLinkHeader: boolean) {
    this.#fd = fd;
    this.#address = address;
    this.#withLinkHeader = withLinkHeader;
    const memory = memoryAt(address, RING_OCTETS);
    this.#octets = new Uint8Array(memory);
    this.#view = new DataView(memory);
    this.#words = new Int32Array(memory);
  }

  /** Throws SystemError. */
  static open({ interfaceIndex, withLinkHeader, filter }: PacketCaptureOptions): PacketCapture {
    const target = `interface ${interfaceIndex}`;
    const kind = withLinkHeader ? linux.SOCK_RAW : linux.SOCK_DGRAM;
    // With protocol 0 it hears nothing until it is bound, when all else is set.
    const fd = socket(linux.AF_PACKET, kind | linux.SOCK_CLOEXEC, 0);
    if (fd < 0) throw lastError("open a capture", target, "a capture needs CAP_NET_RAW");
    let address = 0;
    try {
      setFilter(fd, filter, target);
      option(fd, linux.PACKET_VERSION, Uint32Array.of(TPACKET_V3), target);
      const ring = Uint32Array.of(
        BLOCK_OCTETS,
        BLOCKS,
        FRAME_OCTETS,
        RING_OCTETS / FRAME_OCTETS,
        RETIRE_MS,
        0,
        0,
      );
      option(fd, linux.PACKET_RX_RING, ring, target);
      address = mmap(0, RING_OCTETS, PROTECTION_READ_WRITE, MAP_SHARED, fd, 0);
      if (address <= 0) throw lastError("map a capture", target);
      if (!bindToInterface(fd, interfaceIndex, linux.ETH_P_ALL)) throw lastError("bind a capture", target);
      return new PacketCapture(fd, address, withLinkHeader);
    } catch (error) {
      if (address > 0) munmap(address, RING_OCTETS);
      close(fd);
      throw error;
    }
  }

  /** Captures others from now on. Throws SystemError. */
  setFilter(filter: readonly FilterLine[]): void {
    setFilter(this.#fd, filter, "packet socket");
  }

  get received(): number {
    this.#count();
    return this.#received;
  }

  get dropped(): number {
    this.#count();
    return this.#dropped;
  }

  /** The oldest packet; undefined when none waits. */
  peek(): RingPacket | undefined {
    this.#packet ??= this.#read();
    return this.#packet;
  }

  /** Gives the memory of that packet back. */
  skip(): void {
    if (this.peek() === undefined) return;
    this.#packet = undefined;
    this.#at += this.#view.getUint32(this.#at + packet.next, true);
    this.#left -= 1;
    if (this.#left === 0) this.#release();
  }

  [Symbol.dispose](): void {
    munmap(this.#address, RING_OCTETS);
    close(this.#fd);
  }

  #read(): RingPacket | undefined {
    if (this.#left === 0 && !this.#takeBlock()) return undefined;
    const view = this.#view;
    const at = this.#at;
    const status = view.getUint32(at + packet.status, true);
    const begin = at + view.getUint16(at + (this.#withLinkHeader ? packet.link : packet.network), true);
    const protocol =
      (status & TPID_VALID) === 0 ? DEFAULT_TPID : view.getUint16(at + packet.tagProtocol, true);
    const control = view.getUint32(at + packet.tagControl, true) & 0xffff;
    return {
      seconds: view.getUint32(at + packet.seconds, true),
      nanoseconds: view.getUint32(at + packet.nanoseconds, true),
      octets: this.#octets.subarray(begin, begin + view.getUint32(at + packet.kept, true)),
      originalOctets: view.getUint32(at + packet.original, true),
      isOutgoing: view.getUint8(at + packet.packetType) === OUTGOING,
      tag: (status & VLAN_VALID) === 0 ? undefined : protocol * 0x1_0000 + control,
    };
  }

  /** Takes the next block that the kernel has filled; false without one. */
  #takeBlock(): boolean {
    for (;;) {
      if ((Atomics.load(this.#words, this.#status) & OURS) === 0) return false;
      const start = this.#block * BLOCK_OCTETS;
      this.#left = this.#view.getUint32(start + block.packets, true);
      this.#at = start + this.#view.getUint32(start + block.first, true);
      if (this.#left > 0) return true;
      this.#release();
    }
  }

  #release(): void {
    Atomics.store(this.#words, this.#status, 0);
    this.#block = (this.#block + 1) % BLOCKS;
  }

  /** Index of the word with the status of the block. */
  get #status(): number {
    return (this.#block * BLOCK_OCTETS + block.status) / 4;
  }

  /** Adds what the kernel counted since it was asked last: received with the dropped ones, dropped. */
  #count(): void {
    const counts = new Uint32Array(3);
    const length = Uint32Array.of(counts.byteLength);
    const octets = new Uint8Array(counts.buffer);
    const lengthOctets = new Uint8Array(length.buffer);
    const { SOL_PACKET, PACKET_STATISTICS } = linux;
    if (getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, addressOf(octets), addressOf(lengthOctets)) !== 0)
      return;
    this.#received += counts[0] ?? 0;
    this.#dropped += counts[1] ?? 0;
  }
}

function option(fd: number, name: number, value: Uint32Array, target: string): void {
  const octets = new Uint8Array(value.buffer);
  if (setsockopt(fd, linux.SOL_PACKET, name, addressOf(octets), octets.length) === 0) return;
  throw lastError(`set packet option ${name}`, target);
}

function setFilter(fd: number, filter: readonly FilterLine[], target: string): void {
  if (!attachFilter(fd, filter)) throw lastError("set the filter of a capture", target);
}
