/** Numbers of the protocol, each with its registry. */

/** IP protocol and IPv6 next header of L2TP directly over IP (RFC 3931 §4.1.1). */
export const IP_PROTOCOL_L2TP = 115;

/** UDP port of L2TP (RFC 3931 §4.1.2). */
export const UDP_PORT_L2TP = 1701;

/** Vendor IDs: SMI Network Management Private Enterprise Codes. */
export const vendor = { ietf: 0, cisco: 9 } as const;

/** Ours: limits on the memory that one message can take. */
export const wireLimits = {
  /** AVPs in one message; the largest of ours has under 20. */
  avps: 128,
  /** Octets of a hidden value, as much as an AVP holds. */
  hiddenOctets: 1017,
} as const;
