import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  isTag,
  SHORTEST_FRAME_OCTETS,
  TAG_OCTETS,
} from "../../wire/ethernet.ts";
import { foldSum, swap16 } from "./checksum.ts";
import { type Memory, sumOf } from "./segmentation.ts";

/**
 * Generic receive offload (GRO) of TCP: consecutive segments of one flow are coalesced into one GSO packet,
 * by the kernel's own rules. A segment is coalesced only if segmentation restores its very octets.
 */

const IPV4_HEADER_OCTETS = 20;
const IPV6_HEADER_OCTETS = 40;
const TCP_HEADER_OCTETS = 20;
const TCP = 6;
/**
 * Longest headers of a coalesced frame, with any number of tags: they must fit the room for copied headers.
 */
const MOST_HEADER_OCTETS = 256 - VNET_HEADER_OCTETS;
const MOST_IP_OCTETS = 65_535;
const NEEDS_CHECKSUM = 1;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const CHECKSUM_OFFSET = 16;
const ACK = 0x10;
const ECE = 0x40;
/** FIN and PSH: segmentation sets them in the last segment only. */
const LAST = 0x09;
/** MF bit and fragment offset. */
const FRAGMENT = 0x3fff;

/** The segments coalesced so far. Offsets are offsets in the memory, lengths are in octets. */
export interface SegmentRun {
  /** Offset of the first frame. */
  frame: number;
  network: number;
  transport: number;
  headerOctets: number;
  isV4: boolean;
  /** Payload of each segment (the GSO size); the last one may have less. */
  size: number;
  payloadOctets: number;
  count: number;
  /** Whether the first frame's checksums were verified; that is done when a second frame matches. */
  isChecked: boolean;
  /** FIN and PSH of the last segment. */
  lastFlags: number;
  /** Whether no further segment may be appended. */
  isClosed: boolean;
}

export function newRun(): SegmentRun {
  return {
    frame: 0,
    network: 0,
    transport: 0,
    headerOctets: 0,
    isV4: false,
    size: 0,
    payloadOctets: 0,
    count: 0,
    isChecked: false,
    lastFlags: 0,
    isClosed: true,
  };
}

/** Begins a run with a frame. The run is closed at once if the frame cannot be coalesced with a next one. */
export function beginRun({ view }: Memory, frame: number, length: number, run: SegmentRun): void {
  run.isClosed = true;
  run.count = 1;
  if (length < SHORTEST_FRAME_OCTETS) return;
  const end = frame + length;
  let network = frame + ETHERNET_HEADER_OCTETS;
  while (network + TAG_OCTETS <= end && isTag(view.getUint16(network - 2))) network += TAG_OCTETS;
  if (network - frame > MOST_HEADER_OCTETS) return;
  const etherType = view.getUint16(network - 2);
  run.isV4 = etherType === ETHERTYPE_IPV4;
  if (!run.isV4 && etherType !== ETHERTYPE_IPV6) return;
  const transport = network + (run.isV4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS);
  if (transport + TCP_HEADER_OCTETS >= end) return;
  if (!(run.isV4 ? isPlainIpv4(view, network, end) : isPlainIpv6(view, network, end))) return;
  const transportOctets = (view.getUint8(transport + 12) >>> 4) * 4;
  const flags = view.getUint8(transport + 13);
  if (transportOctets < TCP_HEADER_OCTETS || transport + transportOctets >= end) return;
  if ((flags & ~(LAST | ECE)) !== ACK || (flags & LAST) !== 0) return;
  const headerOctets = transport + transportOctets - frame;
  if (headerOctets > MOST_HEADER_OCTETS) return;
  run.frame = frame;
  run.network = network;
  run.transport = transport;
  run.headerOctets = headerOctets;
  run.size = length - headerOctets;
  run.payloadOctets = run.size;
  run.isChecked = false;
  run.lastFlags = 0;
  run.isClosed = false;
}

/** Whether it is TCP in IPv4 without options, unfragmented and without trailing octets. */
function isPlainIpv4(view: DataView, network: number, end: number): boolean {
  return (
    view.getUint8(network) === 0x45 &&
    view.getUint16(network + 2) === end - network &&
    (view.getUint16(network + 6) & FRAGMENT) === 0 &&
    view.getUint8(network + 9) === TCP
  );
}

function isPlainIpv6(view: DataView, network: number, end: number): boolean {
  return (
    view.getUint8(network) >>> 4 === 6 &&
    view.getUint16(network + 4) === end - network - IPV6_HEADER_OCTETS &&
    view.getUint8(network + 6) === TCP
  );
}

/**
 * Appends a frame to an open run if it is the next segment. False if not; then the run has the same segments.
 */
export function extendRun(memory: Memory, frame: number, length: number, run: SegmentRun): boolean {
  const { view } = memory;
  const payload = length - run.headerOctets;
  if (run.isClosed || payload <= 0 || payload > run.size) return false;
  // A shorter frame is padded when it is sent; segmentation would not restore the padding.
  if (length < SHORTEST_FRAME_OCTETS) return false;
  const ipOctets = run.headerOctets - (run.network - run.frame) + run.payloadOctets + payload;
  if (ipOctets > MOST_IP_OCTETS) return false;
  const shift = frame - run.frame;
  if (!isSameLink(view, run, shift) || !isSameTransport(view, run, shift)) return false;
  const end = frame + length;
  if (!(run.isV4 ? isNextIpv4(view, run, shift, end) : isNextIpv6(view, run, shift, end))) return false;
  if (!run.isChecked && !hasValidChecksums(memory, run, 0, run.headerOctets + run.size)) {
    run.isClosed = true;
    return false;
  }
  run.isChecked = true;
  if (!hasValidChecksums(memory, run, shift, length)) return false;
  run.count += 1;
  run.payloadOctets += payload;
  run.lastFlags = view.getUint8(run.transport + shift + 13) & LAST;
  run.isClosed = payload < run.size || run.lastFlags !== 0;
  return true;
}

/**
 * Whether MAC addresses, tags and EtherType are equal. `shift` is the distance from the run's first frame.
 */
function isSameLink(view: DataView, { frame, network }: SegmentRun, shift: number): boolean {
  let difference = view.getInt16(network - 2) ^ view.getInt16(network - 2 + shift);
  for (let at = frame; at < network - 2; at += 4) difference |= view.getInt32(at) ^ view.getInt32(at + shift);
  return difference === 0;
}

/**
 * Whether ports, acknowledgement, window, urgent pointer and options are equal, the sequence number is the
 * next one, and no flags differ but FIN and PSH.
 */
function isSameTransport(view: DataView, run: SegmentRun, shift: number): boolean {
  const { transport } = run;
  const here = transport + shift;
  const next = (view.getUint32(transport + 4) + run.payloadOctets) >>> 0;
  if (view.getUint32(here + 4) !== next) return false;
  let difference = view.getInt32(transport) ^ view.getInt32(here);
  difference |= view.getInt32(transport + 8) ^ view.getInt32(here + 8);
  difference |= (view.getInt32(transport + 12) ^ view.getInt32(here + 12)) & ~(LAST << 16);
  difference |= view.getUint16(transport + 18) ^ view.getUint16(here + 18);
  const end = run.frame + run.headerOctets;
  for (let at = transport + TCP_HEADER_OCTETS; at < end; at += 4) {
    difference |= view.getInt32(at) ^ view.getInt32(at + shift);
  }
  return difference === 0;
}

/** Whether the IPv4 headers match. The identification must count up: segmentation numbers segments so. */
function isNextIpv4(view: DataView, run: SegmentRun, shift: number, end: number): boolean {
  const { network } = run;
  const here = network + shift;
  if (view.getUint16(here + 2) !== end - here) return false;
  if (view.getUint16(here + 4) !== ((view.getUint16(network + 4) + run.count) & 0xffff)) return false;
  let difference = view.getUint16(network) ^ view.getUint16(here);
  difference |= view.getUint16(network + 6) ^ view.getUint16(here + 6);
  difference |= view.getUint16(network + 8) ^ view.getUint16(here + 8);
  difference |= view.getInt32(network + 12) ^ view.getInt32(here + 12);
  difference |= view.getInt32(network + 16) ^ view.getInt32(here + 16);
  return difference === 0;
}

function isNextIpv6(view: DataView, run: SegmentRun, shift: number, end: number): boolean {
  const { network } = run;
  const here = network + shift;
  if (view.getUint16(here + 4) !== end - here - IPV6_HEADER_OCTETS) return false;
  let difference = view.getInt32(network) ^ view.getInt32(here);
  difference |= view.getUint16(network + 6) ^ view.getUint16(here + 6);
  for (let at = 8; at < IPV6_HEADER_OCTETS; at += 4) {
    difference |= view.getInt32(network + at) ^ view.getInt32(here + at);
  }
  return difference === 0;
}

/**
 * Whether the checksums are valid and those that segmentation writes. 0xffff is as valid as 0, but
 * segmentation writes 0.
 */
function hasValidChecksums(memory: Memory, run: SegmentRun, shift: number, length: number): boolean {
  const { view } = memory;
  const network = run.network + shift;
  const transport = run.transport + shift;
  const end = run.frame + shift + length;
  if (view.getUint16(transport + CHECKSUM_OFFSET) === 0xffff) return false;
  if (run.isV4) {
    if (view.getUint16(network + 10) === 0xffff) return false;
    if (foldSum(sumOf(memory, network, IPV4_HEADER_OCTETS, 0)) !== 0) return false;
  }
  // In both IP versions the addresses are directly in front of the TCP header.
  const addresses = network + (run.isV4 ? 12 : 8);
  const pseudo = swap16(TCP) + swap16(end - transport);
  return foldSum(sumOf(memory, addresses, end - addresses, pseudo)) === 0;
}

/** Length of what `writeCoalescedHeaders` writes: 256 octets at most. */
export function coalescedHeaderOctets(run: SegmentRun): number {
  return VNET_HEADER_OCTETS + run.headerOctets;
}

/**
 * Writes the headers of the GSO packet at `at`: the virtio-net header, then those of the first frame with the
 * length of all segments and a partial TCP checksum.
 */
export function writeCoalescedHeaders({ octets, view }: Memory, run: SegmentRun, at: number): void {
  const copy = at + VNET_HEADER_OCTETS;
  octets.copyWithin(copy, run.frame, run.frame + run.headerOctets);
  const network = copy + (run.network - run.frame);
  const transport = copy + (run.transport - run.frame);
  const ipOctets = copy + run.headerOctets - network + run.payloadOctets;
  view.setUint8(at, NEEDS_CHECKSUM);
  view.setUint8(at + 1, run.isV4 ? GSO_TCPV4 : GSO_TCPV6);
  view.setUint16(at + 2, run.headerOctets, true);
  view.setUint16(at + 4, run.size, true);
  view.setUint16(at + 6, transport - copy, true);
  view.setUint16(at + 8, CHECKSUM_OFFSET, true);
  if (run.isV4) {
    view.setUint16(network + 2, ipOctets);
    view.setUint16(network + 10, 0);
    view.setUint16(network + 10, foldSum(shortSum(view, network, IPV4_HEADER_OCTETS)), true);
  } else {
    view.setUint16(network + 4, ipOctets - IPV6_HEADER_OCTETS);
  }
  view.setUint8(transport + 13, view.getUint8(transport + 13) | run.lastFlags);
  const addresses = network + (run.isV4 ? 12 : 8);
  let sum = shortSum(view, addresses, transport - addresses) + swap16(TCP);
  sum += swap16(copy + run.headerOctets - transport + run.payloadOctets);
  view.setUint16(transport + CHECKSUM_OFFSET, ~foldSum(sum) & 0xffff, true);
}

/** The sum of an even number of octets. */
function shortSum(view: DataView, start: number, length: number): number {
  let sum = 0;
  for (let at = start; at < start + length; at += 2) sum += view.getUint16(at, true);
  return sum;
}
