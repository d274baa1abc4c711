/** The Castagnoli polynomial in reversed bit order (RFC 9260 appendix A). */
const POLYNOMIAL = 0x82f6_3b78;

const table = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
  return value;
});

/** The CRC32c of the octets from `start` to `end`. SCTP writes it little-endian (RFC 9260 §6.8). */
export function crc32c(octets: Uint8Array, start: number, end: number): number {
  let crc = 0xffff_ffff;
  for (let at = start; at < end; at += 1) {
    crc = (table[(crc ^ (octets[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
