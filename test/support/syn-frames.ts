import fc from "fast-check";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import type { MssClamp } from "../../src/forwarding/mss.ts";
import { type PacketShape, packetOf, plainPacket, tcpFlags } from "./packets.ts";

/** SYNs of TCP with any options, and what the MSS clamp is to make of them, told field by field. */

export const SYN = 0x02;
const RST = 0x04;

/** An MSS option. */
export function mssOption(mss: number): Uint8Array {
  return Uint8Array.of(2, 4, mss >>> 8, mss & 0xff);
}

/** Options of a TCP header: padded with No-Operations to a multiple of 4, of at most 40 octets. */
function optionsOf(parts: readonly Uint8Array[]): Uint8Array {
  const octets = concat(...parts).subarray(0, 40);
  return concat(octets, new Uint8Array(-octets.length & 3).fill(1));
}

/** A SYN with an MSS as hosts send it. */
export function synShape(changes: Partial<PacketShape> = {}): PacketShape {
  return {
    ...plainPacket,
    flags: SYN,
    tcpOptions: concat(mssOption(changes.version === 6 ? 1440 : 1460), fromHex("0103030704020000")),
    ...changes,
  };
}

const anyMss = fc.oneof(fc.constantFrom(0, 47, 48, 536, 1220, 1340, 1360, 1440, 1460, 8960), fc.nat(0xffff));
const anyOption = fc.oneof(
  { weight: 4, arbitrary: fc.constant(Uint8Array.of(1)) },
  { weight: 4, arbitrary: anyMss.map(mssOption) },
  { weight: 3, arbitrary: fc.constantFrom("0402", "030307", "080a0102030405060708", "1e03aa").map(fromHex) },
  // The end, an MSS of another length, bad lengths.
  {
    weight: 1,
    arbitrary: fc.constantFrom("00", "0203ff", "020605b40000", "0300", "0801", "fe").map(fromHex),
  },
);

/** TCP segments, most of them SYNs; some behind more tags and extension headers than the clamp skips. */
export const anySyn: fc.Arbitrary<PacketShape> = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  transport: fc.constantFrom("tcp" as const, "tcp" as const, "tcp" as const, "udp" as const),
  tags: fc.array(fc.constantFrom("8100006f", "88a800c8", "9100e06f"), { maxLength: 3 }),
  ipOptions: fc.constantFrom(0, 0, 4, 40).map((octets) => new Uint8Array(octets).fill(1)),
  extensionOctets: fc.constantFrom(0, 0, 8, 24),
  extensionTypes: fc.array(fc.constantFrom(0, 43, 60), { minLength: 1, maxLength: 6 }),
  tcpOptions: fc.array(anyOption, { maxLength: 12 }).map(optionsOf),
  trafficClass: fc.constant(0),
  identification: fc.nat(0xffff),
  sequence: fc.nat(0xffff_ffff),
  flags: fc.constantFrom(SYN, SYN, SYN | tcpFlags.ack, SYN | tcpFlags.ece | tcpFlags.cwr, tcpFlags.ack, RST),
  payload: fc.constantFrom(0, 0, 1, 40).map((octets) => new Uint8Array(octets).fill(0xee)),
});

export const anyClamp: fc.Arbitrary<MssClamp> = fc.record({
  mtu: fc.constantFrom(100, 1280, 1400, 1500),
  frameOctets: fc.constantFrom(110, 1414, 1418, 1500, 0xffff),
});

/** Offset of the first MSS option of four octets, behind none that is bad. */
function mssAt(options: Uint8Array, at = 0): number | undefined {
  const [kind, octets = 0] = options.subarray(at);
  if (kind === undefined || kind === 0) return undefined;
  if (kind === 1) return mssAt(options, at + 1);
  if (octets < 2 || at + octets > options.length) return undefined;
  return kind === 2 && octets === 4 ? at : mssAt(options, at + octets);
}

/** The largest MSS of a shape. */
export function mostOf({ version, tags }: PacketShape, { mtu, frameOctets }: MssClamp): number {
  const first = tags.findIndex((tag) => tag.startsWith("9100"));
  const uncounted = first < 0 ? 0 : tags.length - first;
  const packet = Math.min(mtu - 4 * uncounted, frameOctets - 14 - 4 * tags.length);
  return Math.max(48, packet - (version === 4 ? 40 : 60));
}

/** The shape with the MSS that it is to have; undefined where it stays as it is. */
export function clampedShape(shape: PacketShape, clamp: MssClamp): PacketShape | undefined {
  const { version, transport, tags, flags, tcpOptions, extensionOctets, extensionTypes = [60] } = shape;
  const skipped = version === 6 && extensionOctets > 0 ? extensionTypes.length : 0;
  if (transport !== "tcp" || (flags & SYN) === 0 || tags.length > 2 || skipped > 5) return undefined;
  const at = mssAt(tcpOptions);
  if (at === undefined) return undefined;
  const most = mostOf(shape, clamp);
  if ((tcpOptions[at + 2] ?? 0) * 256 + (tcpOptions[at + 3] ?? 0) <= most) return undefined;
  const changed = tcpOptions.slice();
  changed.set(mssOption(most), at);
  return { ...shape, tcpOptions: changed };
}

/** The frame that the clamp makes of a shape, all of it made anew. */
export function clampedFrame(shape: PacketShape, clamp: MssClamp): Uint8Array {
  return packetOf(clampedShape(shape, clamp) ?? shape).frame;
}

/** Whether the MSS of a shape is to be lowered and stands at an odd offset. */
export function isOdd(shape: PacketShape, clamp: MssClamp): boolean {
  return clampedShape(shape, clamp) !== undefined && (mssAt(shape.tcpOptions) ?? 0) % 2 === 1;
}
