import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { naiveChecksum } from "./internet-checksum.ts";

/** Tunnels of hosts, made by the book around a frame with one packet in it. */

/** What stands in front of a tunnel's payload. */
export interface Outside {
  readonly version: 4 | 6;
  readonly tags: readonly string[];
  /** Of the IPv4 header. */
  readonly identification: number;
  /**
   * Of the tunnel's own UDP header: none, a right one, or the pseudo header's alone, as senders of GSO
   * packets leave it.
   */
  readonly checksum: "none" | "right" | "unfinished";
  /**
   * Over IPv6 alone: a routing header with one hop to go, so that the destination is another than the IPv6
   * header says.
   */
  readonly isRouted: boolean;
}

const MACS = "02000000020b02000000020a";
const SOURCE = { 4: "0a000001", 6: "fd000000000000000000000000000001" } as const;
const DESTINATION = { 4: "0a000002", 6: "fd000000000000000000000000000002" } as const;
const HOP = "fd0000000000000000000000000000aa";
const ROUTING = 43;
const UDP = 17;

function ipPacket(outside: Outside, protocol: number, payload: Uint8Array): Uint8Array {
  const { version, identification, isRouted } = outside;
  if (version === 6) {
    const route = new Writer().u8(protocol).u8(2).u8(4).u8(1).u32(0).octets(fromHex(DESTINATION[6])).finish();
    const behind = isRouted ? concat(route, payload) : payload;
    const header = new Writer().u32(0x6b012345).u16(behind.length);
    header.u8(isRouted ? ROUTING : protocol).u8(64);
    return concat(header.finish(), fromHex(SOURCE[6]), fromHex(isRouted ? HOP : DESTINATION[6]), behind);
  }
  const header = new Writer()
    .u16(0x4500)
    .u16(20 + payload.length)
    .u16(identification)
    .u16(0x4000)
    .u8(64);
  header.u8(protocol).u16(0).octets(fromHex(SOURCE[4])).octets(fromHex(DESTINATION[4]));
  return concat(header.patchU16(10, naiveChecksum(header.finish())).finish(), payload);
}

function udpDatagram({ version, checksum }: Outside, port: number, payload: Uint8Array): Uint8Array {
  const datagram = new Writer()
    .u16(50_000)
    .u16(port)
    .u16(8 + payload.length)
    .u16(0)
    .octets(payload);
  if (checksum === "none") return datagram.finish();
  const addresses = fromHex(SOURCE[version] + DESTINATION[version]);
  const pseudo = new Writer().octets(addresses).u32(datagram.length).u32(UDP).finish();
  if (checksum === "unfinished") return datagram.patchU16(6, 0xffff - naiveChecksum(pseudo)).finish();
  const sum = naiveChecksum(pseudo, datagram.finish());
  return datagram.patchU16(6, sum === 0 ? 0xffff : sum).finish();
}

/** The IP packet in a frame without tags. */
function packetIn(frame: Uint8Array): Uint8Array {
  return frame.subarray(14);
}

function isV6(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 6;
}

const etherTypeOf = (packet: Uint8Array): string => (isV6(packet) ? "86dd" : "0800");
const protocolOf = (packet: Uint8Array): number => (isV6(packet) ? 41 : 4);

/** GRE with a payload of an EtherType (RFC 2784, RFC 2890); a checksum is made of the given frame. */
function gre(flags: number, type: string, payload: Uint8Array): Uint8Array {
  const hasChecksum = (flags & 0x8000) !== 0;
  const writer = new Writer().u16(flags).octets(fromHex(type));
  if (hasChecksum) writer.u32(0);
  if ((flags & 0x2000) !== 0) writer.u32(0x01020304);
  if ((flags & 0x1000) !== 0) writer.u32(7);
  writer.octets(payload);
  return (hasChecksum ? writer.patchU16(4, naiveChecksum(writer.finish())) : writer).finish();
}

type Wrap = (outside: Outside, frame: Uint8Array) => Uint8Array;

const overUdp =
  (port: number, header: (packet: Uint8Array) => string, bridges: boolean): Wrap =>
  (outside, frame) => {
    const payload = concat(fromHex(header(packetIn(frame))), bridges ? frame : packetIn(frame));
    return ipPacket(outside, UDP, udpDatagram(outside, port, payload));
  };

const overGre =
  (flags: number, bridges: boolean): Wrap =>
  (outside, frame) => {
    const payload = bridges ? frame : packetIn(frame);
    return ipPacket(outside, 47, gre(flags, bridges ? "6558" : etherTypeOf(payload), payload));
  };

const LABELS = "00064040 000c8140";

/** TABLE: tunnels that Linux hosts have, by how the payload is wrapped into an IP packet. */
export const tunnels: Readonly<Record<string, Wrap>> = {
  VXLAN: overUdp(4789, () => "08000000 00002a00", true),
  "VXLAN of another port, with a group policy": overUdp(8472, () => "88000007 00002a00", true),
  "VXLAN-GPE": overUdp(4790, (packet) => `0c0000${isV6(packet) ? "02" : "01"} 00002a00`, false),
  "VXLAN-GPE of frames": overUdp(4790, () => "0c000003 00002a00", true),
  Geneve: overUdp(6081, () => "00006558 00002a00", true),
  "Geneve with options": overUdp(6081, () => `02806558 00002a00 0103800100 000007`, true),
  "Geneve with all options": overUdp(6081, () => `3f006558 00002a00 ${"00".repeat(252)}`, true),
  "Geneve of packets": overUdp(6081, (packet) => `0000${etherTypeOf(packet)} 00002a00`, false),
  GRE: overGre(0, false),
  "GRE with a key": overGre(0x2000, false),
  "GRE with a checksum": overGre(0x8000, false),
  "GRE of frames": overGre(0, true),
  "GRE of frames with key and checksum": overGre(0xa000, true),
  "IP in IP": (outside, frame) => ipPacket(outside, protocolOf(packetIn(frame)), packetIn(frame)),
  EtherIP: (outside, frame) => ipPacket(outside, 97, concat(fromHex("3000"), frame)),
  "MPLS in IP": (outside, frame) => ipPacket(outside, 137, concat(fromHex(LABELS), packetIn(frame))),
  "MPLS in UDP": overUdp(6635, () => LABELS, false),
  "IP in UDP": overUdp(5555, () => "", false),
  "GRE in UDP": (outside, frame) =>
    ipPacket(
      outside,
      UDP,
      udpDatagram(outside, 4754, gre(0x8000, etherTypeOf(packetIn(frame)), packetIn(frame))),
    ),
  "Generic UDP Encapsulation": overUdp(6080, (packet) => `00${isV6(packet) ? "29" : "04"}0000`, false),
};

/** A frame without tags, in a tunnel. */
export function tunnelled(tunnel: Wrap, outside: Outside, frame: Uint8Array): Uint8Array {
  const packet = tunnel(outside, frame);
  return concat(fromHex(MACS), ...outside.tags.map(fromHex), fromHex(etherTypeOf(packet)), packet);
}

/** The same frame behind MPLS labels and no tunnel's IP header. */
export function labelled(frame: Uint8Array): Uint8Array {
  return concat(fromHex(MACS), fromHex("8847"), fromHex(LABELS), packetIn(frame));
}
