/**
 * Serial-number arithmetic for Ns and Nr (16 bits, RFC 3931 §4.2) and data sequence numbers (24 bits, RFC
 * 3931 Appendix C).
 */
function isAtOrBefore(value: number, last: number, modulus: number): boolean {
  return (last - value + modulus) % modulus <= modulus / 2 - 1;
}

/** Whether Ns `value` is old or equal to `last`, both modulo 65536 (RFC 3931 §4.2). */
export function isNsAtOrBefore(value: number, last: number): boolean {
  return isAtOrBefore(value, last, 0x1_0000);
}

/** The Ns after `value` (RFC 3931 §4.2). */
export function nextNs(value: number): number {
  return (value + 1) & 0xffff;
}

/** How far `to` is ahead of `from`, modulo 65536. */
export function nsDistance(from: number, to: number): number {
  return (to - from) & 0xffff;
}

/** Whether data sequence number `value` is old or equal to `last`, both modulo 2^24 (RFC 3931 Appendix C). */
export function isSequenceAtOrBefore(value: number, last: number): boolean {
  return isAtOrBefore(value, last, 0x100_0000);
}

/** The data sequence number after `value`: 0xffffff is followed by 0 (RFC 3931 §4.6). */
export function nextSequence(value: number): number {
  return (value + 1) & 0xff_ffff;
}
