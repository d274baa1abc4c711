import { addToSum, foldSum, swap16 } from "./checksum.ts";
import { crc32c } from "./crc32c.ts";
import { HeaderChain, LONGEST_HEADERS, levels, protocols, UNKNOWN_OFFSET } from "./header-chain.ts";
import type { Sum } from "./simd-checksum.ts";

/** Memory as the cutting needs it. */
export interface Memory {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** What `addToSum` does, faster, for these octets alone. Absent: there is nothing faster. */
  readonly sum?: Sum | undefined;
}

/** Adds octets of the memory to a sum as `addToSum` does. */
export function sumOf(memory: Memory, start: number, length: number, before: number): number {
  if (memory.sum === undefined) return addToSum(memory.octets, memory.words, start, length, before);
  return before + (memory.sum(start, length) >>> 0);
}

/** Kinds of super-frames in a virtio-net header, without the ECN bit 0x80. */
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const GSO_UDP_L4 = 5;
const ECN_MASK = 0x7f;

/**
 * Linux cuts TCP into segments of 8 octets or more, so 64 KiB never make as many: what says otherwise only
 * wants to keep us busy.
 */
const MOST_SEGMENTS = 8192;
/**
 * Where the CRC32c stands in the header of SCTP (RFC 9260 §3.1): no other protocol has its checksum there.
 */
const SCTP_CHECKSUM = 8;
const IPV6_HEADER_OCTETS = 40;
const FIN_PSH = 0x09;
const CWR = 0x80;

/** What a frame's virtio-net header says about it, relative to the frame's start. */
export interface Offload {
  gsoType: number;
  gsoSize: number;
  /** Whether the checksum at `checksumStart` + `checksumOffset` is still to be completed. */
  needsChecksum: boolean;
  checksumStart: number;
  checksumOffset: number;
}

/**
 * Finishes a checksum that the sender left to its network card: the field holds the sum of the pseudo header,
 * or is to get the CRC32c of SCTP. `chain` is there to be used.
 */
export function completeChecksum(
  memory: Memory,
  frame: number,
  length: number,
  { checksumStart, checksumOffset }: Offload,
  chain: HeaderChain,
): void {
  const { view } = memory;
  const start = frame + checksumStart;
  const at = start + checksumOffset;
  if (checksumStart >= length || at + 2 > frame + length) return;
  if (checksumOffset === SCTP_CHECKSUM && chain.find(view, frame, length, start, protocols.sctp)) {
    const end = Math.min(frame + length, packetEnd(view, chain));
    if (at + 4 > end) return;
    view.setUint32(at, 0);
    view.setUint32(at, crc32c(memory.octets, start, end), true);
    return;
  }
  const sum = sumOf(memory, start, length - checksumStart, 0);
  const folded = foldSum(sum);
  view.setUint16(at, folded === 0 ? 0xffff : folded, true);
}

/** Where the innermost IP packet ends, by its own word: what pads its frame is no part of a CRC. */
function packetEnd(view: DataView, { kinds, offsets, innermost }: HeaderChain): number {
  const header = offsets[innermost] as number;
  if (kinds[innermost] === levels.ipv4) return header + view.getUint16(header + 2);
  return header + IPV6_HEADER_OCTETS + view.getUint16(header + 4);
}

/**
 * The headers of one segment: how far they lie from those they are copied of, where they end, and the payload
 * that follows.
 */
interface Copy {
  shift: number;
  end: number;
  payloadOctets: number;
  payloadSum: number;
}

/**
 * A super-frame taken apart: which headers it has, where they end and how its payload is to be cut. All
 * offsets are of the memory.
 */
export interface Segments {
  frame: number;
  /** The headers up to the transport header, of all tunnels that it is in. */
  readonly chain: HeaderChain;
  readonly copy: Copy;
  headerOctets: number;
  isTcp: boolean;
  payload: number;
  payloadOctets: number;
  size: number;
  count: number;
}

export function newSegments(): Segments {
  return {
    frame: 0,
    chain: new HeaderChain(),
    copy: { shift: 0, end: 0, payloadOctets: 0, payloadSum: 0 },
    headerOctets: 0,
    isTcp: false,
    payload: 0,
    payloadOctets: 0,
    size: 0,
    count: 0,
  };
}

/** Takes a super-frame apart; false when it cannot be cut. */
export function parseSegments(
  { view }: Memory,
  frame: number,
  length: number,
  offload: Offload,
  into: Segments,
): boolean {
  const kind = offload.gsoType & ECN_MASK;
  if (kind !== GSO_TCPV4 && kind !== GSO_TCPV6 && kind !== GSO_UDP_L4) return false;
  const { chain } = into;
  into.isTcp = kind !== GSO_UDP_L4;
  const transportOffset = offload.needsChecksum ? frame + offload.checksumStart : UNKNOWN_OFFSET;
  if (!chain.find(view, frame, length, transportOffset, into.isTcp ? protocols.tcp : protocols.udp))
    return false;
  const isV4 = chain.kinds[chain.innermost] === levels.ipv4;
  if (into.isTcp && kind !== (isV4 ? GSO_TCPV4 : GSO_TCPV6)) return false;
  const end = frame + length;
  const { transport } = chain;
  if (transport + (into.isTcp ? 20 : 8) > end) return false;
  const transportOctets = into.isTcp ? (view.getUint8(transport + 12) >>> 4) * 4 : 8;
  if (into.isTcp && transportOctets < 20) return false;
  into.frame = frame;
  into.headerOctets = transport - frame + transportOctets;
  into.payload = frame + into.headerOctets;
  into.payloadOctets = end - into.payload;
  into.size = offload.gsoSize;
  if (into.headerOctets > LONGEST_HEADERS || into.payloadOctets <= 0 || into.size <= 0) return false;
  into.count = Math.ceil(into.payloadOctets / into.size);
  return into.count <= MOST_SEGMENTS;
}

/** Octets of payload in the segment at `index`. */
export function segmentOctets(segments: Segments, index: number): number {
  return Math.min(segments.size, segments.payloadOctets - index * segments.size);
}

/**
 * Writes the headers of the segment at `index` to `at`, with lengths, numbers, flags and checksums of its
 * own, from the transport header outwards: the checksums of a tunnel count all that is in it.
 */
export function writeSegmentHeaders(memory: Memory, segments: Segments, index: number, at: number): void {
  const { chain, size } = segments;
  memory.octets.copyWithin(at, segments.frame, segments.frame + segments.headerOctets);
  const copy: Copy = segments.copy;
  copy.shift = at - segments.frame;
  copy.end = at + segments.headerOctets;
  copy.payloadOctets = segmentOctets(segments, index);
  copy.payloadSum = sumOf(memory, segments.payload + index * size, copy.payloadOctets, 0);
  const transport = chain.transport + copy.shift;
  if (segments.isTcp) finishTcp(memory, segments, index, transport);
  else finishUdp(memory, segments, chain.innermost, transport);
  for (let level = chain.innermost; level >= 0; level -= 1) finishLevel(memory, segments, level, index);
}

function finishTcp(memory: Memory, segments: Segments, index: number, header: number): void {
  const { view } = memory;
  view.setUint32(header + 4, (view.getUint32(header + 4) + index * segments.size) >>> 0);
  let flags = view.getUint8(header + 13);
  if (index < segments.count - 1) flags &= ~FIN_PSH;
  if (index > 0) flags &= ~CWR;
  view.setUint8(header + 13, flags);
  view.setUint16(header + 16, 0);
  const sum = sumBehind(memory, segments, segments.chain.innermost, header, protocols.tcp);
  view.setUint16(header + 16, foldSum(sum), true);
}

/** Length and checksum of the UDP header at `header`, behind the IP header of `level`. */
function finishUdp(memory: Memory, segments: Segments, level: number, header: number): void {
  const { view } = memory;
  const { end, payloadOctets } = segments.copy;
  view.setUint16(header + 4, end - header + payloadOctets);
  view.setUint16(header + 6, 0);
  const folded = foldSum(sumBehind(memory, segments, level, header, protocols.udp));
  view.setUint16(header + 6, folded === 0 ? 0xffff : folded, true);
}

/** The header of a chain's `level`, all that is in it being finished. */
function finishLevel(memory: Memory, segments: Segments, level: number, index: number): void {
  const { view } = memory;
  const { chain } = segments;
  const { shift, end, payloadOctets, payloadSum } = segments.copy;
  const header = (chain.offsets[level] as number) + shift;
  const length = end - header + payloadOctets;
  switch (chain.kinds[level]) {
    case levels.ipv4:
      return finishIpv4(memory, header, length, index);
    case levels.ipv6:
      return view.setUint16(header + 4, length - IPV6_HEADER_OCTETS);
    case levels.udp:
      // A tunnel may do without a checksum, which 0 says (RFC 768, RFC 6935).
      if (view.getUint16(header + 6) !== 0) return finishUdp(memory, segments, level - 1, header);
      return view.setUint16(header + 4, length);
    case levels.gre:
      view.setUint32(header + 4, 0);
      return view.setUint16(header + 4, foldSum(sumOf(memory, header, end - header, payloadSum)), true);
  }
}

function finishIpv4(memory: Memory, header: number, length: number, index: number): void {
  const { view } = memory;
  view.setUint16(header + 2, length);
  view.setUint16(header + 4, (view.getUint16(header + 4) + index) & 0xffff);
  view.setUint16(header + 10, 0);
  const octets = (view.getUint8(header) & 0xf) * 4;
  view.setUint16(header + 10, foldSum(sumOf(memory, header, octets, 0)), true);
}

/**
 * The sum of the segment from `header` on, and of its pseudo header with the addresses of `level` (RFC 9293
 * §3.1, RFC 8200 §8.1).
 */
function sumBehind(
  memory: Memory,
  { chain, copy }: Segments,
  level: number,
  header: number,
  protocol: number,
): number {
  const ip = (chain.offsets[level] as number) + copy.shift;
  let sum = swap16(protocol) + swap16(copy.end - header + copy.payloadOctets) + copy.payloadSum;
  if (chain.kinds[level] === levels.ipv4) {
    sum = sumOf(memory, ip + 12, 8, sum);
  } else {
    sum = sumOf(memory, ip + 8, 16, sum);
    sum = sumOf(memory, (chain.destinations[level] as number) + copy.shift, 16, sum);
  }
  return sumOf(memory, header, copy.end - header, sum);
}
