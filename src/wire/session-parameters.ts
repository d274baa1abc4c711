/** How L2TPv3 rides on the packet-switched network: in UDP (RFC 3931 §4.1.2) or directly in IP protocol 115 (RFC 3931 §4.1.1). */
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

/** One string that differs for differing paths; a key for maps. */
export function pathKey(path: PsnPath): string {
  return `${path.encapsulation} ${path.localAddress} ${path.localPort} ${path.remoteAddress} ${path.remotePort}`;
}

/** Whether two paths lead to the same address of the peer, from the same address and port of ours; the peer's UDP port may differ. */
export function isSameAddress(known: PsnPath, path: PsnPath): boolean {
  return (
    known.encapsulation === path.encapsulation &&
    known.localAddress === path.localAddress &&
    known.localPort === path.localPort &&
    known.remoteAddress === path.remoteAddress
  );
}

/** L2-Specific Sublayer of data messages in one direction (RFC 3931 §4.6). */
export type L2SpecificSublayer = "none" | "default";

/** Which data messages of one direction carry a sequence number (RFC 3931 §5.4.4, Data Sequencing). */
export type DataSequencing = "none" | "non-ip" | "all";

/** What counts as late of numbered data messages (RFC 3931 Appendix C); each receiver's own business. */
export interface SequenceRule {
  /** A number is new if it is less than so many ahead of the one expected, else old: 1 to 2^23. */
  readonly window: number;
  /** So many old numbers in a row, consecutive among themselves, mean that the sender is elsewhere; 2 or more. */
  readonly resetAfter: number;
}

/** Half of all numbers, as the RFC recommends, and three in a row. */
export const defaultSequenceRule: SequenceRule = { window: 0x80_0000, resetAfter: 3 };

/** What an Ethernet pseudowire carries: whole ports (0x0005) or one VLAN with its tag (0x0004) (RFC 4719 §2.1). */
export type PseudowireType = "ethernet" | "ethernet-vlan";

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
  /** Whether data may be sent to the peer: its circuit status is active and not standby (RFC 3931 §5.4.5, RFC 5641 §2). */
  readonly transmitAllowed: boolean;
  /** Whether the peer's frames may go to the circuit: it is not standby (RFC 5641 §2); default true. */
  readonly receiveAllowed?: boolean;
}
