import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  isTag,
  rewriteOuterTag,
  TAG_OCTETS,
} from "../wire/ethernet.ts";
import { extensionHeaderOctets, FRAGMENT_HEADER, LONGEST_HEADER_CHAIN } from "../wire/extension-headers.ts";
import { addWords, checksumOfSum } from "../wire/internet-checksum.ts";
import { headerOctets, MOST_TAGS, TPID_OLD_SERVICE } from "./mss.ts";

/**
 * Packet too big into the attached network: what a router answers to an IP packet that is too long for the
 * next link and must not be fragmented, ICMP "fragmentation needed" (RFC 792, RFC 1191 §4) or ICMPv6 Packet
 * Too Big (RFC 4443 §3.2). The pseudowire answers in place of such a router. In place, without allocation:
 * the userspace plane calls it for frames that are too long, and it is the reference.
 */

/** What the key `packet_too_big` says. */
export type PacketTooBigChoice = "off" | "answer";

/** What a pseudowire takes whole, and who answers to what is longer. */
export interface TooBigLimit {
  /** Largest layer-3 payload in octets, whatever tags stand in front of it, but those of EtherType 0x9100. */
  readonly mtu: number;
  /** Octets of the longest frame, its tags included. */
  readonly frameOctets: number;
  /** The tag of all frames on the circuit, which may have another VLAN ID while they are processed. */
  readonly vlan: CircuitVlan | undefined;
}

/** There must be no answer. */
export const NO_ANSWER = 0;
/** Octets of the longest answer: Ethernet header, tags, and the shortest packet that IPv6 carries whole. */
export const MOST_ANSWER_OCTETS = ETHERNET_HEADER_OCTETS + MOST_TAGS * TAG_OCTETS + 1280;
/** RFC 791 §3.1 and RFC 8200 §5: no link has less. */
const LEAST_MTU = { ipv4: 68, ipv6: 1280 } as const;
/** Octets of the longest answer, its IP header included (RFC 1812 §4.3.2.3, RFC 4443 §2.4). */
const MOST_PACKET_OCTETS = { ipv4: 576, ipv6: 1280 } as const;
/** Octets of an ICMP header with what stands in front of the packet that it is about. */
const ICMP_OCTETS = 8;
/** Longer than any frame: only the MTU counts. */
const ANY_FRAME = 0xffff;
const NOT_FOUND = -1;

const DO_NOT_FRAGMENT = 0x4000;
const FRAGMENT_OFFSET = 0x1fff;
const HOP_LIMIT = 64;
/** Traffic class of the answer over IPv4: internetwork control (RFC 1812 §4.3.2.5). */
const INTERNETWORK_CONTROL = 0xc0;
const ICMP = 1;
const ICMPV6 = 58;
/** TABLE: protocols that hide what they carry from whoever is not an end of them: IPComp (RFC 3173). */
const hidingProtocols: readonly number[] = [108];
/** Numbers from this on stand for nothing, or for experiments: each may be that of an extension header. */
const FIRST_UNKNOWN_PROTOCOL = 148;
/** TABLE: ICMP messages that are no errors, and may be answered: echo, time stamp, and their replies. */
const icmpQueries: readonly number[] = [0, 8, 13, 14];
/** ICMPv6 errors have types below this (RFC 4443 §2.1). */
const FIRST_ICMPV6_QUERY = 128;
const ICMPV6_REDIRECT = 137;

interface CircuitVlan {
  readonly id: number;
  readonly protocol: 0x8100 | 0x88a8;
}

/** What decides about the answers of a session, of `AttachmentCircuit`. */
interface AnsweringAttachment {
  readonly packetTooBig?: PacketTooBigChoice;
  readonly mtu: number;
  readonly wholeFrameOctets?: number;
  readonly vlan?: CircuitVlan;
}

/** The limit of a session on this attachment; undefined where it answers nothing. */
export function tooBigLimitOf({
  packetTooBig = "off",
  mtu,
  wholeFrameOctets = ANY_FRAME,
  vlan,
}: AnsweringAttachment): TooBigLimit | undefined {
  if (packetTooBig === "off") return undefined;
  return { mtu, frameOctets: Math.min(wholeFrameOctets, ANY_FRAME), vlan };
}

/**
 * The MTU to tell the sender of the frame at `start`, or NO_ANSWER: its packet is short enough, may be
 * fragmented, or must not be answered (RFC 1812 §4.3.2.7, RFC 4443 §2.4 e). `present` octets of the frame are
 * there, of `length`: of a long one the headers are enough. Frames with bad lengths or a bad header checksum
 * have no answer.
 */
export function mtuToTell(
  view: DataView,
  start: number,
  present: number,
  length: number,
  limit: TooBigLimit,
): number {
  const packet = packetIn(view, start, present);
  // To a group nobody answers (RFC 4443 would allow it, from an address of one's own); from one, nobody can.
  if (packet === NOT_FOUND || !isHostMac(view, start) || !isHostMac(view, start + 6)) return NO_ANSWER;
  const mtu = Math.min(limit.mtu - uncountedIn(view, start, packet), limit.frameOctets - (packet - start));
  const [end, frameEnd] = [start + present, start + length];
  const type = view.getUint16(packet - 2);
  if (type === ETHERTYPE_IPV4) return mtuOfIpv4(view, packet, end, frameEnd, Math.max(mtu, LEAST_MTU.ipv4));
  if (type === ETHERTYPE_IPV6) return mtuOfIpv6(view, packet, end, frameEnd, Math.max(mtu, LEAST_MTU.ipv6));
  return NO_ANSWER;
}

/**
 * Writes the answer to the frame at `start`, with the MTU that `mtuToTell` gave, to `to`; returns its octets,
 * MOST_ANSWER_OCTETS at most. It goes to the sender with the tags that the frame has on the circuit, and
 * comes from the frame's destination, where bridges have learnt that address anyway. As IP source it has the
 * packet's destination too: a bridge need not have an address that it could answer from.
 */
export function writeTooBig(
  view: DataView,
  start: number,
  present: number,
  mtu: number,
  limit: TooBigLimit,
  to: number,
): number {
  const packet = packetIn(view, start, present);
  const linkOctets = packet - start;
  copy(view, start + 6, to, 6);
  copy(view, start, to + 6, 6);
  copy(view, start + 12, to + 12, linkOctets - 12);
  if (limit.vlan !== undefined) rewriteOuterTag(view, to, limit.vlan.protocol, limit.vlan.id);
  const isIpv4 = view.getUint16(packet - 2) === ETHERTYPE_IPV4;
  const write = isIpv4 ? writeIpv4 : writeIpv6;
  return linkOctets + write(view, packet, start + present, mtu, to + linkOctets);
}

/**
 * A number for the pair of addresses of a frame that `mtuToTell` takes: the same for the same pair, and
 * another one with high probability for others. `seed` is of who counts.
 */
export function pairOf(view: DataView, start: number, present: number, seed: number): number {
  const packet = packetIn(view, start, present);
  const isIpv4 = view.getUint16(packet - 2) === ETHERTYPE_IPV4;
  const first = packet + (isIpv4 ? 12 : 8);
  const end = packet + (isIpv4 ? headerOctets.ipv4 : headerOctets.ipv6);
  let sum = seed | 0;
  for (let at = first; at < end; at += 4) {
    sum = Math.imul(sum ^ view.getInt32(at), 0x9e37_79b1);
    sum ^= sum >>> 15;
  }
  return sum;
}

/** The answer to a frame, whatever the rate; undefined where there must be none. */
export function tooBigAnswer(frame: Uint8Array, limit: TooBigLimit): Uint8Array | undefined {
  const memory = new Uint8Array(frame.length + MOST_ANSWER_OCTETS);
  memory.set(frame);
  const view = new DataView(memory.buffer);
  const mtu = mtuToTell(view, 0, frame.length, frame.length, limit);
  if (mtu === NO_ANSWER) return undefined;
  const octets = writeTooBig(view, 0, frame.length, mtu, limit, frame.length);
  return memory.slice(frame.length, frame.length + octets);
}

/** Whether a MAC address may be that of one host: no group, and not 00-00-00-00-00-00. */
function isHostMac(view: DataView, at: number): boolean {
  if ((view.getUint8(at) & 1) !== 0) return false;
  return view.getUint32(at) !== 0 || view.getUint16(at + 4) !== 0;
}

/** Offset of what the Ethernet frame carries, behind up to two tags; NOT_FOUND behind more. */
function packetIn(view: DataView, start: number, present: number): number {
  let type = start + ETHERNET_HEADER_OCTETS - 2;
  for (let tags = 0; type + 2 <= start + present; tags += 1) {
    const etherType = view.getUint16(type);
    if (!isTag(etherType) && etherType !== TPID_OLD_SERVICE) return type + 2;
    if (tags === MOST_TAGS) return NOT_FOUND;
    type += TAG_OCTETS;
  }
  return NOT_FOUND;
}

/** Octets of tags that the MTU makes no room for: those from one of EtherType 0x9100 on. */
function uncountedIn(view: DataView, start: number, packet: number): number {
  for (let type = start + ETHERNET_HEADER_OCTETS - 2; type + 2 < packet; type += TAG_OCTETS)
    if (view.getUint16(type) === TPID_OLD_SERVICE) return packet - 2 - type;
  return 0;
}

function mtuOfIpv4(view: DataView, ip: number, end: number, frameEnd: number, mtu: number): number {
  if (ip + headerOctets.ipv4 > end) return NO_ANSWER;
  const first = view.getUint8(ip);
  const headers = (first & 0xf) * 4;
  if (first >>> 4 !== 4 || headers < headerOctets.ipv4 || ip + headers > end) return NO_ANSWER;
  const total = view.getUint16(ip + 2);
  if (total <= mtu || total < headers || ip + total > frameEnd) return NO_ANSWER;
  if ((view.getUint16(ip + 6) & (DO_NOT_FRAGMENT | FRAGMENT_OFFSET)) !== DO_NOT_FRAGMENT) return NO_ANSWER;
  if (checksumOfSum(addWords(view, ip, headers)) !== 0) return NO_ANSWER;
  if (!isIpv4Host(view, ip + 12) || !isIpv4Host(view, ip + 16)) return NO_ANSWER;
  if (isSame(view, ip + 12, ip + 16, 4)) return NO_ANSWER;
  return isAnswered(view, view.getUint8(ip + 9), ip + headers, Math.min(end, ip + total)) ? mtu : NO_ANSWER;
}

function mtuOfIpv6(view: DataView, ip: number, end: number, frameEnd: number, mtu: number): number {
  if (ip + headerOctets.ipv6 > end || view.getUint8(ip) >>> 4 !== 6) return NO_ANSWER;
  const total = headerOctets.ipv6 + view.getUint16(ip + 4);
  if (total <= mtu || ip + total > frameEnd) return NO_ANSWER;
  if (!isIpv6Host(view, ip + 8) || !isIpv6Host(view, ip + 24)) return NO_ANSWER;
  if (isSame(view, ip + 8, ip + 24, 16)) return NO_ANSWER;
  const payload = ip + headerOctets.ipv6;
  return isAnswered(view, view.getUint8(ip + 6), payload, Math.min(end, ip + total)) ? mtu : NO_ANSWER;
}

/**
 * Whether what a packet carries at `at`, of this protocol, may be answered: no later fragment, no ICMP error
 * and no redirect, also behind extension headers, some of which IPv4 has too (AH, HIP). What cannot be seen
 * might be one; but ESP is answered, for its ends learn their MTU in no other way (RFC 4301 §8.2).
 */
function isAnswered(view: DataView, protocol: number, at: number, end: number): boolean {
  let next = protocol;
  let header = at;
  for (let walked = 0; extensionHeaderOctets(next, 0) !== undefined; walked += 1) {
    if (walked === LONGEST_HEADER_CHAIN || header + 8 > end) return false;
    if (next === FRAGMENT_HEADER && (view.getUint16(header + 2) & 0xfff8) !== 0) return false;
    const octets = extensionHeaderOctets(next, view.getUint8(header + 1)) ?? 0;
    next = view.getUint8(header);
    header += octets;
  }
  if (next >= FIRST_UNKNOWN_PROTOCOL || hidingProtocols.includes(next)) return false;
  if (next !== ICMP && next !== ICMPV6) return header <= end;
  if (header >= end) return false;
  const type = view.getUint8(header);
  if (next === ICMP) return icmpQueries.includes(type);
  return type >= FIRST_ICMPV6_QUERY && type !== ICMPV6_REDIRECT;
}

/** Whether an address may be that of one host: not 0/8, 127/8, a group, reserved, or a broadcast. */
function isIpv4Host(view: DataView, at: number): boolean {
  const first = view.getUint8(at);
  return first !== 0 && first !== 127 && first < 224;
}

/** Whether an address may be that of one host: not ::, ::1 or a group. */
function isIpv6Host(view: DataView, at: number): boolean {
  if (view.getUint8(at) === 0xff) return false;
  for (let word = 0; word < 12; word += 4) if (view.getUint32(at + word) !== 0) return true;
  return view.getUint32(at + 12) > 1;
}

function isSame(view: DataView, one: number, other: number, octets: number): boolean {
  for (let at = 0; at < octets; at += 4)
    if (view.getUint32(one + at) !== view.getUint32(other + at)) return false;
  return true;
}

/** Writes the packet with the ICMP message about the one at `ip`; returns its octets. */
function writeIpv4(view: DataView, ip: number, end: number, mtu: number, to: number): number {
  const icmp = to + headerOctets.ipv4;
  const quoted = Math.min(
    ...[view.getUint16(ip + 2), end - ip],
    MOST_PACKET_OCTETS.ipv4 - headerOctets.ipv4 - ICMP_OCTETS,
  );
  const total = headerOctets.ipv4 + ICMP_OCTETS + quoted;
  view.setUint16(to, 0x4500 + INTERNETWORK_CONTROL);
  view.setUint16(to + 2, total);
  view.setUint32(to + 4, 0);
  view.setUint8(to + 8, HOP_LIMIT);
  view.setUint8(to + 9, ICMP);
  view.setUint16(to + 10, 0);
  copy(view, ip + 16, to + 12, 4);
  copy(view, ip + 12, to + 16, 4);
  view.setUint16(to + 10, checksumOfSum(addWords(view, to, headerOctets.ipv4)));
  view.setUint32(icmp, 0x0304_0000); // destination unreachable, fragmentation needed
  view.setUint32(icmp + 4, mtu);
  copy(view, ip, icmp + ICMP_OCTETS, quoted);
  view.setUint16(icmp + 2, checksumOfSum(addWords(view, icmp, ICMP_OCTETS + quoted)));
  return total;
}

function writeIpv6(view: DataView, ip: number, end: number, mtu: number, to: number): number {
  const icmp = to + headerOctets.ipv6;
  const quoted = Math.min(
    ...[headerOctets.ipv6 + view.getUint16(ip + 4), end - ip],
    MOST_PACKET_OCTETS.ipv6 - headerOctets.ipv6 - ICMP_OCTETS,
  );
  const octets = ICMP_OCTETS + quoted;
  view.setUint32(to, 0x6000_0000);
  view.setUint16(to + 4, octets);
  view.setUint8(to + 6, ICMPV6);
  view.setUint8(to + 7, HOP_LIMIT);
  copy(view, ip + 24, to + 8, 16);
  copy(view, ip + 8, to + 24, 16);
  view.setUint32(icmp, 0x0200_0000); // packet too big
  view.setUint32(icmp + 4, mtu);
  copy(view, ip, icmp + ICMP_OCTETS, quoted);
  const pseudoHeader = addWords(view, to + 8, 32, octets + ICMPV6);
  view.setUint16(icmp + 2, checksumOfSum(addWords(view, icmp, octets, pseudoHeader)));
  return headerOctets.ipv6 + octets;
}

function copy(view: DataView, from: number, to: number, octets: number): void {
  for (let at = 0; at < octets; at += 1) view.setUint8(to + at, view.getUint8(from + at));
}
