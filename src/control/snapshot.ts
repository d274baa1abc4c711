import type { CircuitStatus } from "../wire/avp-table.ts";
import type { ChannelStatus, PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";
import { FRAGMENTS_AT_BOTH, fragmentNotes } from "./fragments.ts";
import type { PathHistory } from "./path-follower.ts";
import type { PathLimits, PathMtuSnapshot } from "./path-mtu.ts";
import type { Peer } from "./peer.ts";
import type { Session } from "./session.ts";
import type { PseudowireSettings } from "./settings.ts";
import type { UnknownPeer } from "./unknown-peers.ts";

/** State of the control connection with one peer. Times in ms of the injected clock. */
export interface ConnectionSnapshot {
  readonly peer: string;
  readonly state: string;
  readonly path: PsnPath;
  readonly localControlConnectionId: number | undefined;
  readonly remoteControlConnectionId: number | undefined;
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
  readonly vendorName: string | undefined;
  readonly establishedMs: number | undefined;
  /** How long its set-up took, in ms, and whether the SCCRQ was ours; while it is established. */
  readonly setUpMs: number | undefined;
  readonly isInitiator: boolean | undefined;
  /** Since when it is not established; undefined while it is. */
  readonly downMs: number | undefined;
  readonly nextAttemptMs: number | undefined;
  readonly whyNot: string | undefined;
  /** Warnings for the operator, which may be there while the connection is up. */
  readonly notes: readonly string[];
  /** What it was told that limits packets to the peer. */
  readonly pathLimits: PathLimits | undefined;
  /** Undefined while no path MTU is searched for. */
  readonly pathMtu: PathMtuSnapshot | undefined;
  readonly sent: number;
  readonly received: number;
  readonly retransmitted: number;
  /** What became of its path; undefined without a connection. */
  readonly pathHistory: PathHistory | undefined;
  /** What tells that a NAT is between us and the peer, as text. */
  readonly natEvidence: string | undefined;
}

/** State of one pseudowire. */
export interface PseudowireSnapshot {
  readonly peer: string;
  readonly pseudowire: string;
  /** A session state of RFC 3931 §7.3, "wait-control-conn" while its connection is down, or "idle". */
  readonly state: string;
  readonly circuitActive: boolean;
  readonly remoteStatus: CircuitStatus | undefined;
  /** What a protocol on the session's control channel says of it. */
  readonly channelStatus: ChannelStatus | undefined;
  /** Present while there is a session; cookies in it are secret. */
  readonly session: SessionParameters | undefined;
  readonly establishedMs: number | undefined;
  /** Since when no session is established; undefined while one is. */
  readonly downMs: number | undefined;
  readonly whyNot: string | undefined;
  readonly notes: readonly string[];
  readonly nextCallMs: number | undefined;
}

/** The state of an LCCE without its pseudowires, of which there may be 100 000. */
export interface LcceOverview {
  readonly connections: readonly ConnectionSnapshot[];
  readonly discards: Readonly<Record<ControlDiscardReason, number>>;
  /**
   * The last few senders of SCCRQs that no tunnel is for, or that failed authentication by one of any
   * address; the last one at the end.
   */
  readonly unknownPeers: readonly UnknownPeer[];
  /** How many other senders there were. */
  readonly otherUnknownPeers: number;
}

export interface LcceSnapshot extends LcceOverview {
  readonly pseudowires: readonly PseudowireSnapshot[];
}

export function overviewOf(
  peers: readonly Peer[],
  discards: Readonly<Record<ControlDiscardReason, number>>,
  nowMs: number,
  { told, others }: { readonly told: readonly UnknownPeer[]; readonly others: number },
): LcceOverview {
  return {
    connections: peers.map((peer) => connectionOf(peer, nowMs)),
    discards,
    unknownPeers: told,
    otherUnknownPeers: others,
  };
}

function connectionOf(peer: Peer, nowMs: number): ConnectionSnapshot {
  const { connection } = peer;
  const refusal = peer.helloRefusal.text(nowMs);
  return {
    peer: peer.settings.name,
    state: connection?.state ?? "idle",
    path: connection?.path ?? peer.settings.path,
    localControlConnectionId: connection?.localControlConnectionId,
    remoteControlConnectionId: connection?.remoteControlConnectionId || undefined,
    hostName: connection?.identity?.hostName,
    routerId: connection?.identity?.routerId,
    vendorName: connection?.identity?.vendorName,
    establishedMs: connection?.state === "established" ? connection.establishedMs : undefined,
    ...setUpOf(connection),
    downMs: connection?.state === "established" ? undefined : peer.downMs,
    nextAttemptMs: peer.nextAttemptMs,
    whyNot:
      connection?.state === "established" ? undefined : (peer.whyNot ?? "the peer has not answered yet"),
    notes: refusal === undefined ? peer.notes : [...peer.notes, refusal],
    pathHistory: connection?.follower.history,
    natEvidence: connection?.follower.natEvidence,
    pathLimits: peer.settings.pathLimits,
    pathMtu: connection?.pathMtu.snapshot,
    ...(connection?.counters ?? { sent: 0, received: 0, retransmitted: 0 }),
  };
}

function setUpOf(connection: Peer["connection"]): Pick<ConnectionSnapshot, "setUpMs" | "isInitiator"> {
  if (connection?.state !== "established") return { setUpMs: undefined, isInitiator: undefined };
  const { begunMs, establishedMs = begunMs, isInitiator } = connection;
  return { setUpMs: establishedMs - begunMs, isInitiator };
}

/** The pseudowires with a peer. */
export function pseudowireSnapshotsOf(peer: Peer): readonly PseudowireSnapshot[] {
  const connected = peer.connection?.state === "established";
  return [...peer.pseudowires].map((pseudowire) => {
    const { shownSession: session } = pseudowire;
    const established = session?.state === "established";
    return {
      peer: peer.settings.name,
      pseudowire: pseudowire.settings.name,
      state: session?.state ?? (connected ? "idle" : "wait-control-conn"),
      circuitActive: pseudowire.localStatus.active,
      remoteStatus: session?.remoteStatus,
      channelStatus: session?.channelStatus,
      session: session?.parameters,
      establishedMs: session?.establishedMs,
      downMs: established ? undefined : pseudowire.downMs,
      whyNot: established
        ? undefined
        : (pseudowire.whyNot ??
          (connected ? (peer.unmatchedCalls.text ?? "no call yet") : "the control connection is down")),
      notes: established && session !== undefined ? notesOn(pseudowire.settings, session) : [],
      nextCallMs: pseudowire.nextCallMs,
    };
  });
}

function notesOn(settings: PseudowireSettings, { parameters, choices }: Session): readonly string[] {
  const { fragments } = choices;
  const isFragmented = settings.mrru !== undefined || fragments !== undefined;
  return [...sublayerNotes(parameters, isFragmented), ...fragmentNotes(settings, parameters, fragments)];
}

/**
 * RFC 3931 §5.4.4 has each end say what it wants to receive; some peers send what they say instead, and
 * frames arrive garbled.
 */
function sublayerNotes(
  { receiveSublayer, transmitSublayer, receiveSequencing }: SessionParameters,
  isFragmented: boolean,
): readonly string[] {
  if (receiveSublayer === transmitSublayer) return [];
  // What the sublayer is wanted for goes with it, or the advice would be refused.
  const unnumbered =
    transmitSublayer === "none" && receiveSequencing !== "none" ? ", and sequencing: none" : "";
  const advice = isFragmented ? FRAGMENTS_AT_BOTH : `set sublayer: ${transmitSublayer}${unnumbered}`;
  return [
    `we want sublayer "${receiveSublayer}" and the peer "${transmitSublayer}": ` +
      `some peers send what they want, and frames arrive garbled; ${advice}`,
  ];
}
