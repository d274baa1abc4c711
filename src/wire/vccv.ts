/**
 * Numbers of VCCV, which checks a pseudowire by messages that travel with its frames (RFC 5085 §6). The VCCV
 * Capability AVP lists, in an octet each, the control channels and the kinds of checks that its sender takes.
 */

/** TABLE: Control Channel (CC) types for L2TPv3 (RFC 5085 §6.1). */
export const controlChannelTypes = {
  /** The V bit of the L2-Specific Sublayer marks a message of the channel. */
  l2SpecificSublayer: 0x01,
} as const;

/** TABLE: Connectivity Verification (CV) types (RFC 5085 §6.2.1, RFC 5885 §3.3). */
export const verificationTypes = {
  icmpPing: 0x01,
  bfdIpUdp: 0x04,
  bfdIpUdpStatus: 0x08,
  bfdRaw: 0x10,
  bfdRawStatus: 0x20,
} as const;

/** TABLE: channel types of messages that are IP packets (RFC 5085 §6.1, RFC 4385 §5), by version of IP. */
export const ipChannelTypes = { 4: 0x0021, 6: 0x0057 } as const;
