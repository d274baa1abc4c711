import { addToSum, foldSum, swap16 } from "./checksum.ts";
import { crc32c } from "./crc32c.ts";
import { HeaderChain, LONGEST_HEADERS, levels, protocols, UNKNOWN_OFFSET } from "./header-chain.ts";
import type { Sum } from "./simd-checksum.ts";

/** The views of a memory that segmentation, coalescing and checksums need. */
export interface Memory {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** SIMD version of `addToSum` for this memory; undefined if there is none. */
  readonly sum?: Sum | undefined;
}

/** Adds octets of the memory to a partial sum, by SIMD if possible, otherwise by `addToSum`. */
export function sumOf(memory: Memory, start: number, length: number, before: number): number {
  if (memory.sum === undefined) return addToSum(memory.octets, memory.words, start, length, before);
  return before + (memory.sum(start, length) >>> 0);
}

/** GSO types of a virtio-net header (VIRTIO_NET_HDR_GSO_*), without the ECN bit 0x80. */
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const GSO_UDP_L4 = 5;
const ECN_MASK = 0x7f;

/**
 * Most segments of a GSO packet. Linux makes TCP segments of 8 octets or more, so 64 KiB never have more of
 * them: a header with a smaller GSO size is an attack on CPU time.
 */
const MOST_SEGMENTS = 8192;
/** Offset of the CRC32c in the SCTP header (RFC 9260 §3.1): no other protocol has its checksum there. */
const SCTP_CHECKSUM = 8;
const IPV6_HEADER_OCTETS = 40;
const FIN_PSH = 0x09;
const CWR = 0x80;

/** The offload fields of a frame's virtio-net header. Offsets are relative to the frame. */
export interface Offload {
  gsoType: number;
  gsoSize: number;
  /** Whether the checksum at `checksumStart` + `checksumOffset` is partial. */
  needsChecksum: boolean;
  checksumStart: number;
  checksumOffset: number;
}

/**
 * Completes a partial checksum, which the sender left to its network card: the field holds the sum of the
 * pseudo header, or for SCTP is to get the CRC32c. `chain` is scratch space.
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

/** End of the innermost IP packet by its length field: the padding of a frame is no part of the CRC32c. */
function packetEnd(view: DataView, { kinds, offsets, innermost }: HeaderChain): number {
  const header = offsets[innermost] as number;
  if (kinds[innermost] === levels.ipv4) return header + view.getUint16(header + 2);
  return header + IPV6_HEADER_OCTETS + view.getUint16(header + 4);
}

/** The copied headers of one segment, and the payload that follows them. */
interface Copy {
  /** Distance from the original headers. */
  shift: number;
  /** End of the headers. */
  end: number;
  payloadOctets: number;
  payloadSum: number;
}

/** A parsed GSO packet: its headers and its segments. Offsets are offsets in the memory. */
export interface Segments {
  frame: number;
  /** Its headers up to the transport header, those of tunnels included. */
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

/** Parses a GSO packet; false if it cannot be segmented. */
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

/** Octets of payload of the segment at `index`. */
export function segmentOctets(segments: Segments, index: number): number {
  return Math.min(segments.size, segments.payloadOctets - index * segments.size);
}

/**
 * Writes the headers of the segment at `index` to `at`, with its own lengths, identifications, sequence
 * number, flags and checksums. It goes from the transport header outwards, because the checksum of a tunnel
 * header covers all headers inside.
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

/** Writes length and checksum of the UDP header at `header`; `level` is the index of its IP header. */
function finishUdp(memory: Memory, segments: Segments, level: number, header: number): void {
  const { view } = memory;
  const { end, payloadOctets } = segments.copy;
  view.setUint16(header + 4, end - header + payloadOctets);
  view.setUint16(header + 6, 0);
  const folded = foldSum(sumBehind(memory, segments, level, header, protocols.udp));
  view.setUint16(header + 6, folded === 0 ? 0xffff : folded, true);
}

/** Writes the fields of the chain's header `level`; all headers inside of it must be complete. */
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
      // 0: the tunnel uses no checksum (RFC 768, RFC 6935).
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
 * The sum of the segment from `header` on and of its pseudo header, with the addresses of the IP header
 * `level` (RFC 9293 §3.1, RFC 8200 §8.1).
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
