import fc from "fast-check";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { naiveChecksum } from "./internet-checksum.ts";

/** IP packets that may be too big, told field by field, and the answer that each deserves. */

export interface BigShape {
  readonly version: 4 | 6;
  /** Each 8 hexadecimal digits. */
  readonly tags: readonly string[];
  readonly toMac: string;
  readonly fromMac: string;
  readonly source: string;
  readonly destination: string;
  /** IPv4: flags and fragment offset. */
  readonly fragment: number;
  /** Octets of IPv4 options. */
  readonly optionOctets: number;
  /** Extension headers by their numbers, 8 octets each; a fragment header has `fragment` as its word. */
  readonly extensions: readonly number[];
  readonly protocol: number;
  /** First octet behind all headers: the type of ICMP messages. */
  readonly type: number;
  /** Octets of the IP packet. */
  readonly octets: number;
  /** Octets behind the packet in the frame. */
  readonly padding: number;
  readonly isGarbled: boolean;
}

export const bigIpv4: BigShape = {
  version: 4,
  tags: [],
  toMac: "02000000000b",
  fromMac: "02000000000a",
  source: "0a000001",
  destination: "0a000002",
  fragment: 0x4000,
  optionOctets: 0,
  extensions: [],
  protocol: 17,
  type: 0,
  octets: 1500,
  padding: 0,
  isGarbled: false,
};
export const bigIpv6: BigShape = {
  ...bigIpv4,
  version: 6,
  source: "fd000000000000000000000000000001",
  destination: "fd000000000000000000000000000002",
  fragment: 0,
};

const FRAGMENT = 44;
const ICMP = 1;
const ICMPV6 = 58;

/** The packet alone. */
function packetOf(shape: BigShape): Uint8Array {
  const { version, octets, protocol, type, source, destination } = shape;
  const chain = [...shape.extensions, protocol];
  const extensions = shape.extensions.map((number, index) => {
    const word = number === FRAGMENT ? shape.fragment : 0x0104;
    return new Writer()
      .u8(chain[index + 1] ?? 0)
      .u8(0)
      .u16(word)
      .u32(0)
      .finish();
  });
  const behind = (headers: number) =>
    concat(...extensions, bodyOf(type, octets - headers - 8 * extensions.length));
  if (version === 4) {
    const headers = 20 + shape.optionOctets;
    const header = new Writer()
      .u8(0x40 + headers / 4)
      .u8(0)
      .u16(octets)
      .u16(7)
      .u16(shape.fragment)
      .u8(64)
      .u8(chain[0] ?? 0)
      .u16(0)
      .octets(fromHex(source))
      .octets(fromHex(destination))
      .octets(new Uint8Array(shape.optionOctets).fill(1));
    header.patchU16(10, naiveChecksum(header.finish()) ^ (shape.isGarbled ? 1 : 0));
    return concat(header.finish(), behind(headers));
  }
  const header = new Writer()
    .u32(0x6000_0000)
    .u16(octets - 40)
    .u8(chain[0] ?? 0)
    .u8(64)
    .octets(fromHex(source))
    .octets(fromHex(destination));
  return concat(header.finish(), behind(40));
}

function bodyOf(type: number, octets: number): Uint8Array {
  const body = Uint8Array.from({ length: octets }, (_, index) => (index * 7) & 0xff);
  if (octets > 0) body[0] = type;
  return body;
}

function etherType({ version }: BigShape): Uint8Array {
  return fromHex(version === 4 ? "0800" : "86dd");
}

export function bigFrame(shape: BigShape): Uint8Array {
  const link = concat(fromHex(shape.toMac), fromHex(shape.fromMac), ...shape.tags.map(fromHex));
  return concat(link, etherType(shape), packetOf(shape), new Uint8Array(shape.padding).fill(0x5a));
}

/** What the pseudowire takes: packets of `mtu`, and frames of `frameOctets`. */
export interface BigLimit {
  readonly mtu: number;
  readonly frameOctets: number;
}

/** Whether an address, in hexadecimal, is that of one host. */
function isHost(address: string): boolean {
  if (address.length === 8) {
    const first = Number.parseInt(address.slice(0, 2), 16);
    return first > 0 && first !== 127 && first < 224;
  }
  return !address.startsWith("ff") && !/^0{31}[01]$/.test(address);
}

/** The MTU to be told, as the rules say it; undefined for no answer. */
export function mtuFor(shape: BigShape, { mtu, frameOctets }: BigLimit): number | undefined {
  const { version, tags, source, destination, protocol, type, octets, extensions, fragment } = shape;
  const old = tags.findIndex((tag) => tag.startsWith("9100"));
  const uncounted = old < 0 ? 0 : 4 * (tags.length - old);
  const fits = Math.min(mtu - uncounted, frameOctets - 14 - 4 * tags.length);
  const told = Math.max(fits, version === 4 ? 68 : 1280);
  if (octets <= told || tags.length > 2) return undefined;
  if ([shape.toMac, shape.fromMac].some((mac) => !isHostMac(mac))) return undefined;
  if (!isHost(source) || !isHost(destination) || source === destination) return undefined;
  if (version === 4) {
    if ((fragment & 0x4000) === 0 || (fragment & 0x1fff) !== 0 || shape.isGarbled) return undefined;
  }
  if (extensions.length > 9 || (extensions.includes(FRAGMENT) && (fragment & 0xfff8) !== 0)) return undefined;
  if (protocol === ICMP) return [0, 8, 13, 14].includes(type) ? told : undefined;
  if (protocol === ICMPV6) return type < 128 || type === 137 ? undefined : told;
  return protocol === 108 || protocol > 147 ? undefined : told;
}

function isHostMac(mac: string): boolean {
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 0 && mac !== "000000000000";
}

/** The answer with this MTU, with tags as on the circuit. */
export function answerOf(shape: BigShape, mtu: number, tags: readonly string[] = shape.tags): Uint8Array {
  const [from, to] = [fromHex(shape.destination), fromHex(shape.source)];
  const link = concat(fromHex(shape.fromMac), fromHex(shape.toMac), ...tags.map(fromHex), etherType(shape));
  const quoted = packetOf(shape).subarray(0, shape.version === 4 ? 548 : 1232);
  const message = new Writer()
    .u32(shape.version === 4 ? 0x0304_0000 : 0x0200_0000)
    .u32(mtu)
    .octets(quoted);
  const octets = 8 + quoted.length;
  if (shape.version === 4) {
    message.patchU16(2, naiveChecksum(message.finish()));
    const header = new Writer()
      .u16(0x45c0)
      .u16(20 + octets)
      .u32(0)
      .u8(64)
      .u8(ICMP)
      .u16(0);
    header.octets(from).octets(to);
    header.patchU16(10, naiveChecksum(header.finish()));
    return concat(link, header.finish(), message.finish());
  }
  const pseudo = concat(from, to, new Writer().u32(octets).u32(ICMPV6).finish());
  message.patchU16(2, naiveChecksum(pseudo, message.finish()));
  const header = new Writer().u32(0x6000_0000).u16(octets).u8(ICMPV6).u8(64).octets(from).octets(to);
  return concat(link, header.finish(), message.finish());
}

const ipv4Addresses = [
  "0a000001",
  "0a0000fe",
  "c0a80001",
  "00000001",
  "7f000001",
  "e0000001",
  "f0000001",
  "ffffffff",
];
const ipv6Addresses = [
  ...[
    "fd000000000000000000000000000001",
    "fe800000000000000000000000000001",
    "fd0000000000000000000000000000fe",
  ],
  ...[
    "00000000000000000000000000000000",
    "00000000000000000000000000000001",
    "ff020000000000000000000000000001",
  ],
];
const anyMac = fc.constantFrom(
  "02000000000a",
  "02000000000b",
  "02000000000b",
  "01005e000001",
  "ffffffffffff",
  "000000000000",
);
const anyOctets = fc.oneof(
  fc.integer({ min: 100, max: 2000 }),
  fc.constantFrom(1280, 1281, 1400, 1401, 1500),
);

/** Mostly packets that deserve an answer, each field at times with a value by which they do not. */
export const anyBig: fc.Arbitrary<BigShape> = fc.constantFrom(4 as const, 6 as const).chain((version) => {
  const addresses = version === 4 ? ipv4Addresses : ipv6Addresses;
  const address = (usual: readonly string[]) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...usual) },
      { weight: 1, arbitrary: fc.constantFrom(...addresses) },
    );
  const icmp = version === 4 ? ICMP : ICMPV6;
  return fc.record<BigShape>({
    version: fc.constant(version),
    tags: fc.array(fc.constantFrom("8100006f", "8100006f", "88a8e0c8", "9100006f"), { maxLength: 3 }),
    toMac: anyMac,
    fromMac: fc.oneof(
      { weight: 9, arbitrary: fc.constant("02000000000a") },
      { weight: 1, arbitrary: anyMac },
    ),
    source: address(addresses.slice(0, 1)),
    destination: address(addresses.slice(1, 3)),
    fragment:
      version === 4
        ? fc.constantFrom(
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x4000,
            0x6000,
            0,
            0x2000,
            0x4001,
            0x5fff,
            1,
          )
        : fc.constantFrom(0, 0, 0, 1, 8, 0xfff8),
    optionOctets: fc.constantFrom(0, 0, 4, 40),
    extensions:
      version === 4
        ? fc.array(fc.constantFrom(51, 139), { maxLength: 2 })
        : fc.array(fc.constantFrom(0, 43, 44, 51, 60, 135, 139, 140), { maxLength: 10 }),
    protocol: fc.constantFrom(6, 17, icmp, icmp, 50, 59, 108, 253),
    type: fc.oneof(fc.nat(255), fc.constantFrom(0, 3, 8, 11, 128, 129, 135, 137)),
    octets: anyOctets,
    padding: fc.constantFrom(0, 0, 0, 4, 60),
    isGarbled: fc.nat(9).map((n) => n === 0),
  });
});

export const anyBigLimit: fc.Arbitrary<BigLimit> = fc.record({
  mtu: fc.constantFrom(1500, 1500, 1400, 1200, 60, 9000),
  frameOctets: fc.constantFrom(0, 66, 600, 1294, 1300, 1414, 1456, 1514, 0xffff),
});
