import {
  decodeIcmpEcho,
  encodeIcmpEcho,
  ICMP_ECHO_HEADER_OCTETS,
  type IcmpEcho,
  icmpProtocol,
} from "./icmp-echo.ts";
import { addWords, checksumOfSum } from "./internet-checksum.ts";

/** IP packets with an ICMP echo message, made and read without the kernel (RFC 791, RFC 8200). */

/** An echo message with the addresses of its packet, 4 or 16 octets each. */
export interface EchoPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly echo: IcmpEcho;
}

/** Octets in front of the data of an echo message in its packet, by the version of IP. */
export const ECHO_PACKET_HEADER_OCTETS = { 4: 20 + ICMP_ECHO_HEADER_OCTETS, 6: 40 + ICMP_ECHO_HEADER_OCTETS };

const IP_HEADER_OCTETS = { 4: 20, 6: 40 } as const;
const ADDRESSES_AT = { 4: 12, 6: 8 } as const;
const ADDRESS_OCTETS = { 4: 4, 6: 16 } as const;
/** TTL or hop limit: the packet goes no further than to the other end (RFC 5085 §6.2.1). */
const ONE_HOP = 1;
const CHECKSUM_AT = 2;
/** More fragments, and the offset of a fragment. */
const FRAGMENT_BITS = 0x3fff;

/** Encodes the packet; of IPv4, its identification is the sequence number, and nothing else is in options. */
export function encodeEchoPacket(version: 4 | 6, { source, destination, echo }: EchoPacket): Uint8Array {
  const message = encodeIcmpEcho(version, echo);
  const headerOctets = IP_HEADER_OCTETS[version];
  const packet = new Uint8Array(headerOctets + message.length);
  const view = new DataView(packet.buffer);
  packet.set(source, ADDRESSES_AT[version]);
  packet.set(destination, ADDRESSES_AT[version] + ADDRESS_OCTETS[version]);
  packet.set(message, headerOctets);
  if (version === 4) {
    view.setUint16(0, 0x4500);
    view.setUint16(2, packet.length);
    view.setUint16(4, echo.sequence);
    view.setUint16(8, (ONE_HOP << 8) | icmpProtocol[4]);
    view.setUint16(10, checksumOfSum(addWords(view, 0, headerOctets)));
    return packet;
  }
  view.setUint16(0, 0x6000);
  view.setUint16(4, message.length);
  view.setUint16(6, (icmpProtocol[6] << 8) | ONE_HOP);
  view.setUint16(headerOctets + CHECKSUM_AT, messageChecksum(6, view, headerOctets, message.length));
  return packet;
}

/**
 * Decodes a packet; undefined for what is not the packet of one whole echo message with right checksums.
 * Octets behind its length are ignored, as are options of IPv4; IPv6 with extension headers is none. Data and
 * addresses are views.
 */
export function decodeEchoPacket(version: 4 | 6, octets: Uint8Array): EchoPacket | undefined {
  const least = IP_HEADER_OCTETS[version];
  if (octets.length < least || (octets[0] ?? 0) >> 4 !== version) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const headerOctets = version === 4 ? 4 * ((octets[0] ?? 0) & 0x0f) : least;
  const length = version === 4 ? view.getUint16(2) : least + view.getUint16(4);
  const protocol = octets[version === 4 ? 9 : 6];
  if (headerOctets < least || length < headerOctets || length > octets.length) return undefined;
  if (protocol !== icmpProtocol[version]) return undefined;
  const packet = octets.subarray(0, length);
  if (version === 4 && !isWholeV4(view, headerOctets)) return undefined;
  const message = packet.subarray(headerOctets);
  if (messageChecksum(version, view, headerOctets, message.length) !== 0) return undefined;
  const echo = decodeIcmpEcho(version, message);
  const [at, size] = [ADDRESSES_AT[version], ADDRESS_OCTETS[version]];
  return (
    echo && {
      source: packet.subarray(at, at + size),
      destination: packet.subarray(at + size, at + 2 * size),
      echo,
    }
  );
}

/** Whether the header is undamaged, and of no fragment. */
function isWholeV4(view: DataView, headerOctets: number): boolean {
  return checksumOfSum(addWords(view, 0, headerOctets)) === 0 && (view.getUint16(6) & FRAGMENT_BITS) === 0;
}

/** The checksum of a message; that of ICMPv6 covers addresses, length and protocol too (RFC 8200 §8.1). */
function messageChecksum(version: 4 | 6, view: DataView, headerOctets: number, length: number): number {
  const before =
    version === 4 ? 0 : addWords(view, ADDRESSES_AT[6], 2 * ADDRESS_OCTETS[6], length + icmpProtocol[6]);
  return checksumOfSum(addWords(view, headerOctets, length, before));
}
