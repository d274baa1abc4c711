import type {
  DataSequencing,
  L2SpecificSublayer,
  PseudowireType,
  PsnPath,
} from "../wire/session-parameters.ts";
import type { PathLimits } from "./path-mtu.ts";
import type { MeasuredPathMtu } from "./path-mtu-memory.ts";

/** Who this LCCE says it is (RFC 3931 §5.4.3: Host Name, Router ID, Vendor Name). */
export interface LcceIdentity {
  readonly hostName: string;
  readonly routerId: number;
  readonly vendorName: string;
}

/** How control messages with one peer are authenticated (RFC 3931 §4.3). */
export interface AuthenticationSettings {
  /** "digest" is keyed, with nonces; "integrity" detects damage only; "none" sends neither. */
  readonly mode: "digest" | "integrity" | "none";
  readonly digestType: "hmac-md5" | "hmac-sha1";
  /**
   * With "digest" one or two: both are tried on receipt, and one digest is sent for each. Otherwise empty.
   */
  readonly secrets: readonly Uint8Array[];
  readonly hideAvps: boolean;
}

/** Reliable delivery of one control connection, times in milliseconds (RFC 3931 §4.2). */
export interface DeliverySettings {
  readonly initialMs: number;
  readonly capMs: number;
  /** Retransmissions of one message before the connection is given up. */
  readonly limit: number;
  /**
   * How long a message may wait while nothing at all is heard from the peer, before that; 0 or absent for no
   * such limit.
   */
  readonly silenceMs?: number;
  /** Messages the peer may have unacknowledged towards us, 1 or more. */
  readonly receiveWindowSize: number;
}

/** A peer LCCE and how to talk to it. Times in milliseconds. */
export interface PeerSettings {
  readonly name: string;
  /**
   * Where our SCCRQ goes; the peer may answer from another UDP port (RFC 3931 §4.1.2.2). With `from`, only
   * our end counts.
   */
  readonly path: PsnPath;
  /**
   * For a peer of any address, which opens the connection itself: the prefixes that it may come from, such as
   * 198.51.100.0/24, in canonical form; empty for all. Its SCCRQ is told by `peerHostName` and
   * `peerRouterId`, and proved by its digest. Absent for a peer of a configured address.
   */
  readonly from?: readonly string[];
  readonly role: "either" | "initiator" | "responder";
  readonly authentication: AuthenticationSettings;
  readonly delivery: DeliverySettings;
  /** 0 sends no HELLO. */
  readonly helloIntervalMs: number;
  /** Whether the peer is followed to another address or port; only where digests say who it is. */
  readonly roaming: "control" | "off";
  /** Silence of ours before HELLO; 0 for none, absent for the usual one where a NAT is noticed. */
  readonly natKeepaliveMs?: number;
  readonly reconnectInitialMs: number;
  readonly reconnectCapMs: number;
  readonly peerHostName?: string;
  readonly peerRouterId?: number;
  /** Whether the path MTU is searched for, with "echo" by ICMP echo alone; default "probe". */
  readonly pathMtu?: "probe" | "echo" | "none";
  /** What limits packets to the peer; without it no path MTU is searched for. */
  readonly pathLimits?: PathLimits;
  /** What a peer before this one, with the same path, was measured to take; a search begins by it. */
  readonly formerPathMtu?: MeasuredPathMtu;
}

/** What we want of one pseudowire. */
export interface PseudowireSettings {
  /** Unique in this LCCE. */
  readonly name: string;
  readonly type: PseudowireType;
  readonly remoteEndId: Uint8Array;
  readonly cookieOctets: 0 | 4 | 8;
  /** Of the data messages we receive. */
  readonly sublayer: L2SpecificSublayer;
  readonly sequencing: DataSequencing;
  /**
   * Octets of the longest frame that we put together of fragments (RFC 4623 §5.3). Absent: no fragments, in
   * neither direction.
   */
  readonly mrru?: number;
  /** Whether ICMP echo is offered in the session's control channel (RFC 5085); default "off". */
  readonly vccv?: "off" | "echo";
}

/** Ours: limits on the memory a peer can take, and timers that the RFC leaves open. */
export const limits = {
  /** Connections of one peer that wait for an SCCCN. */
  halfOpenConnections: 32,
  /** SCCRQs of one peer in the replay cache. */
  replayCacheEntries: 4096,
  /** Octets of a nonce in the key of the replay cache; a peer may send a nonce of any length. */
  rememberedNonceOctets: 32,
  /** How often our SCCRQ is sent, in seven seconds, before its silence is told with what may be its cause. */
  silentSccrqs: 4,
  /** How long our SCCRQ that lost the tie is not retransmitted, while the winner's SCCCN is awaited. */
  tieLostMs: 8_000,
  /** Closed connections of one peer whose delivery is still draining; beyond that the oldest is dropped. */
  closingConnections: 32,
  /**
   * Unacknowledged messages of ours on one connection: more than one call for each session that a plane can
   * carry. Beyond that, received messages are discarded until the peer acknowledges.
   */
  queuedMessages: 20_000,
  /** Sessions that get a CDN ahead of a StopCCN; the StopCCN ends all others (RFC 3931 §6.4). */
  disconnectedSessions: 64,
  /**
   * Calls of ours on one connection that wait for their ICRP, unless the peer's window is wider; others wait
   * their turn.
   */
  outstandingCalls: 64,
  /**
   * How long the peer may take to answer an SCCRQ, SCCRP, ICRQ or ICRP that it acknowledged: a full cycle of
   * retransmissions by default, for its answer may be one that gets lost again and again (RFC 3931 §4.2).
   */
  establishMs: 71_000,
  /** How long a received StopCCN is acknowledged again (RFC 3931 §3.3.2). */
  lingerMs: 31_000,
  /**
   * How long the responder of a control connection leaves it to the initiator to open the first session: that
   * call may get lost, and once more, before it comes, and calls that cross end in a CDN each.
   */
  firstCallGraceMs: 10_000,
  /** The same with role "responder": freeRtr calls 5 s after its SCCCN, and again 5 s after a loss. */
  responderGraceMs: 12_000,
  /**
   * Least interval between HELLOs sent because a stray message hints that the peer lost its state, and the
   * time for an answer.
   */
  probeIntervalMs: 30_000,
  probeAnswerMs: 7_000,
  /** A peer that was heard so recently is not probed. */
  recentlyHeardMs: 1_000,
  /**
   * How long we may be silent where a NAT is noticed: it forgets the peer, some after 30 s (RFC 4787 §4.3
   * asks for 2 minutes).
   */
  natKeepaliveMs: 20_000,
  /** Least interval between HELLOs to other paths because of mere hints. */
  pathHintIntervalMs: 5_000,
  /**
   * HELLOs because the peer's data stopped: the interval that they come in at most, how many may come at once
   * after a while without, and the time for an answer.
   */
  silenceIntervalMs: 5_000,
  silenceHellos: 3,
  silenceAnswerMs: 300,
  /** A peer that was heard so recently is not silent, though data of one session stopped. */
  silenceMs: 250,
  /** Copies that a path gets that is not known to lead to the peer, and how long it may take to answer. */
  pathCopies: 3,
  pathAnswerMs: 8_000,
  /** Octets of the first message to an address that the configuration or a name server gave. */
  pathConfiguredOctets: 4_500,
  /** The path follows the peer at most so often, and after so many moves within a minute not for a while. */
  pathMoveIntervalMs: 1_000,
  pathMoves: 10,
  pathMovesMs: 60_000,
  pathHoldMs: 60_000,
  /**
   * How long the peer may take to follow us to another address of ours: HELLO and two retransmissions. Then
   * the connection is opened anew.
   */
  followedMs: 7_000,
  /**
   * How long the responder of a control connection leaves further sessions to the initiator after each of its
   * calls: the next one may need a full cycle of retransmissions by default.
   */
  nextCallGraceMs: 71_000,
  /** A session that was up for so long is re-established at once when the peer's operator closes it. */
  steadySessionMs: 1_000,
  /**
   * The pause after a first attempt that nobody answered at all. Some peers know us by our address and hold a
   * connection from before our crash until we were silent for 25 s (freeRtr); each SCCRQ counts as a sign of
   * life.
   */
  firstPauseMs: 30_000,
  /**
   * How long a session of a connection that gave way to a newer one forwards without another in its place: as
   * long as the peer may take to set that up.
   */
  formerSessionMs: 71_000,
  /** Octets of our nonce; the RFC recommends 16 or more (RFC 3931 §5.4.1). */
  nonceOctets: 16,
  randomVectorOctets: 16,
} as const;
