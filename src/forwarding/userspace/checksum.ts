/**
 * The Internet checksum (RFC 1071) over memory, without allocation. Sums are kept unfolded and little-endian,
 * as they lie in memory.
 */

/**
 * Adds `length` octets at `start` to a sum of 16-bit words; `start` may be odd or even, and the first octet
 * counts as the first of a word. At most 64 KiB at once, or the sum leaves 32 bits.
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

/** Folds a sum into the 16 bits of a checksum field, as to be written little-endian. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}

/** A 16-bit number of the network's order as it counts in a little-endian sum. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
