import type { DscpChoice } from "../wire/dscp.ts";
import type {
  DataSequencing,
  Encapsulation,
  L2SpecificSublayer,
  PseudowireType,
} from "../wire/session-parameters.ts";

/** A configuration that passed every check: frozen, complete (all defaults filled in), and without any secret. */
export interface Config {
  readonly lcce: LcceConfig;
  readonly log: LogConfig;
  /** What forwards; "auto" is programs in the kernel where they can be had. */
  readonly plane: "auto" | "userspace" | "ebpf";
  readonly tunnels: readonly TunnelConfig[];
}

export interface LcceConfig {
  /** Host Name AVP, US-ASCII; default the machine's host name. */
  readonly hostName: string;
  /** Router ID AVP, an opaque 32-bit number; default the first IPv4 local address, else derived from the host name. */
  readonly routerId: number;
  /** Path of the Unix socket that `wirespan status` and `wirespan reload` talk to. */
  readonly controlSocket: string;
}

export interface LogConfig {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  /** "auto" is text on a terminal, else JSON lines. */
  readonly format: "auto" | "text" | "json";
}

/** Where a shared secret comes from; its value is read when the daemon starts or reloads and never printed. */
export type SecretSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "credential"; readonly name: string }
  | { readonly kind: "environment"; readonly variable: string };

export interface TunnelConfig {
  readonly name: string;
  readonly local: string;
  readonly remote: string;
  readonly encapsulation: Encapsulation;
  /** UDP ports; 0 with encapsulation "ip". `localPort` 0 with "udp" means any free port. */
  readonly localPort: number;
  readonly remotePort: number;
  /** Datagrams over the path MTU: fragmented by IP, or not sent and counted. */
  readonly fragmentation: "outer" | "none";
  /** Of data messages in UDP; "auto" is "zero" over IPv4 and "full" over IPv6. */
  readonly udpChecksum: "auto" | "full" | "zero";
  /** How eBPF programs send GSO packets: whole, for the WAN interface to segment, or segmented before. */
  readonly gso: "auto" | "offload" | "segment";
  /** Code point of control messages. */
  readonly controlDscp: number;
  /** Absent for a tunnel of static pseudowires only. */
  readonly control?: ControlConfig;
  readonly pseudowires: readonly PseudowireConfig[];
}

/** How the control connection of a tunnel is negotiated. Times in milliseconds. */
export interface ControlConfig {
  /** Who sends the SCCRQ: we, the peer, or whoever is first. */
  readonly role: "either" | "initiator" | "responder";
  /** "digest": nonces and a Message Digest keyed by `secrets`; "integrity": an unkeyed digest; "none": neither (RFC 3931 §4.3). */
  readonly authentication: "digest" | "integrity" | "none";
  /** One or two with "digest" (either is accepted, the first is preferred); empty otherwise. */
  readonly secrets: readonly SecretSource[];
  readonly digestType: "hmac-md5" | "hmac-sha1";
  /** Hide the AVPs that may be hidden (RFC 3931 §5.3). Only with "digest". */
  readonly hideAvps: boolean;
  readonly helloIntervalMs: number;
  readonly retransmitInitialMs: number;
  readonly retransmitCapMs: number;
  readonly retransmitLimit: number;
  /** 0 for none. */
  readonly silenceLimitMs: number;
  readonly receiveWindowSize: number;
  /** Pause before a lost control connection or session is tried again; doubles up to the cap. */
  readonly reconnectInitialMs: number;
  readonly reconnectCapMs: number;
  /** When present, a peer with another Host Name or Router ID is refused. */
  readonly peerHostName?: string;
  readonly peerRouterId?: number;
}

export interface PseudowireConfig {
  /** Unique in the file. */
  readonly name: string;
  readonly type: PseudowireType;
  readonly circuit: CircuitConfig;
  /** Largest layer-3 payload in octets. */
  readonly mtu: number;
  /** Octets of the cookie we ask the peer to present. */
  readonly cookieOctets: 0 | 4 | 8;
  /** Sublayer and numbering of the data messages we want to receive. */
  readonly sublayer: L2SpecificSublayer;
  readonly sequencing: DataSequencing;
  /** A received number counts as new if it is less than so many ahead of what is expected (RFC 3931 Appendix C). */
  readonly sequencingWindow: number;
  /** After so many old messages in a row the next number is expected from there. */
  readonly sequencingReset: number;
  /** Of the outer IP header of what we send. */
  readonly dscp: DscpChoice;
  /** Remote End ID AVP, the same at both ends: text goes as its octets, a number as 4 octets. Default: the name. */
  readonly remoteEndId: Uint8Array;
  /** Present exactly in tunnels without `control`. */
  readonly staticSession?: StaticSessionConfig;
}

/** A static session: ids and cookies agreed by hand, no control connection (RFC 3931 §3). */
export interface StaticSessionConfig {
  readonly localSessionId: number;
  readonly remoteSessionId: number;
  readonly receiveCookie: Uint8Array;
  readonly transmitCookie: Uint8Array;
  /** Sublayer and numbering of what we send; what we receive is in the pseudowire's `sublayer` and `sequencing`. */
  readonly transmitSublayer: L2SpecificSublayer;
  readonly transmitSequencing: DataSequencing;
}

export interface CircuitConfig {
  readonly kind: "tap" | "interface";
  readonly device: string;
  /** A bridge that exists, into which a TAP device is put. */
  readonly bridge?: string;
  /** Absent: the whole port. */
  readonly vlan?: {
    readonly id: number;
    readonly idOnPseudowire: number;
    readonly protocol: 0x8100 | 0x88a8;
  };
  readonly linkLocal: "forward" | "no-pause" | "block";
  /** Whether an interface is attached although this machine has addresses or routes there, or it is a port of a bridge. */
  readonly allowHostUse: boolean;
}

/** Something wrong in a configuration text. Line and column count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path of the key, such as `tunnels.branch.remote`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}
