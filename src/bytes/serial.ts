/**
 * Serial-number arithmetic for Ns and Nr (16 bits, RFC 3931 §4.2) and data sequence numbers (24 bits, RFC
 * 3931 Appendix C).
 */

/** Whether Ns `value` is old or equal to `last`, both modulo 65536 (RFC 3931 §4.2). */
export function isNsAtOrBefore(value: number, last: number): boolean {
  return nsDistance(value, last) < 0x8000;
}

/** The Ns after `value` (RFC 3931 §4.2). */
export function nextNs(value: number): number {
  return (value + 1) & 0xffff;
}

/** How far `to` is ahead of `from`, modulo 65536. */
export function nsDistance(from: number, to: number): number {
  return (to - from) & 0xffff;
}

/** The data sequence number after `value`: 0xffffff is followed by 0 (RFC 3931 §4.6). */
export function nextSequence(value: number): number {
  return (value + 1) & 0xff_ffff;
}

/** How far data sequence number `to` is ahead of `from`, modulo 2^24 (RFC 3931 Appendix C). */
export function sequenceDistance(from: number, to: number): number {
  return (to - from) & 0xff_ffff;
}
