import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  isTag,
  TAG_OCTETS,
} from "../wire/ethernet.ts";

/**
 * The TCP MSS clamp: lowers the MSS option of SYNs (RFC 9293 §3.7.1), so that TCP sends no segment that
 * would have to be fragmented on the way to the peer, or be discarded. In place, without allocation: the
 * userspace plane calls it for each frame, and it is the reference of the eBPF programs.
 */

/**
 * What the key `mss_clamp` says: "auto" is by what the pseudowire takes; a number is the MSS of IPv4 in
 * octets, and IPv6 gets 20 less.
 */
export type MssClampChoice = "auto" | "off" | number;

/** To what the MSS is lowered. */
export interface MssClamp {
  /** Largest layer-3 payload in octets, whatever tags stand in front of it, but those of EtherType 0x9100. */
  readonly mtu: number;
  /** Octets of the longest frame, its tags included. */
  readonly frameOctets: number;
}

/** EtherType of a tag that some switches use for the outer of two; no MTU makes room for it. */
export const TPID_OLD_SERVICE = 0x9100;
/** Tags in front of IP behind which TCP is looked for. */
export const MOST_TAGS = 2;
/** Extension headers that are skipped: each kind that may stand before TCP, in its order (RFC 8200 §4.1). */
export const MOST_EXTENSION_HEADERS = 5;
/** An MSS is never lowered to less: Linux takes what is below for this (TCP_MIN_SND_MSS). */
export const LEAST_MSS = 48;
/**
 * TABLE: IPv6 extension headers that are skipped; the second octet is the length, but in fragment headers.
 */
export const extensionHeaders = { hopByHop: 0, routing: 43, fragment: 44, destinationOptions: 60 } as const;
/** TABLE: octets of headers without options. */
export const headerOctets = { ipv4: 20, ipv6: 40, tcp: 20 } as const;
/** TABLE: offsets in the TCP header (RFC 9293 §3.1). */
export const tcpOffsets = { dataOffset: 12, flags: 13, checksum: 16 } as const;
export const SYN = 0x02;
/** TABLE: kinds of TCP options, and the length of the MSS option (RFC 9293 §3.2). */
export const tcpOptions = { end: 0, noOperation: 1, mss: 2, mssOctets: 4 } as const;

const TCP = 6;
const NOT_FOUND = -1;
/** No checksum of the frame is partial. */
export const NO_CHECKSUM = -1;
/** Longer than any frame: only the MTU counts. */
const ANY_FRAME = 0xffff;

/** What decides about the clamp of a session, of `AttachmentCircuit`. */
interface ClampedAttachment {
  readonly mssClamp?: MssClampChoice;
  readonly mtu: number;
  readonly wholeFrameOctets?: number;
}

/** The clamp of a session on this attachment; undefined where it is off. */
export function mssClampOf({
  mssClamp = "off",
  mtu,
  wholeFrameOctets,
}: ClampedAttachment): MssClamp | undefined {
  if (mssClamp === "off") return undefined;
  if (mssClamp === "auto") return { mtu, frameOctets: Math.min(wholeFrameOctets ?? ANY_FRAME, ANY_FRAME) };
  return { mtu: mssClamp + headerOctets.ipv4 + headerOctets.tcp, frameOctets: ANY_FRAME };
}

/**
 * The MSS to which a clamp lowers what is more, in octets, of TCP over IPv4 or IPv6 behind `l2Octets` of
 * Ethernet header and tags, of which the MTU makes no room for `uncountedOctets`.
 */
export function mssLimit(
  { mtu, frameOctets }: MssClamp,
  isIpv4: boolean,
  l2Octets: number,
  uncountedOctets: number,
): number {
  const headers = (isIpv4 ? headerOctets.ipv4 : headerOctets.ipv6) + headerOctets.tcp;
  return Math.max(LEAST_MSS, Math.min(mtu - uncountedOctets, frameOctets - l2Octets) - headers);
}

/**
 * Lowers the MSS of the frame at `start` if it is a SYN or SYN/ACK over IPv4 or IPv6, behind up to two tags,
 * whose MSS option has more than the clamp allows; returns whether it did. The TCP checksum follows by RFC
 * 1624 §3, unless it is the one that is partial: that holds the sum of the pseudo header alone, which does
 * not change. `partialChecksum` is the offset of the frame's partial checksum, of the transport header that
 * it covers. Frames with bad lengths and later fragments stay as they are; no option is added.
 */
export function clampMss(
  view: DataView,
  start: number,
  length: number,
  clamp: MssClamp,
  partialChecksum = NO_CHECKSUM,
): boolean {
  const end = start + length;
  let type = start + ETHERNET_HEADER_OCTETS - 2;
  if (type + 2 > end) return false;
  let etherType = view.getUint16(type);
  let uncounted = 0;
  while (isTag(etherType) || etherType === TPID_OLD_SERVICE) {
    if (uncounted > 0 || etherType === TPID_OLD_SERVICE) uncounted += TAG_OCTETS;
    type += TAG_OCTETS;
    if (type + 2 > end) return false;
    etherType = view.getUint16(type);
  }
  const isIpv4 = etherType === ETHERTYPE_IPV4;
  if (!isIpv4 && etherType !== ETHERTYPE_IPV6) return false;
  const ip = type + 2;
  if (ip - start > ETHERNET_HEADER_OCTETS + MOST_TAGS * TAG_OCTETS) return false;
  const tcp = isIpv4 ? tcpInIpv4(view, ip, end) : tcpInIpv6(view, ip, end);
  if (tcp === NOT_FOUND || tcp + headerOctets.tcp > end) return false;
  if ((view.getUint8(tcp + tcpOffsets.flags) & SYN) === 0) return false;
  const option = mssOption(view, tcp, end);
  if (option === NOT_FOUND) return false;
  const most = mssLimit(clamp, isIpv4, ip - start, uncounted);
  const mss = view.getUint16(option + 2);
  if (mss <= most) return false;
  view.setUint16(option + 2, most);
  if (partialChecksum !== tcp) updateChecksum(view, tcp, option + 2, mss, most);
  return true;
}

/** Offset of the TCP header in the IPv4 packet at `ip`, or NOT_FOUND; its octets may be missing. */
function tcpInIpv4(view: DataView, ip: number, end: number): number {
  if (ip + headerOctets.ipv4 > end || view.getUint8(ip + 9) !== TCP) return NOT_FOUND;
  const first = view.getUint8(ip);
  if (first >>> 4 !== 4 || (first & 0xf) < 5) return NOT_FOUND;
  if ((view.getUint16(ip + 6) & 0x1fff) !== 0) return NOT_FOUND;
  return ip + (first & 0xf) * 4;
}

/** Offset of the TCP header in the IPv6 packet at `ip`, or NOT_FOUND; its octets may be missing. */
function tcpInIpv6(view: DataView, ip: number, end: number): number {
  if (ip + headerOctets.ipv6 > end || view.getUint8(ip) >>> 4 !== 6) return NOT_FOUND;
  let next = view.getUint8(ip + 6);
  let at = ip + headerOctets.ipv6;
  for (let skipped = 0; next !== TCP; skipped += 1) {
    if (skipped === MOST_EXTENSION_HEADERS || !isSkipped(next) || at + 8 > end) return NOT_FOUND;
    const isFragment = next === extensionHeaders.fragment;
    if (isFragment && (view.getUint16(at + 2) & 0xfff8) !== 0) return NOT_FOUND;
    next = view.getUint8(at);
    at += isFragment ? 8 : 8 * (view.getUint8(at + 1) + 1);
  }
  return at;
}

function isSkipped(nextHeader: number): boolean {
  return (
    nextHeader === extensionHeaders.hopByHop ||
    nextHeader === extensionHeaders.routing ||
    nextHeader === extensionHeaders.fragment ||
    nextHeader === extensionHeaders.destinationOptions
  );
}

/** Offset of the first MSS option of the TCP header, or NOT_FOUND; also where a length before it is bad. */
function mssOption(view: DataView, tcp: number, frameEnd: number): number {
  const end = tcp + (view.getUint8(tcp + tcpOffsets.dataOffset) >>> 4) * 4;
  if (end > frameEnd) return NOT_FOUND;
  let at = tcp + headerOctets.tcp;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === tcpOptions.end) return NOT_FOUND;
    if (kind === tcpOptions.noOperation) {
      at += 1;
      continue;
    }
    const octets = at + 1 < end ? view.getUint8(at + 1) : 0;
    if (octets < 2 || at + octets > end) return NOT_FOUND;
    if (kind === tcpOptions.mss && octets === tcpOptions.mssOctets) return at;
    at += octets;
  }
  return NOT_FOUND;
}

/**
 * Updates the TCP checksum for a number of 16 bits at `at` that was `before` and is `after` (RFC 1624,
 * equation 3). At an odd offset each of its octets is in another word of the sum, as the octet of the other
 * weight: the sum changes as if the number's octets were swapped.
 */
function updateChecksum(view: DataView, tcp: number, at: number, before: number, after: number): void {
  const isOdd = ((at - tcp) & 1) === 1;
  const removed = isOdd ? swapped(before) : before;
  const added = isOdd ? swapped(after) : after;
  const checksum = view.getUint16(tcp + tcpOffsets.checksum);
  let sum = (~checksum & 0xffff) + (~removed & 0xffff) + added;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(tcp + tcpOffsets.checksum, ~sum & 0xffff);
}

function swapped(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
