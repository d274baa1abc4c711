import { countTags, ETHERNET_HEADER_OCTETS, ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_OCTETS } from "./ethernet.ts";

/**
 * Differentiated services (RFC 2474): the upper six bits of what IPv4 calls type of service and IPv6 traffic
 * class.
 */

/** DSCP of the outer header: a fixed code point, or that of the frame's IP header. */
export type DscpChoice = number | "copy";

/** TABLE: names of code points (RFC 2474 §4.2.2, RFC 2597 §6, RFC 3246 §2.7, RFC 5865 §4, RFC 8622 §4). */
export const dscpNames = {
  cs0: 0,
  le: 1,
  cs1: 8,
  af11: 10,
  af12: 12,
  af13: 14,
  cs2: 16,
  af21: 18,
  af22: 20,
  af23: 22,
  cs3: 24,
  af31: 26,
  af32: 28,
  af33: 30,
  cs4: 32,
  af41: 34,
  af42: 36,
  af43: 38,
  cs5: 40,
  va: 44,
  ef: 46,
  cs6: 48,
  cs7: 56,
} as const;
export type DscpName = keyof typeof dscpNames;

/**
 * The code point of the IPv4 or IPv6 header in a frame, behind up to two tags; 0 for what is not IP. `view`
 * and `start` place the frame.
 */
export function dscpOfFrame(view: DataView, start: number, length: number): number {
  const headerOctets = ETHERNET_HEADER_OCTETS + TAG_OCTETS * countTags(view, start, length);
  if (headerOctets + 2 > length) return 0;
  const ip = start + headerOctets;
  const etherType = view.getUint16(ip - 2);
  if (etherType === ETHERTYPE_IPV4) return view.getUint8(ip + 1) >>> 2;
  if (etherType === ETHERTYPE_IPV6) return (view.getUint16(ip) >>> 6) & 0x3f;
  return 0;
}

/**
 * Traffic class of an IP header with this code point. ECN says Not-ECT, for the other end of the tunnel would
 * not carry congestion over to the frame (RFC 6040 §4.1, compatibility mode; RFC 9601 §6.1).
 */
export function trafficClassOf(dscp: number): number {
  return dscp << 2;
}
