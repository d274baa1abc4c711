/**
 * Encapsulation of L2TPv3 on the packet-switched network: UDP (RFC 3931 §4.1.2) or IP protocol 115 (RFC 3931
 * §4.1.1).
 */
export type Encapsulation = "udp" | "ip";

/**
 * The two ends of a control connection on the packet-switched network, seen from this LCCE.
 * Addresses are in canonical text form (no zone, lower case, IPv4 never mapped into IPv6).
 */
export interface PsnPath {
  readonly encapsulation: Encapsulation;
  readonly localAddress: string;
  /** 0 when `encapsulation` is "ip". */
  readonly localPort: number;
  readonly remoteAddress: string;
  /** 0 when `encapsulation` is "ip". */
  readonly remotePort: number;
}

/** The path as a string, to be a key of maps: equal for equal paths only. */
export function pathKey(path: PsnPath): string {
  const { encapsulation, localAddress, localPort, remoteAddress, remotePort } = path;
  return `${encapsulation} ${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

/**
 * Whether two paths lead to the same address of the peer, from the same address and port of ours; the peer's
 * UDP port may differ.
 */
export function isSameAddress(known: PsnPath, path: PsnPath): boolean {
  return isSameEnd(known, path) && known.remoteAddress === path.remoteAddress;
}

/** Whether two paths begin at the same address and port of ours, with the same encapsulation. */
export function isSameEnd(one: PsnPath, other: PsnPath): boolean {
  return (
    one.encapsulation === other.encapsulation &&
    one.localAddress === other.localAddress &&
    one.localPort === other.localPort
  );
}

/** L2-Specific Sublayer of data messages in one direction (RFC 3931 §4.6). */
export type L2SpecificSublayer = "none" | "default";

/** TABLE: values of the L2-Specific Sublayer AVP (RFC 3931 §5.4.4). */
export const sublayerNumber: Readonly<Record<L2SpecificSublayer, number>> = { none: 0, default: 1 };

/**
 * The control channel of a session, in which VCCV messages travel with the frames (RFC 5085 §5.1, §6): none,
 * or the one that the V bit of the default sublayer marks, in both directions (Control Channel Type 0x01).
 */
export type VccvControlChannel = "none" | "l2-specific-sublayer";

/**
 * What a protocol on a session's control channel says of the session, in the words of BFD (RFC 5880 §4.1).
 * Only "down" is a failure: with "admin-down" somebody has switched the protocol off (RFC 5882 §3.2).
 */
export interface ChannelStatus {
  readonly state: "up" | "down" | "admin-down";
  /** Why, as text for people, such as the diagnostic of BFD. */
  readonly diagnostic?: string;
}

/** Whether two statuses say the same; undefined says nothing. */
export function isSameChannelStatus(
  one: ChannelStatus | undefined,
  other: ChannelStatus | undefined,
): boolean {
  return one?.state === other?.state && one?.diagnostic === other?.diagnostic;
}

/** Which data messages of one direction carry a sequence number (RFC 3931 §5.4.4, Data Sequencing). */
export type DataSequencing = "none" | "non-ip" | "all";

/** TABLE: values of the Data Sequencing AVP (RFC 3931 §5.4.4). */
export const sequencingNumber: Readonly<Record<DataSequencing, number>> = { none: 0, "non-ip": 1, all: 2 };

/** Rule by which a receiver drops late data messages (RFC 3931 Appendix C); a local matter. */
export interface SequenceRule {
  /** A number less than this far ahead of the expected one is new, any other is old: 1 to 2^23. */
  readonly window: number;
  /** After this many consecutive old numbers the sender is taken to have restarted its numbers; 2 or more. */
  readonly resetAfter: number;
}

/** The default: half of all numbers, as the RFC recommends, and three in a row. */
export const defaultSequenceRule: SequenceRule = { window: 0x80_0000, resetAfter: 3 };

/**
 * What an Ethernet pseudowire carries: whole ports (0x0005) or one VLAN with its tag (0x0004) (RFC 4719
 * §2.1).
 */
export type PseudowireType = "ethernet" | "ethernet-vlan";

/** TABLE: numbers of pseudowire types (RFC 4719 §2.1). */
export const pseudowireTypeNumber: Readonly<Record<PseudowireType, number>> = {
  ethernet: 0x0005,
  "ethernet-vlan": 0x0004,
};

/** What an LCCE takes of frames in fragments, as it announced. */
export interface FragmentLimits {
  /**
   * MRU: octets of the longest data message, from the first octet behind the UDP or IP header (RFC 4623
   * §5.2).
   */
  readonly mru: number;
  /** MRRU: octets of the longest frame that it puts together (RFC 4623 §5.3). */
  readonly mrru: number;
}

/**
 * Everything both ends agreed on for one session: the contract between control and forwarding.
 * "receive" speaks of data messages from the peer to us, "transmit" of ours to the peer.
 */
export interface SessionParameters {
  /** Configured name of the pseudowire, unique in this LCCE. */
  readonly pseudowire: string;
  readonly path: PsnPath;
  readonly pseudowireType: PseudowireType;
  /** We assigned it; it is in what we receive. Never 0; unique in this LCCE. */
  readonly localSessionId: number;
  /** The peer assigned it; it is in what we transmit. Never 0. */
  readonly remoteSessionId: number;
  /** We assigned it and peers must present it: 0, 4 or 8 octets. */
  readonly receiveCookie: Uint8Array;
  /** The peer assigned it and we put it in: 0, 4 or 8 octets. */
  readonly transmitCookie: Uint8Array;
  readonly receiveSublayer: L2SpecificSublayer;
  readonly transmitSublayer: L2SpecificSublayer;
  readonly receiveSequencing: DataSequencing;
  readonly transmitSequencing: DataSequencing;
  /**
   * Other than "none" only where both ends offered it and both directions have a sublayer; default "none".
   */
  readonly vccvControlChannel?: VccvControlChannel;
  /** Whether ICMP echo is answered in that channel (Connectivity Verification Type 0x01); default false. */
  readonly vccvEcho?: boolean;
  /**
   * Octets of the longest frame, its tags included, that is put together of the peer's fragments: our MRRU
   * (RFC 4623 §5.3). Absent: fragments are discarded. Present only where we receive the sublayer.
   */
  readonly receiveMrru?: number;
  /**
   * What the peer takes of fragments (RFC 4623 §5.4). Absent: it gets none. Present only where we transmit
   * the sublayer; fragments have numbers whatever `transmitSequencing` is.
   */
  readonly transmitFragments?: FragmentLimits;
  /**
   * Whether data may be sent to the peer: its circuit status is active and not standby (RFC 3931 §5.4.5, RFC
   * 5641 §2).
   */
  readonly transmitAllowed: boolean;
  /** Whether the peer's attachment circuit is up, whether or not it is in standby (RFC 5641 §2). */
  readonly remoteCircuitActive: boolean;
  /** Whether the peer's frames may go to the circuit: it is not standby (RFC 5641 §2); default true. */
  readonly receiveAllowed?: boolean;
}
