import { type CaptureTime, writeTime } from "./pcapng-time.ts";

/**
 * Writes pcapng (draft-ietf-opsawg-pcapng): a section header, descriptions of interfaces, packets with their
 * direction, and statistics of what was lost. In little-endian, with times of nanoseconds.
 */

/** TABLE: types of blocks, and of their options. */
export const blockTypes = { section: 0x0a0d0d0a, interface: 1, statistics: 5, packet: 6 } as const;
const option = {
  end: 0,
  comment: 1,
  hardware: 2,
  operatingSystem: 3,
  application: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  timeResolution: 9,
  interfaceFilter: 11,
  packetFlags: 2,
} as const;
export const statisticsOptions = { startTime: 2, endTime: 3, received: 4, dropped: 5 } as const;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Times count units of 10^-9 s. */
const NANOSECONDS = 9;
/** Bits 0 and 1 of the flags of a packet. */
const directionBits = { inbound: 1, outbound: 2 } as const;

/** TABLE: link types that we write (LINKTYPE_ of tcpdump.org): Ethernet, and IP without a link header. */
export const linkTypes = { ethernet: 1, ip: 101 } as const;

/** An interface of a capture. */
export interface CaptureInterface {
  readonly name: string;
  readonly description: string;
  readonly linkType: number;
  /** Octets that are kept of each packet. */
  readonly snapOctets: number;
  /** The filter expression, for people. */
  readonly filter?: string | undefined;
}

/** A packet of a capture. Its octets are copied. */
export interface CapturePacket extends CaptureTime {
  readonly octets: Uint8Array;
  /** Its length before it was cut to what is kept. */
  readonly originalOctets: number;
  readonly direction: keyof typeof directionBits;
}

/** What was seen and lost of an interface since the capture began. */
export interface CaptureStatistics {
  readonly start: CaptureTime;
  readonly end: CaptureTime;
  readonly received: number;
  readonly dropped: number;
}

/** Octets of a packet's block beside the packet, its padding and its comment. */
const PACKET_OVERHEAD = 64;
const SMALLEST_BUFFER = 65_536;
const encoder = new TextEncoder();

/** Puts blocks together, one after the other, until `take` gives them away. */
export class PcapngWriter {
  #octets = new Uint8Array(SMALLEST_BUFFER);
  #view = new DataView(this.#octets.buffer);
  #length = 0;
  #block = 0;

  /** Octets that `take` would give. */
  get length(): number {
    return this.#length;
  }

  /** The blocks so far, which belong to the caller. */
  take(): Uint8Array {
    const taken = this.#octets.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** The beginning of a capture, by which program and on what machine. */
  section(application: string, machine: { readonly hardware: string; readonly system: string }): void {
    this.#begin(blockTypes.section, SMALLEST_BUFFER);
    this.#u32(BYTE_ORDER_MAGIC);
    this.#u32(1);
    // The length of the section, which is not known.
    this.#u32(0xffff_ffff);
    this.#u32(0xffff_ffff);
    this.#textOption(option.hardware, machine.hardware);
    this.#textOption(option.operatingSystem, machine.system);
    this.#textOption(option.application, application);
    this.#end();
  }

  /** An interface; packets name it by its number, from 0 in the order of these blocks. */
  interface({ name, description, linkType, snapOctets, filter }: CaptureInterface): void {
    this.#begin(blockTypes.interface, SMALLEST_BUFFER);
    this.#u16(linkType);
    this.#u16(0);
    this.#u32(snapOctets);
    this.#textOption(option.interfaceName, name);
    this.#textOption(option.interfaceDescription, description);
    this.#option(option.timeResolution, Uint8Array.of(NANOSECONDS));
    // The first octet says that a text follows, and not a program.
    if (filter !== undefined) this.#textOption(option.interfaceFilter, `\0${filter}`);
    this.#end();
  }

  /** A packet of an interface; the comment is shown beside it. */
  packet(number: number, packet: CapturePacket, comment?: string): void {
    const { octets, originalOctets, direction } = packet;
    this.#begin(blockTypes.packet, octets.length + PACKET_OVERHEAD + 3 * (comment?.length ?? 0));
    this.#u32(number);
    this.#time(packet);
    this.#u32(octets.length);
    this.#u32(originalOctets);
    this.#padded(octets);
    if (comment !== undefined) this.#textOption(option.comment, comment);
    this.#u16(option.packetFlags);
    this.#u16(4);
    this.#u32(directionBits[direction]);
    this.#end();
  }

  /** What was seen of an interface so far; a later block of the same interface replaces it. */
  statistics(number: number, { start, end, received, dropped }: CaptureStatistics): void {
    this.#begin(blockTypes.statistics, PACKET_OVERHEAD * 2);
    this.#u32(number);
    this.#time(end);
    for (const [code, time] of [
      [statisticsOptions.startTime, start],
      [statisticsOptions.endTime, end],
    ] as const) {
      this.#u16(code);
      this.#u16(8);
      this.#time(time);
    }
    for (const [code, count] of [
      [statisticsOptions.received, received],
      [statisticsOptions.dropped, dropped],
    ] as const) {
      this.#u16(code);
      this.#u16(8);
      this.#u32(count >>> 0);
      this.#u32(Math.floor(count / 0x1_0000_0000));
    }
    this.#end();
  }

  #begin(type: number, room: number): void {
    this.#grow(room + PACKET_OVERHEAD);
    this.#block = this.#length;
    this.#u32(type);
    this.#u32(0);
  }

  /** Ends the options and the block, whose length stands at both ends. */
  #end(): void {
    this.#u32(option.end);
    const octets = this.#length + 4 - this.#block;
    this.#u32(octets);
    this.#view.setUint32(this.#block + 4, octets, true);
  }

  #textOption(code: number, text: string): void {
    this.#option(code, encoder.encode(text).subarray(0, 0xffff));
  }

  #option(code: number, value: Uint8Array): void {
    this.#grow(value.length + PACKET_OVERHEAD);
    this.#u16(code);
    this.#u16(value.length);
    this.#padded(value);
  }

  #padded(octets: Uint8Array): void {
    this.#octets.set(octets, this.#length);
    this.#length += octets.length;
    while (this.#length % 4 !== 0) this.#octets[this.#length++] = 0;
  }

  #time(time: CaptureTime): void {
    writeTime(this.#view, this.#length, time);
    this.#length += 8;
  }

  #u16(value: number): void {
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  #grow(room: number): void {
    if (this.#length + room <= this.#octets.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#octets.length, this.#length + room));
    larger.set(this.#octets.subarray(0, this.#length));
    this.#octets = larger;
    this.#view = new DataView(larger.buffer);
  }
}
