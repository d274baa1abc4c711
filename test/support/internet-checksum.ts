/** The Internet checksum as RFC 1071 words it, octet by octet, to compare the fast one with. */
export function naiveChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let offset = 0; offset < part.length; offset += 2) {
      sum += (part[offset] ?? 0) * 256 + (part[offset + 1] ?? 0);
    }
  }
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return 0xffff - sum;
}
