/** Numbers of the protocol, each with its registry. */

/** IP protocol and IPv6 next header of L2TP directly over IP (RFC 3931 §4.1.1). */
export const IP_PROTOCOL_L2TP = 115;

/** UDP port of L2TP (RFC 3931 §4.1.2). */
export const UDP_PORT_L2TP = 1701;

/** Vendor IDs: SMI Network Management Private Enterprise Codes. */
export const vendor = { ietf: 0, cisco: 9 } as const;

/** General error codes, meaningful with result code 2 (RFC 3931 §5.4.2). */
export const generalError = {
  none: 0,
  noControlConnection: 1,
  length: 2,
  outOfRange: 3,
  insufficientResources: 4,
  invalidSessionId: 5,
  vendorSpecific: 6,
  tryAnother: 7,
  unknownMandatoryAvp: 8,
  tryAnotherDirected: 9,
} as const;

/** Result code "general error" of StopCCN and CDN alike (RFC 3931 §5.4.2). */
export const RESULT_GENERAL_ERROR = 2;

/** Ours: limits on the memory that one message can take. */
export const wireLimits = {
  /** AVPs in one message; the largest of ours has under 20. */
  avps: 128,
  /** Octets of a hidden value, as much as an AVP holds. */
  hiddenOctets: 1017,
} as const;
