import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";

/** Link types of capture files. */
export const linkType = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  linuxCooked2: 276,
} as const;

/**
 * One packet of a capture to be written; `originalOctets` differs from its length when the packet was
 * truncated.
 */
export interface WrittenPacket {
  readonly octets: Uint8Array;
  readonly originalOctets?: number;
  readonly timeUs?: number;
}

const START_US = 1_700_000_000_000_000;
const timeOf = (packet: WrittenPacket, index: number): number => packet.timeUs ?? START_US + index;

/** A pcap file, big-endian, with microseconds. */
export function pcapFile(type: number, packets: readonly WrittenPacket[]): Uint8Array {
  const header = new Writer().u32(0xa1b2c3d4).u16(2).u16(4).u32(0).u32(0).u32(262_144).u32(type).finish();
  const records = packets.map((packet, index) => {
    const timeUs = timeOf(packet, index);
    return new Writer()
      .u32(Math.floor(timeUs / 1e6))
      .u32(timeUs % 1e6)
      .u32(packet.octets.length)
      .u32(packet.originalOctets ?? packet.octets.length)
      .octets(packet.octets)
      .finish();
  });
  return concat(header, ...records);
}

/** A pcapng file, big-endian: Section Header, Interface Description and Enhanced Packet Blocks. */
export function pcapngFile(type: number, packets: readonly WrittenPacket[]): Uint8Array {
  const section = block(
    0x0a0d0d0a,
    new Writer().u32(0x1a2b3c4d).u16(1).u16(0).u64(0xffff_ffff_ffff_ffffn).finish(),
  );
  const description = block(1, new Writer().u16(type).u16(0).u32(262_144).finish());
  const enhanced = packets.map((packet, index) => {
    const timeUs = BigInt(timeOf(packet, index));
    const { octets } = packet;
    return block(
      6,
      new Writer()
        .u32(0)
        .u64(timeUs)
        .u32(octets.length)
        .u32(packet.originalOctets ?? octets.length)
        .octets(octets)
        .finish(),
    );
  });
  return concat(section, description, ...enhanced);
}

function block(type: number, body: Uint8Array): Uint8Array {
  const padding = new Uint8Array((4 - (body.length % 4)) % 4);
  const length = 12 + body.length + padding.length;
  return new Writer().u32(type).u32(length).octets(body).octets(padding).u32(length).finish();
}

/** Ends of a packet to be written. */
export interface WrittenRoute {
  readonly family: 4 | 6;
  readonly transport: "udp" | "ip";
  readonly from: "A" | "B";
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

const addresses = {
  A: { 4: fromHex("c0000201"), 6: fromHex("20010db800000000000000000000000a") },
  B: { 4: fromHex("c0000202"), 6: fromHex("20010db800000000000000000000000b") },
} as const;

/** The IP packet that carries a payload of L2TP, without checksums. */
export function ipPacket(route: WrittenRoute, payload: Uint8Array): Uint8Array {
  const protocol = route.transport === "udp" ? 17 : 115;
  const content = route.transport === "udp" ? udpDatagram(route, payload) : payload;
  const source = addresses[route.from][route.family];
  const destination = addresses[route.from === "A" ? "B" : "A"][route.family];
  const header = new Writer();
  if (route.family === 4) {
    header
      .u16(0x4500)
      .u16(20 + content.length)
      .u32(0)
      .u8(64)
      .u8(protocol)
      .u16(0);
  } else {
    header.u32(0x6000_0000).u16(content.length).u8(protocol).u8(64);
  }
  return header.octets(source).octets(destination).octets(content).finish();
}

/** The two fragments of an IP packet, split after `octets` of its payload, a multiple of 8. */
export function fragmentsOf(packet: Uint8Array, octets: number): readonly [Uint8Array, Uint8Array] {
  const isIpv4 = (packet[0] ?? 0) >>> 4 === 4;
  const headerOctets = isIpv4 ? 20 : 40;
  const split = headerOctets + octets;
  const part = (payload: Uint8Array, offset: number, more: boolean): Uint8Array => {
    const fragment = isIpv4
      ? concat(packet.subarray(0, headerOctets), payload)
      : concat(packet.subarray(0, headerOctets), new Uint8Array(8), payload);
    const view = new DataView(fragment.buffer);
    if (isIpv4) {
      view.setUint16(2, fragment.length);
      view.setUint16(4, 0x1234);
      view.setUint16(6, offset / 8 + (more ? 0x2000 : 0));
    } else {
      view.setUint16(4, fragment.length - headerOctets);
      view.setUint8(headerOctets, view.getUint8(6));
      view.setUint8(6, 44);
      view.setUint16(headerOctets + 2, offset + (more ? 1 : 0));
      view.setUint32(headerOctets + 4, 0x1234_5678);
    }
    return fragment;
  };
  return [part(packet.subarray(headerOctets, split), 0, true), part(packet.subarray(split), octets, false)];
}

function udpDatagram(route: WrittenRoute, payload: Uint8Array): Uint8Array {
  return new Writer()
    .u16(route.sourcePort ?? 1701)
    .u16(route.destinationPort ?? 1701)
    .u16(8 + payload.length)
    .u16(0)
    .octets(payload)
    .finish();
}

/** An Ethernet frame with an IP packet behind tags; `tags` are EtherTypes, each with VLAN ID 100. */
export function ethernetFrame(packet: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const writer = new Writer().octets(fromHex("02000000000b02000000000a"));
  for (const tag of tags) writer.u16(tag).u16(100);
  return writer.u16(etherTypeOf(packet)).octets(packet).finish();
}

/** A packet as the given link type has it. */
export function linkPacket(type: number, packet: Uint8Array): Uint8Array {
  const isIpv4 = etherTypeOf(packet) === 0x0800;
  switch (type) {
    case linkType.ethernet:
      return ethernetFrame(packet);
    case linkType.linuxCooked:
      return concat(
        new Writer().u16(0).u16(1).u16(6).u64(0x0200_0000_000a_0000n).u16(etherTypeOf(packet)).finish(),
        packet,
      );
    case linkType.linuxCooked2: {
      const start = new Writer().u16(etherTypeOf(packet)).u16(0).u32(1).u16(1).u8(0).u8(6);
      return concat(start.u64(0x0200_0000_000a_0000n).finish(), packet);
    }
    case linkType.null:
      return concat(fromHex(isIpv4 ? "02000000" : "1e000000"), packet);
    case linkType.loop:
      return concat(fromHex(isIpv4 ? "00000002" : "00000018"), packet);
    default:
      return packet;
  }
}

function etherTypeOf(packet: Uint8Array): number {
  return (packet[0] ?? 0) >>> 4 === 4 ? 0x0800 : 0x86dd;
}
