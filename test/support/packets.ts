import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { naiveChecksum } from "./internet-checksum.ts";

/** A TCP or UDP packet in an Ethernet frame, field by field. */
export interface PacketShape {
  readonly version: 4 | 6;
  readonly transport: "tcp" | "udp";
  /** Each 8 hexadecimal digits. */
  readonly tags: readonly string[];
  /** Octets of IPv4 options: 0 to 40, a multiple of 4. */
  readonly ipOptions: Uint8Array;
  /** Octets of each IPv6 extension header: 0 where there is none, or a multiple of 8. */
  readonly extensionOctets: number;
  /** Of what types they are, by their numbers; default one destination options header. */
  readonly extensionTypes?: readonly number[];
  /** Octets of TCP options: 0 to 40, a multiple of 4. */
  readonly tcpOptions: Uint8Array;
  readonly trafficClass: number;
  readonly identification: number;
  /** Default 40000. */
  readonly sourcePort?: number;
  readonly sequence: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const tcpFlags = { fin: 0x01, psh: 0x08, ack: 0x10, ece: 0x40, cwr: 0x80 } as const;

/** An ordinary TCP segment over IPv4 without payload, for shapes to differ from. */
export const plainPacket: PacketShape = {
  version: 4,
  transport: "tcp",
  tags: [],
  ipOptions: new Uint8Array(0),
  extensionOctets: 0,
  tcpOptions: new Uint8Array(0),
  trafficClass: 0,
  identification: 1,
  sequence: 1,
  flags: tcpFlags.ack,
  payload: new Uint8Array(0),
};

const MACS = "02000000000b02000000000a";
const ADDRESSES = {
  4: fromHex("c0000201 c6336402"),
  6: fromHex("20010db8000000000000000000000001 20010db80000000000000000000000ff"),
} as const;
const NUMBER = { tcp: 6, udp: 17 } as const;
const ROUTING = 43;
const DESTINATION_OPTIONS = 60;
const EXPERIMENTAL = 253;

function transportHeader(shape: PacketShape, checksum: number): Uint8Array {
  const { transport, payload, tcpOptions, sourcePort = 40_000 } = shape;
  const writer = new Writer().u16(sourcePort).u16(443);
  if (transport === "udp")
    return writer
      .u16(8 + payload.length)
      .u16(checksum)
      .finish();
  return writer
    .u32(shape.sequence)
    .u32(0x01020304)
    .u8((5 + tcpOptions.length / 4) << 4)
    .u8(shape.flags)
    .u16(0x7fff)
    .u16(checksum)
    .u16(0)
    .octets(tcpOptions)
    .finish();
}

function pseudoHeader({ version, transport }: PacketShape, length: number): Uint8Array {
  return concat(ADDRESSES[version], new Writer().u32(length).u32(NUMBER[transport]).finish());
}

/** Options that pad, or a routing header of an experimental type that has been obeyed. */
function extensions({ transport, extensionOctets, extensionTypes = [DESTINATION_OPTIONS] }: PacketShape) {
  if (extensionOctets === 0) return { first: NUMBER[transport], octets: new Uint8Array(0) };
  const headers = extensionTypes.map((type, index) => {
    const octets = new Uint8Array(extensionOctets);
    const content = type === ROUTING ? [EXPERIMENTAL, 0] : [1, extensionOctets - 4];
    octets.set([extensionTypes[index + 1] ?? NUMBER[transport], extensionOctets / 8 - 1, ...content]);
    return octets;
  });
  return { first: extensionTypes[0] ?? NUMBER[transport], octets: concat(...headers) };
}

function networkHeader(shape: PacketShape, behind: number): Uint8Array {
  const { version, trafficClass, ipOptions, transport } = shape;
  if (version === 6) {
    const { first: next, octets } = extensions(shape);
    const first = (6 * 0x1000_0000 + trafficClass * 0x10_0000 + 0x12345) >>> 0;
    const header = new Writer()
      .u32(first)
      .u16(octets.length + behind)
      .u8(next)
      .u8(64);
    return concat(header.octets(ADDRESSES[6]).finish(), octets);
  }
  const octets = 20 + ipOptions.length;
  const header = new Writer()
    .u8(0x40 + octets / 4)
    .u8(trafficClass)
    .u16(octets + behind)
    .u16(shape.identification)
    .u16(0x4000)
    .u8(64)
    .u8(NUMBER[transport])
    .u16(0)
    .octets(ADDRESSES[4])
    .octets(ipOptions);
  return header.patchU16(10, naiveChecksum(header.finish())).finish();
}

/** The frame with all lengths and checksums right, and where its network and transport headers start. */
export function packetOf(shape: PacketShape): {
  readonly frame: Uint8Array;
  readonly network: number;
  readonly transport: number;
} {
  const blank = transportHeader(shape, 0);
  const length = blank.length + shape.payload.length;
  const sum = naiveChecksum(pseudoHeader(shape, length), blank, shape.payload);
  const checksum = shape.transport === "udp" && sum === 0 ? 0xffff : sum;
  const type = fromHex(shape.version === 4 ? "0800" : "86dd");
  const link = concat(fromHex(MACS), ...shape.tags.map(fromHex), type);
  const network = networkHeader(shape, length);
  const frame = concat(link, network, transportHeader(shape, checksum), shape.payload);
  return { frame, network: link.length, transport: link.length + network.length };
}

/** The same frame with a partial checksum: the field holds the sum of the pseudo header alone. */
export function unfinished(shape: PacketShape): {
  readonly frame: Uint8Array;
  readonly checksumStart: number;
  readonly checksumOffset: number;
} {
  const { frame, transport } = packetOf(shape);
  const checksumOffset = shape.transport === "tcp" ? 16 : 6;
  const pseudo = 0xffff - naiveChecksum(pseudoHeader(shape, frame.length - transport));
  new DataView(frame.buffer).setUint16(transport + checksumOffset, pseudo);
  return { frame, checksumStart: transport, checksumOffset };
}

/** The segments of a GSO packet: each is a packet of its own, made anew from its fields. */
export function naiveSegments(shape: PacketShape, size: number): readonly Uint8Array[] {
  const count = Math.ceil(shape.payload.length / size);
  return Array.from({ length: count }, (_, index) => {
    let { flags } = shape;
    if (index < count - 1) flags &= ~(tcpFlags.fin | tcpFlags.psh);
    if (index > 0) flags &= ~tcpFlags.cwr;
    return packetOf({
      ...shape,
      flags,
      identification: (shape.identification + index) % 0x1_0000,
      sequence: (shape.sequence + index * size) % 0x1_0000_0000,
      payload: shape.payload.subarray(index * size, (index + 1) * size),
    }).frame;
  });
}
