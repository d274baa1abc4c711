/**
 * The Internet checksum (RFC 1071), computed without allocation. Partial sums are unfolded, of little-endian
 * words: that is the order of the host's memory, and folding undoes it.
 */

/**
 * Adds `length` octets at `start` to a partial sum of 16-bit words. `start` may be odd: the octet there is
 * always the first one of a word. At most 64 KiB per call, or the sum overflows 32 bits.
 */
export function addToSum(
  octets: Uint8Array,
  words: Uint32Array,
  start: number,
  length: number,
  before: number,
): number {
  let sum = before;
  let offset = start;
  const end = start + length;
  if ((offset & 1) === 0) {
    while (offset < end - 1 && (offset & 3) !== 0) {
      sum += (octets[offset] as number) | ((octets[offset + 1] as number) << 8);
      offset += 2;
    }
    let index = offset >>> 2;
    const lastWord = (end & ~3) >>> 2;
    let low = 0;
    let high = 0;
    for (; index < lastWord; index += 1) {
      const word = words[index] as number;
      low += word & 0xffff;
      high += word >>> 16;
    }
    if (lastWord << 2 > offset) offset = lastWord << 2;
    sum += low + high;
  }
  for (; offset < end - 1; offset += 2)
    sum += (octets[offset] as number) | ((octets[offset + 1] as number) << 8);
  if (offset < end) sum += octets[offset] as number;
  return sum;
}

/** The checksum field of a partial sum: folded to 16 bits and complemented, to be written little-endian. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}

/** A 16-bit number in network byte order as a word of a little-endian sum. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
