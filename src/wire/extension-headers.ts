/**
 * Extension headers of IPv6 (RFC 8200 §4, and the list of RFC 7045 §2): their numbers, and where the next
 * header stands. ESP is none of them here: nobody without its key sees what is behind it.
 */

/** TABLE: extension headers whose second octet counts units of 8 octets behind the first one. */
export const optionHeaders: ReadonlySet<number> = new Set([
  0, // hop-by-hop options
  43, // routing
  60, // destination options
  135, // mobility (RFC 6275 §6.1)
  139, // HIP (RFC 7401 §5.1)
  140, // Shim6 (RFC 5533 §5.1)
]);
export const FRAGMENT_HEADER = 44;
export const AUTHENTICATION_HEADER = 51;
/** Headers in the longest chain: each kind once, destination options twice (RFC 8200 §4.1). */
export const LONGEST_HEADER_CHAIN = optionHeaders.size + 3;

/**
 * Octets of the extension header with this number, whose second octet is `length`; undefined for what is no
 * extension header, or one whose length is not known.
 */
export function extensionHeaderOctets(number: number, length: number): number | undefined {
  if (number === FRAGMENT_HEADER) return 8;
  if (number === AUTHENTICATION_HEADER) return 4 * (length + 2); // RFC 4302 §2.2
  return optionHeaders.has(number) ? 8 * (length + 1) : undefined;
}
