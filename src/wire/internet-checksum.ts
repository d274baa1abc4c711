/**
 * The checksum of the Internet (RFC 1071) of octets in a view, without allocation, for what is rare. The
 * userspace plane sums frames by words of its memory, which is faster (forwarding/userspace/checksum.ts).
 */

/** Adds octets, the first one of them the high one of a word, to an unfolded sum of 16-bit words. */
export function addWords(view: DataView, start: number, octets: number, before = 0): number {
  let sum = before;
  for (let at = 0; at + 1 < octets; at += 2) sum += view.getUint16(start + at);
  return octets % 2 === 1 ? sum + view.getUint8(start + octets - 1) * 0x100 : sum;
}

/** The checksum of an unfolded sum: 0 where that was of octets with their right checksum among them. */
export function checksumOfSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}

/** The checksum of octets that stand by themselves. */
export function internetChecksum(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return checksumOfSum(addWords(view, 0, octets.length));
}
