import { isIPv6 } from "node:net";
import type { Encapsulation, L2SpecificSublayer, SessionParameters } from "../wire/session-parameters.ts";

/** How long frames are once they are data messages, and in how many fragments: arithmetic alone. */

/** TABLE: headers in front of a frame, in octets (RFC 3931 §4.1.1.1, §4.1.2.1, §4.6). */
const IPV4_OCTETS = 20;
const IPV6_OCTETS = 40;
const IPV6_FRAGMENT_OCTETS = 8;
const UDP_OCTETS = 8;
const UDP_DATA_WORD_OCTETS = 4;
const SESSION_ID_OCTETS = 4;
const SUBLAYER_OCTETS = 4;
/** Fragments but the last carry a multiple of this (RFC 791 §3.1, RFC 8200 §4.5). */
const FRAGMENT_UNIT = 8;

/** What decides about the length of a data message besides its frame. */
export type DataMessageFormat = Pick<SessionParameters, "path" | "transmitCookie" | "transmitSublayer">;

/** The same, as far as lengths are concerned. */
export interface HeaderFormat {
  /** Of the path to the peer. */
  readonly ipVersion: 4 | 6;
  readonly encapsulation: Encapsulation;
  readonly cookieOctets: number;
  readonly sublayer: L2SpecificSublayer;
}

/** A header, or part of one, in front of a frame. */
export interface HeaderSize {
  readonly name: string;
  readonly octets: number;
}

/** The headers in front of a frame in an IP packet to the peer, from the frame outwards. */
export function headersOf({
  ipVersion,
  encapsulation,
  cookieOctets,
  sublayer,
}: HeaderFormat): readonly HeaderSize[] {
  const udp = [
    { name: "UDP flags and version", octets: UDP_DATA_WORD_OCTETS },
    { name: "UDP header", octets: UDP_OCTETS },
  ];
  return [
    { name: "L2-Specific Sublayer", octets: sublayer === "none" ? 0 : SUBLAYER_OCTETS },
    { name: "cookie", octets: cookieOctets },
    { name: "session ID", octets: SESSION_ID_OCTETS },
    ...(encapsulation === "udp" ? udp : []),
    { name: `IPv${ipVersion} header`, octets: ipVersion === 6 ? IPV6_OCTETS : IPV4_OCTETS },
  ];
}

/** The sum of headers, in octets. */
export function headerTotal(headers: readonly HeaderSize[]): number {
  return headers.reduce((total, { octets }) => total + octets, 0);
}

/** Octets in front of a frame in an IP packet to the peer, IP header included. */
export function overheadOctets({ path, transmitCookie, transmitSublayer }: DataMessageFormat): number {
  const { encapsulation, remoteAddress } = path;
  const ipVersion = versionOf(remoteAddress);
  const cookieOctets = transmitCookie.length;
  return headerTotal(headersOf({ ipVersion, encapsulation, cookieOctets, sublayer: transmitSublayer }));
}

/** The number of IP fragments that a packet of so many octets needs on a path: 1 where it fits. */
export function fragmentCount(ipVersion: 4 | 6, packet: number, pathMtu: number): number {
  if (packet <= pathMtu) return 1;
  const header = ipVersion === 6 ? IPV6_OCTETS : IPV4_OCTETS;
  const perPiece = pathMtu - header - (ipVersion === 6 ? IPV6_FRAGMENT_OCTETS : 0);
  const whole = perPiece - (perPiece % FRAGMENT_UNIT);
  // The last piece may end anywhere, and only the last one.
  return 1 + Math.ceil((packet - header - perPiece) / whole);
}

/**
 * The number of pseudowire fragments of a frame that would be in a packet of so many octets, `overhead` of
 * them headers that each fragment has (RFC 4623 §4).
 */
export function pseudowireFragmentCount(overhead: number, packet: number, pathMtu: number): number {
  return Math.ceil((packet - overhead) / Math.max(1, pathMtu - overhead));
}

/** The version of IP that an address is of. */
export function versionOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4;
}

/** A number of fragments in words. */
export function countText(count: number): string {
  return count === 2 ? "two" : String(count);
}
