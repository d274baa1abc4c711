import { outerTag } from "./auxdata.ts";
import { close, lastError, linux, memoryAt, munmap, socket } from "./libc.ts";
import { mapReceiveRing, PacketCounts, ringVersions } from "./receive-ring.ts";
import { attachFilter, type FilterLine } from "./socket-filter.ts";
import { bindToInterface } from "./sockets.ts";

/**
 * Packets that pass an interface, in a receive ring of packet(7): the kernel copies them, and drops and
 * counts what finds no room.
 */

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
/** PACKET_OUTGOING. */
const OUTGOING = 4;

/** A packet in the ring. */
export interface RingPacket {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Its first octets, as many as the filter keeps; a view, not a copy. */
  readonly octets: Uint8Array;
  readonly originalOctets: number;
  readonly direction: PacketDirection;
}

/** "outbound": the interface sends it. */
export type PacketDirection = "inbound" | "outbound";

/** What is captured. */
export interface PacketCaptureOptions {
  readonly interfaceIndex: number;
  /** Whether packets come with the header of the link layer, or begin with IP. */
  readonly withLinkHeader: boolean;
  /** Which packets, and how many octets of each. */
  readonly filter: readonly FilterLine[];
  /**
   * The direction of packets by the VLAN tag in their metadata, which is not in the octets: EtherType above
   * the control information, -1 without one; default: whether the interface sends them.
   */
  readonly directionOf?: (tag: number) => PacketDirection;
}

/** Reads packets that pass an interface. They stay in the ring until `skip`. */
export class PacketCapture implements Disposable {
  readonly #fd: number;
  readonly #address: number;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  /** The same octets as words, of which the status of a block is handed to and fro with the kernel. */
  readonly #words: Int32Array;
  /** Where a packet's header says where it begins. */
  readonly #begin: number;
  readonly #directionOf: PacketCaptureOptions["directionOf"];
  readonly #counts: PacketCounts;
  #block = 0;
  /** The next packet of the block, and how many are left with it; 0: the block is the kernel's. */
  #at = 0;
  #left = 0;
  #packet: RingPacket | undefined;

  private constructor(fd: number, address: number, options: PacketCaptureOptions) {
    this.#fd = fd;
    this.#address = address;
    this.#begin = options.withLinkHeader ? packet.link : packet.network;
    this.#directionOf = options.directionOf;
    this.#counts = new PacketCounts(fd);
    const memory = memoryAt(address, RING_OCTETS);
    this.#octets = new Uint8Array(memory);
    this.#view = new DataView(memory);
    this.#words = new Int32Array(memory);
  }

  /** Throws SystemError. */
  static open(options: PacketCaptureOptions): PacketCapture {
    const { interfaceIndex, withLinkHeader, filter } = options;
    const target = `interface ${interfaceIndex}`;
    const kind = withLinkHeader ? linux.SOCK_RAW : linux.SOCK_DGRAM;
    // With protocol 0 it hears nothing until it is bound, when all else is set.
    const fd = socket(linux.AF_PACKET, kind | linux.SOCK_CLOEXEC, 0);
    if (fd < 0) throw lastError("open a capture", target, "a capture needs CAP_NET_RAW");
    let address = 0;
    try {
      setFilter(fd, filter, target);
      const ring = Uint32Array.of(
        BLOCK_OCTETS,
        BLOCKS,
        FRAME_OCTETS,
        RING_OCTETS / FRAME_OCTETS,
        RETIRE_MS,
        0,
        0,
      );
      address = mapReceiveRing(fd, ringVersions.tpacket3, ring, RING_OCTETS, target);
      if (!bindToInterface(fd, interfaceIndex, linux.ETH_P_ALL)) throw lastError("bind a capture", target);
      return new PacketCapture(fd, address, options);
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
    return this.#counts.received;
  }

  get dropped(): number {
    return this.#counts.dropped;
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
    const begin = at + view.getUint16(at + this.#begin, true);
    return {
      seconds: view.getUint32(at + packet.seconds, true),
      nanoseconds: view.getUint32(at + packet.nanoseconds, true),
      octets: this.#octets.subarray(begin, begin + view.getUint32(at + packet.kept, true)),
      originalOctets: view.getUint32(at + packet.original, true),
      direction: this.#directionAt(at),
    };
  }

  #directionAt(at: number): PacketDirection {
    const view = this.#view;
    if (this.#directionOf === undefined)
      return view.getUint8(at + packet.packetType) === OUTGOING ? "outbound" : "inbound";
    const { status, tagControl, tagProtocol } = packet;
    return this.#directionOf(outerTag(view, at + status, at + tagControl, at + tagProtocol));
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
}

function setFilter(fd: number, filter: readonly FilterLine[], target: string): void {
  if (!attachFilter(fd, filter)) throw lastError("set the filter of a capture", target);
}
