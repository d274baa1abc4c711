import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import type { DeferredOffloads } from "./deferred-offloads.ts";
import { naiveChecksum } from "./internet-checksum.ts";
import { naiveSegments, type PacketShape, packetOf, plainPacket, unfinished } from "./packets.ts";

/**
 * Frames with a partial checksum at every offset where a host may have one, and GSO packets with such
 * headers.
 */

export interface OffloadFrame {
  readonly name: string;
  /** As the host sends it. */
  readonly frame: Uint8Array;
  /** Undefined where nothing is left to the device. */
  readonly deferred: DeferredOffloads | undefined;
  /** What must arrive. */
  readonly expected: readonly Uint8Array[];
}

/** The source address of all of them. */
export const SOURCE_MAC = fromHex("02000000000a");
const MACS = fromHex("02000000000b02000000000a");
const LINK_OCTETS = 14;
const IPV4_OCTETS = 20;
const SEGMENT_OCTETS = 1200;
/**
 * Octets behind the headers: one length with which short frames must be padded, and one that needs no
 * padding.
 */
const PAYLOADS = [3, 300] as const;
const [CUSTOMER, SERVICE] = ["810000c8", "88a800c8"] as const;

const payloadOf = (octets: number) => Uint8Array.from({ length: octets }, (_, index) => 7 * index + octets);

/** TABLE: what may stand in front of TCP and UDP. */
const fronts: readonly (readonly [string, Partial<PacketShape>])[] = [
  ["nothing else", {}],
  ["4 octets of IPv4 options", { ipOptions: new Uint8Array(4).fill(1) }],
  ["40 octets of IPv4 options", { ipOptions: new Uint8Array(40).fill(1) }],
  ["hop-by-hop options", { version: 6, extensionOctets: 8, extensionTypes: [0] }],
  ["destination options", { version: 6, extensionOctets: 24 }],
  ["a routing header", { version: 6, extensionOctets: 24, extensionTypes: [43] }],
  ["three extension headers", { version: 6, extensionOctets: 8, extensionTypes: [0, 43, 60] }],
  ["two tags", { tags: [SERVICE, CUSTOMER] }],
  ["three tags", { tags: [SERVICE, CUSTOMER, CUSTOMER], version: 6 }],
  ["four tags", { tags: [SERVICE, CUSTOMER, CUSTOMER, CUSTOMER] }],
  ["four tags and IPv4 options", { tags: Array(4).fill(CUSTOMER), ipOptions: new Uint8Array(8).fill(1) }],
  ["six tags", { tags: Array(6).fill(CUSTOMER), version: 6 }],
];

/** The frame with the checksum at `start + offset`, which is right, made a partial one. */
function withPartialChecksum(name: string, whole: Uint8Array, start: number, offset: number) {
  const frame = whole.slice();
  const view = new DataView(frame.buffer);
  const at = start + offset;
  const checksum = view.getUint16(at);
  view.setUint16(at, 0);
  const sum = 0xffff - checksum + naiveChecksum(frame.subarray(start));
  view.setUint16(at, (sum % 0x1_0000) + Math.floor(sum / 0x1_0000));
  return { name, frame, deferred: { start, offset }, expected: [whole] };
}

/** Makes the checksum of all from `start` on, where it is that of what it covers and nothing else. */
function summed(frame: Uint8Array, start: number, offset: number): Uint8Array {
  new DataView(frame.buffer).setUint16(start + offset, naiveChecksum(frame.subarray(start)));
  return frame;
}

function inIpv4(protocol: number, body: Uint8Array, fragment = 0): Uint8Array {
  const header = new Writer()
    .u16(0x4500)
    .u16(IPV4_OCTETS + body.length)
    .u16(1)
    .u16(fragment)
    .u8(64)
    .u8(protocol)
    .u16(0)
    .octets(fromHex("c0000201 c6336402"));
  return concat(header.patchU16(10, naiveChecksum(header.finish())).finish(), body);
}

const inFrame = (type: string, body: Uint8Array) => concat(MACS, fromHex(type), body);

/** Checksums that are not those of TCP or UDP behind plain headers. */
function elsewhere(octets: number) {
  const payload = payloadOf(octets);
  const tcp = packetOf({ ...plainPacket, payload });
  const ip = tcp.frame.subarray(LINK_OCTETS);
  const ipv4 = (name: string, protocol: number, head: string, offset: number, fragment = 0) => {
    const start = LINK_OCTETS + IPV4_OCTETS;
    const packet = inIpv4(protocol, concat(fromHex(head), payload), fragment);
    return withPartialChecksum(name, summed(inFrame("0800", packet), start, offset), start, offset);
  };
  const around = (name: string, front: Uint8Array, inner: Uint8Array) =>
    withPartialChecksum(
      name,
      concat(front, inner),
      front.length + tcp.transport - tcp.frame.length + inner.length,
      16,
    );
  const tunnel = (protocol: number, head: string, inner: Uint8Array) => {
    const packet = inIpv4(protocol, concat(fromHex(head), inner));
    return inFrame("0800", packet).slice(0, LINK_OCTETS + packet.length - inner.length);
  };
  const vxlan = new Writer()
    .u16(50_000)
    .u16(4789)
    .u16(16 + tcp.frame.length)
    .u16(0)
    .finish();
  const header = concat(vxlan, fromHex("0800000000002a00"));
  const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  return [
    ipv4("ICMP", 1, "0800000012340001", 2),
    ipv4("SCTP", 132, "9c4001bb0000000100000000", 8),
    ipv4("UDP-Lite", 136, "9c4001bb00000000", 6),
    ipv4("GRE with a checksum", 47, "8000080000000000", 4),
    ipv4("the first fragment of UDP", 17, "9c4001bb02000000", 6, 0x2000),
    ipv4("a later fragment", 17, "9c4001bb02000000", 6, 0x0010),
    around("TCP in MPLS", inFrame("8847", fromHex("00064140")), ip),
    around("TCP in PPPoE", inFrame("8864", fromHex("110000010100 0021")), ip),
    around("TCP in IPIP", tunnel(4, "", ip), ip),
    around("TCP in GRE", tunnel(47, "00000800", ip), ip),
    around("TCP in VXLAN", tunnel(17, hexOf(header), tcp.frame), tcp.frame),
    around("TCP in a frame of IEEE 802.3", inFrame("0040", fromHex("aaaa030000000800")), ip),
  ];
}

/** Single frames, and the same ones finished; `tags` stand in front of all of their own. */
export function partialChecksumFrames(tags: readonly string[]): readonly OffloadFrame[] {
  return singleFrames(tags).flatMap((each) => [each, finished(each)]);
}

const finished = ({ name, frame, expected: [whole = frame] }: OffloadFrame): OffloadFrame => ({
  ...{ name: `${name}, finished`, frame: whole, deferred: undefined, expected: [whole] },
});

function singleFrames(tags: readonly string[]): readonly OffloadFrame[] {
  return PAYLOADS.flatMap((octets) => [
    ...shapes(octets, tags).map(([name, shape]) => {
      const { frame, checksumStart: start, checksumOffset: offset } = unfinished(shape);
      return { name, frame, deferred: { start, offset }, expected: [packetOf(shape).frame] };
    }),
    ...elsewhere(octets).map((each) => behind(tags, each)),
  ]);
}

/** GSO packets whose headers no program parses, so that they are segmented before they are encapsulated. */
export function gsoFrames(tags: readonly string[]): readonly OffloadFrame[] {
  return shapes(4 * SEGMENT_OCTETS + 5, tags)
    .filter(([name]) => !name.endsWith("nothing else"))
    .map(([name, shape]) => {
      const { frame, checksumStart: start, checksumOffset: offset } = unfinished(shape);
      const headerOctets = start + (shape.transport === "tcp" ? 20 : 8);
      const kind = `${shape.transport}${shape.version}` as const;
      const gso = { kind, headerOctets, segmentOctets: SEGMENT_OCTETS };
      const expected = naiveSegments(shape, SEGMENT_OCTETS);
      return { name: `GSO packet of ${name}`, frame, deferred: { start, offset, gso }, expected };
    });
}

function shapes(octets: number, tags: readonly string[]): readonly (readonly [string, PacketShape])[] {
  return (["tcp", "udp"] as const).flatMap((transport) =>
    fronts.map(([name, front]) => {
      // With those in front there are as many as the name says.
      const own = (front.tags ?? []).slice(tags.length);
      const shape = {
        ...plainPacket,
        payload: payloadOf(octets),
        transport,
        ...front,
        tags: [...tags, ...own],
      };
      return [`${octets} octets of ${transport} behind ${name}`, shape] as const;
    }),
  );
}

function behind(
  tags: readonly string[],
  { name, frame, deferred, expected }: ReturnType<typeof withPartialChecksum>,
): OffloadFrame {
  const tag = (octets: Uint8Array) =>
    concat(octets.subarray(0, MACS.length), ...tags.map(fromHex), octets.subarray(MACS.length));
  const start = deferred.start + 4 * tags.length;
  return { name, frame: tag(frame), deferred: { ...deferred, start }, expected: expected.map(tag) };
}
