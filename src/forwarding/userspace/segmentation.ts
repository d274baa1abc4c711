import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  isTag,
  TAG_OCTETS,
} from "../../wire/ethernet.ts";
import { addToSum, foldSum, swap16 } from "./checksum.ts";
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

/** Headers of a segment that we are ready to copy: Ethernet, tags, IPv6 or IPv4 with options, TCP with options. */
const LONGEST_HEADERS = 200;
/** Linux cuts TCP into segments of 8 octets or more, so 64 KiB never make as many: what says otherwise only wants to keep us busy. */
const MOST_SEGMENTS = 8192;
const IPV4_HEADER_OCTETS = 20;
const IPV6_HEADER_OCTETS = 40;
const IPV4_PROTOCOL = 9;
const FIN_PSH = 0x09;
const CWR = 0x80;
const TCP = 6;
const UDP = 17;

/** What a frame's virtio-net header says about it, relative to the frame's start. */
export interface Offload {
  gsoType: number;
  gsoSize: number;
  /** Whether the checksum at `checksumStart` + `checksumOffset` is still to be completed. */
  needsChecksum: boolean;
  checksumStart: number;
  checksumOffset: number;
}

/** A super-frame taken apart: where its headers end and how its payload is to be cut. All offsets are of the memory. */
export interface Segments {
  frame: number;
  headerOctets: number;
  network: number;
  transport: number;
  isV4: boolean;
  isTcp: boolean;
  payload: number;
  payloadOctets: number;
  size: number;
  count: number;
}

export function newSegments(): Segments {
  return {
    frame: 0,
    headerOctets: 0,
    network: 0,
    transport: 0,
    isV4: false,
    isTcp: false,
    payload: 0,
    payloadOctets: 0,
    size: 0,
    count: 0,
  };
}

/** Finishes a checksum that the sender left to its network card: the field holds the sum of the pseudo header. */
export function completeChecksum(memory: Memory, frame: number, length: number, offload: Offload): void {
  const start = frame + offload.checksumStart;
  const at = start + offload.checksumOffset;
  if (offload.checksumStart >= length || at + 2 > frame + length) return;
  const sum = sumOf(memory, start, length - offload.checksumStart, 0);
  const folded = foldSum(sum);
  memory.view.setUint16(at, folded === 0 ? 0xffff : folded, true);
}

/** Takes a super-frame apart; false when it cannot be cut. */
export function parseSegments(
  memory: Memory,
  frame: number,
  length: number,
  offload: Offload,
  into: Segments,
): boolean {
  const { view } = memory;
  const kind = offload.gsoType & ECN_MASK;
  let network = frame + ETHERNET_HEADER_OCTETS;
  const end = frame + length;
  while (network + TAG_OCTETS <= end && isTag(view.getUint16(network - 2))) network += TAG_OCTETS;
  const etherType = view.getUint16(network - 2);
  into.isV4 = etherType === ETHERTYPE_IPV4;
  into.isTcp = kind === GSO_TCPV4 || kind === GSO_TCPV6;
  if (!into.isV4 && etherType !== ETHERTYPE_IPV6) return false;
  if (kind !== GSO_UDP_L4 && kind !== (into.isV4 ? GSO_TCPV4 : GSO_TCPV6)) return false;
  const told = offload.needsChecksum ? frame + offload.checksumStart : -1;
  const transport = transportOf(view, network, end, into, told);
  if (transport < 0 || transport + (into.isTcp ? 20 : 8) > end) return false;
  const transportOctets = into.isTcp ? (view.getUint8(transport + 12) >>> 4) * 4 : 8;
  if (into.isTcp && transportOctets < 20) return false;
  into.frame = frame;
  into.network = network;
  into.transport = transport;
  into.headerOctets = transport - frame + transportOctets;
  into.payload = frame + into.headerOctets;
  into.payloadOctets = end - into.payload;
  into.size = offload.gsoSize;
  if (into.headerOctets > LONGEST_HEADERS || into.payloadOctets <= 0 || into.size <= 0) return false;
  into.count = Math.ceil(into.payloadOctets / into.size);
  return into.count <= MOST_SEGMENTS;
}

/**
 * Where the TCP or UDP header is; -1 where there is none, or not where it was `told` to be (-1: nothing was told). It follows an
 * IPv4 header at once: of a super-frame in another tunnel's packets the inner header is told, and that we cannot cut. Extension
 * headers may stand behind IPv6.
 */
function transportOf(view: DataView, network: number, end: number, segments: Segments, told: number): number {
  if (!segments.isV4) {
    const first = network + IPV6_HEADER_OCTETS;
    if (told < 0) return first;
    return told < first ? -1 : told;
  }
  if (network + IPV4_HEADER_OCTETS > end) return -1;
  const octets = (view.getUint8(network) & 0xf) * 4;
  const transport = network + octets;
  if (octets < IPV4_HEADER_OCTETS || (told >= 0 && told !== transport)) return -1;
  return view.getUint8(network + IPV4_PROTOCOL) === (segments.isTcp ? TCP : UDP) ? transport : -1;
}

/** Octets of payload in the segment at `index`. */
export function segmentOctets(segments: Segments, index: number): number {
  return Math.min(segments.size, segments.payloadOctets - index * segments.size);
}

/** Writes the headers of the segment at `index` to `at`, with lengths, numbers, flags and checksums of its own. */
export function writeSegmentHeaders(memory: Memory, segments: Segments, index: number, at: number): void {
  const { octets, view } = memory;
  octets.copyWithin(at, segments.frame, segments.frame + segments.headerOctets);
  const network = at + (segments.network - segments.frame);
  const transport = at + (segments.transport - segments.frame);
  const payloadOctets = segmentOctets(segments, index);
  const behindNetwork = at + segments.headerOctets - network + payloadOctets;
  if (segments.isV4) finishIpv4(memory, network, behindNetwork, index);
  else view.setUint16(network + 4, behindNetwork - 40);
  const payload = segments.payload + index * segments.size;
  const transportOctets = at + segments.headerOctets - transport;
  if (segments.isTcp) {
    view.setUint32(transport + 4, (view.getUint32(transport + 4) + index * segments.size) >>> 0);
    let flags = view.getUint8(transport + 13);
    if (index < segments.count - 1) flags &= ~FIN_PSH;
    if (index > 0) flags &= ~CWR;
    view.setUint8(transport + 13, flags);
  } else {
    view.setUint16(transport + 4, transportOctets + payloadOctets);
  }
  finishTransport(memory, segments, network, transport, transportOctets, payload, payloadOctets);
}

function finishIpv4(memory: Memory, network: number, length: number, index: number): void {
  const { view } = memory;
  view.setUint16(network + 2, length);
  view.setUint16(network + 4, (view.getUint16(network + 4) + index) & 0xffff);
  view.setUint16(network + 10, 0);
  const octets = (view.getUint8(network) & 0xf) * 4;
  view.setUint16(network + 10, foldSum(sumOf(memory, network, octets, 0)), true);
}

function finishTransport(
  memory: Memory,
  segments: Segments,
  network: number,
  transport: number,
  transportOctets: number,
  payload: number,
  payloadOctets: number,
): void {
  const { view } = memory;
  const field = transport + (segments.isTcp ? 16 : 6);
  view.setUint16(field, 0);
  const addresses = network + (segments.isV4 ? 12 : 8);
  let sum = swap16(segments.isTcp ? TCP : UDP) + swap16(transportOctets + payloadOctets);
  sum = sumOf(memory, addresses, segments.isV4 ? 8 : 32, sum);
  sum = sumOf(memory, transport, transportOctets, sum);
  sum = sumOf(memory, payload, payloadOctets, sum);
  const folded = foldSum(sum);
  view.setUint16(field, folded === 0 && !segments.isTcp ? 0xffff : folded, true);
}
