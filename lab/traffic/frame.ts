import { concat, fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";

const IPV4_OCTETS = 20;
const UDP_OCTETS = 8;

/** Ethernet header of the test frames: IPv4, to a station that none of the hosts is. */
export const linkHeader = fromHex("02aabbccddee 025753504102 0800");

/**
 * A frame of so many octets, 42 at least: IPv4 and UDP between two addresses of the sites' network, one of
 * them nobody's.
 */
export function benchFrame(octets: number): Uint8Array {
  const length = octets - linkHeader.length;
  const header = new Writer()
    .u16(0x4500)
    .u16(length)
    .u32(0x0000_4000)
    .u16(0x4011)
    .u16(0)
    .octets(fromHex("0a000001 0a000063"));
  header.patchU16(10, checksumOf(header.finish()));
  const udp = new Writer()
    .u32(0x0009_0009)
    .u16(length - IPV4_OCTETS)
    .u16(0);
  const payload = new Uint8Array(length - IPV4_OCTETS - UDP_OCTETS);
  return concat(linkHeader, header.finish(), udp.finish(), payload);
}

/** The checksum of an IPv4 header (RFC 791 §3.1). */
function checksumOf(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let sum = 0;
  for (let at = 0; at < octets.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
