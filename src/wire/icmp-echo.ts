import { internetChecksum } from "./internet-checksum.ts";

/**
 * ICMP echo messages (RFC 792, RFC 4443 §4): a request comes back as a reply with the same data. Octets:
 * type (1), code (1), checksum (2), identifier (2), sequence number (2), data.
 */

/** TABLE: types of echo messages, by the version of IP. */
export const icmpEchoTypes = {
  4: { request: 8, reply: 0 },
  6: { request: 128, reply: 129 },
} as const;

/** TABLE: IP protocol numbers of ICMP. */
export const icmpProtocol = { 4: 1, 6: 58 } as const;

export const ICMP_ECHO_HEADER_OCTETS = 8;

/** An echo message. */
export interface IcmpEcho {
  readonly kind: "request" | "reply";
  readonly identifier: number;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/**
 * Encodes an echo message. Over IPv6 its checksum covers addresses (RFC 4443 §2.3), and is left 0 for the
 * kernel, which sets it for raw sockets of ICMPv6.
 */
export function encodeIcmpEcho(version: 4 | 6, { kind, identifier, sequence, data }: IcmpEcho): Uint8Array {
  const octets = new Uint8Array(ICMP_ECHO_HEADER_OCTETS + data.length);
  const view = new DataView(octets.buffer);
  octets[0] = icmpEchoTypes[version][kind];
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  octets.set(data, ICMP_ECHO_HEADER_OCTETS);
  if (version === 4) view.setUint16(2, internetChecksum(octets));
  return octets;
}

/**
 * Decodes an echo message, of which `data` is a part; undefined for any other message. The checksum is not
 * looked at.
 */
export function decodeIcmpEcho(version: 4 | 6, octets: Uint8Array): IcmpEcho | undefined {
  if (octets.length < ICMP_ECHO_HEADER_OCTETS || octets[1] !== 0) return undefined;
  const { request, reply } = icmpEchoTypes[version];
  if (octets[0] !== request && octets[0] !== reply) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return {
    kind: octets[0] === request ? "request" : "reply",
    identifier: view.getUint16(4),
    sequence: view.getUint16(6),
    data: octets.subarray(ICMP_ECHO_HEADER_OCTETS),
  };
}
