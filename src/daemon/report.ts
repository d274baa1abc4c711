import { dottedQuad } from "../bytes/ip-address.ts";
import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { ConnectionSnapshot, LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import { countersBy } from "../forwarding/counters-table.ts";
import type { ForwardedBy, PlaneCounters, SessionCounters } from "../forwarding/plane.ts";
import type { LogLosses } from "../os/log-output.ts";
import type { CircuitStatus } from "../wire/avp-table.ts";
import type { ChannelStatus, SessionParameters } from "../wire/session-parameters.ts";
import type { ForwarderState } from "./forwarders.ts";
import { notesOf } from "./notes.ts";
import { hasHeardNothing } from "./send-problems.ts";
import { channelStatusText } from "./session-watch.ts";
import { pathOf, staticSessionOf } from "./settings.ts";
import {
  API_VERSION,
  type ControlConnectionStatus,
  type PseudowireStatus,
  type StatusReport,
} from "./status.ts";
import { version } from "./version.ts";

/** The sources of a status report. Times in ms of the monotonic clock. */
export interface StatusSources {
  readonly config: Config;
  readonly snapshot: LcceSnapshot;
  readonly counters: PlaneCounters;
  /** Control messages over IP that the kernel dropped because we read too slowly. */
  readonly ipControlDrops: number;
  readonly plane: { readonly name: string; readonly reason: string };
  readonly nowMs: number;
  readonly startedMs: number;
  forwardedBy(localSessionId: number): ForwardedBy;
  /** Undefined while the tunnel waits. */
  localPort(tunnel: string): number | undefined;
  /** Why a tunnel waits, and when it is tried again; undefined while it does not wait. */
  waiting(tunnel: string): WaitingTunnel | undefined;
  /** Why frames of a pseudowire do not pass at our end, as text; undefined while they can. */
  circuitProblem(pseudowire: string): string | undefined;
  /** How the forwarder of a pseudowire stands; undefined where there is no choice. */
  forwarder(pseudowire: string): ForwarderState | undefined;
  /** What a protocol on a session's control channel says of the session. */
  channelStatus(localSessionId: number): ChannelStatus | undefined;
  /**
   * What becomes of full-size frames that do not fit the path to the peer, as text; undefined while they
   * fit.
   */
  sizeNote(
    tunnel: TunnelConfig,
    pseudowire: PseudowireConfig,
    snapshot: PseudowireSnapshot | undefined,
  ): string | undefined;
  /**
   * Why messages to a tunnel's peer cannot be sent, as text; undefined while they can. `isPeerSilent`:
   * nothing was heard of the peer.
   */
  sendProblem(tunnel: TunnelConfig, isPeerSilent: boolean): string | undefined;
  /**
   * Lines that the log lost because they could not be written, or left out because there were too many of a
   * kind.
   */
  readonly log: LogLosses & { readonly leftOut: number };
}

interface WaitingTunnel {
  readonly problem: string;
  readonly nextAttemptMs: number | undefined;
}

/** The status report. It has no secrets: of cookies only their sizes. */
export function reportStatus(sources: StatusSources): StatusReport {
  const { config, snapshot, counters } = sources;
  const connections = new Map(snapshot.connections.map((connection) => [connection.peer, connection]));
  const pseudowires = new Map(snapshot.pseudowires.map((pseudowire) => [pseudowire.pseudowire, pseudowire]));
  const sessions = new Map(counters.sessions.map((session) => [session.localSessionId, session]));
  return {
    apiVersion: API_VERSION,
    version,
    pid: process.pid,
    uptimeMs: Math.round(sources.nowMs - sources.startedMs),
    hostName: config.lcce.hostName,
    routerId: dottedQuad(config.lcce.routerId),
    plane: sources.plane,
    controlConnections: config.tunnels.map((tunnel) =>
      connectionStatus(sources, tunnel, connections.get(tunnel.name)),
    ),
    pseudowires: config.tunnels.flatMap((tunnel) =>
      tunnel.pseudowires.map((pseudowire) =>
        pseudowireStatus(sources, tunnel, pseudowire, pseudowires.get(pseudowire.name), sessions),
      ),
    ),
    discards: discardsOf(sources),
    control: Object.fromEntries(Object.entries(snapshot.discards).filter(([, count]) => count > 0)),
    log: {
      lostLines: sources.log.lines,
      reason: sources.log.reason,
      leftOutLines: sources.log.leftOut,
    },
  };
}

function discardsOf({ counters, ipControlDrops }: StatusSources): Readonly<Record<string, number>> {
  const overflow = (counters.discards["control-overflow"] ?? 0) + ipControlDrops;
  return { ...counters.discards, ...(overflow === 0 ? {} : { "control-overflow": overflow }) };
}

function addressed(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function since(sources: StatusSources, ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(Math.abs(sources.nowMs - ms));
}

function connectionStatus(
  sources: StatusSources,
  tunnel: TunnelConfig,
  connection: ConnectionSnapshot | undefined,
): ControlConnectionStatus {
  const path = connection?.path ?? pathOf(tunnel, sources.localPort(tunnel.name) ?? tunnel.localPort);
  const waiting = sources.waiting(tunnel.name);
  const isUp = tunnel.control === undefined || connection?.state === "established";
  const sendProblem =
    waiting === undefined ? sources.sendProblem(tunnel, hasHeardNothing(connection)) : undefined;
  return {
    tunnel: tunnel.name,
    state: stateOf(tunnel, connection, waiting),
    encapsulation: tunnel.encapsulation,
    local: addressed(path.localAddress, path.localPort),
    remote: addressed(path.remoteAddress, path.remotePort),
    localControlConnectionId: connection?.localControlConnectionId,
    remoteControlConnectionId: connection?.remoteControlConnectionId,
    peerHostName: connection?.hostName,
    peerRouterId: connection?.routerId === undefined ? undefined : dottedQuad(connection.routerId),
    peerVendorName: connection?.vendorName,
    authentication: authenticationOf(tunnel),
    establishedForMs: since(sources, connection?.establishedMs),
    whyNot: waiting?.problem ?? (isUp ? undefined : sendProblem) ?? connection?.whyNot,
    notes: [...(connection?.notes ?? []), ...(isUp ? asNotes(sendProblem) : [])],
    nextAttemptInMs: since(sources, waiting?.nextAttemptMs ?? connection?.nextAttemptMs),
    sent: connection?.sent ?? 0,
    received: connection?.received ?? 0,
    retransmitted: connection?.retransmitted ?? 0,
  };
}

function stateOf(
  tunnel: TunnelConfig,
  connection: ConnectionSnapshot | undefined,
  waiting: WaitingTunnel | undefined,
): string {
  if (waiting !== undefined) return "waiting";
  return tunnel.control === undefined ? "static" : (connection?.state ?? "idle");
}

function authenticationOf({ control }: TunnelConfig): string {
  if (control === undefined) return "none";
  const { mode, digestType } = control.authentication;
  return mode === "digest" ? digestType : mode;
}

function circuitText({ circuit }: PseudowireConfig): string {
  if (circuit.vlan === undefined) return circuit.device;
  const { id, idOnPseudowire } = circuit.vlan;
  return `${circuit.device} vlan ${id}${id === idOnPseudowire ? "" : ` (as ${idOnPseudowire})`}`;
}

/** The other end's circuit as text (RFC 5641 §3). */
function remoteCircuitText(status: CircuitStatus | undefined): string | undefined {
  if (status === undefined) return undefined;
  const faults = [
    ...(status.receiveFault ? ["receive fault"] : []),
    ...(status.transmitFault ? ["transmit fault"] : []),
    ...(status.psnReceiveFault ? ["network receive fault"] : []),
    ...(status.psnTransmitFault ? ["network transmit fault"] : []),
    ...(status.standby ? ["standby"] : []),
  ];
  return `${status.active ? "up" : "down"}${faults.length === 0 ? "" : ` (${faults.join(", ")})`}`;
}

function pseudowireStatus(
  sources: StatusSources,
  tunnel: TunnelConfig,
  pseudowire: PseudowireConfig,
  snapshot: PseudowireSnapshot | undefined,
  sessions: ReadonlyMap<number, SessionCounters>,
): PseudowireStatus {
  const localPort = sources.localPort(tunnel.name) ?? tunnel.localPort;
  const staticSession = staticSessionOf(pseudowire, pathOf(tunnel, localPort));
  const session = staticSession ?? snapshot?.session;
  const counters = session === undefined ? undefined : sessions.get(session.localSessionId);
  const isStaticUp = staticSession !== undefined && counters !== undefined;
  const channelStatus = session === undefined ? undefined : sources.channelStatus(session.localSessionId);
  const problem = sources.circuitProblem(pseudowire.name);
  const waiting = sources.waiting(tunnel.name);
  const forwarder = sources.forwarder(pseudowire.name);
  const state =
    staticSession === undefined ? (snapshot?.state ?? "idle") : isStaticUp ? "established" : "idle";
  return {
    name: pseudowire.name,
    tunnel: tunnel.name,
    state,
    type: pseudowire.type,
    circuit: circuitText(pseudowire),
    localCircuit:
      waiting === undefined ? (problem === undefined ? "up" : "down") : "not open: its tunnel is waiting",
    forwarder,
    remoteCircuit: remoteCircuitText(snapshot?.remoteStatus),
    channelStatus,
    whyNot:
      waiting === undefined
        ? whyNotOf(staticSession !== undefined && !isStaticUp, problem, snapshot, forwarder, channelStatus)
        : `its tunnel is waiting: ${waiting.problem}`,
    notes: [
      ...(snapshot === undefined ? [] : notesOf(snapshot, counters)),
      ...asNotes(sources.sizeNote(tunnel, pseudowire, snapshot)),
      ...(state === "established" ? asNotes(sources.sendProblem(tunnel, false)) : []),
    ],
    establishedForMs: since(sources, snapshot?.establishedMs),
    ...sessionStatus(session),
    ...planeStatus(
      session === undefined || counters === undefined
        ? undefined
        : sources.forwardedBy(session.localSessionId),
    ),
    ...countersBy((name) => counters?.[name] ?? 0),
    discards: { ...counters?.discards },
  };
}

function asNotes(note: string | undefined): readonly string[] {
  return note === undefined ? [] : [note];
}

/** Why no frames pass, though the session may be up. */
function whyNotOf(
  isStaticDown: boolean,
  problem: string | undefined,
  snapshot: PseudowireSnapshot | undefined,
  forwarder: ForwarderState | undefined,
  channelStatus: ChannelStatus | undefined,
): string | undefined {
  if (problem !== undefined) return `attachment circuit: ${problem}`;
  if (isStaticDown) return "not in the forwarding plane yet";
  if (snapshot?.whyNot !== undefined) return snapshot.whyNot;
  if (channelStatus?.state === "down") return `control channel: ${channelStatusText(channelStatus)}`;
  return blockedAtAnEnd(snapshot?.remoteStatus, forwarder);
}

/** Why frames of an established session do not pass by what the two ends signal, as text. */
export function blockedAtAnEnd(
  remote: Pick<CircuitStatus, "active" | "standby"> | undefined,
  forwarder: ForwarderState | undefined,
): string | undefined {
  if (remote?.active === false) return "the attachment circuit at the other end is down";
  if (forwarder?.standby) return standbyText(forwarder);
  return remote?.standby ? "standby at the other end: its circuit has another pseudowire" : undefined;
}

function planeStatus(
  forwardedBy: ForwardedBy | undefined,
): Pick<PseudowireStatus, "plane" | "planeReason" | "gso"> {
  const { plane, reason, gso } = forwardedBy ?? {};
  return { plane, planeReason: reason, gso };
}

function standbyText({ active, members: [preferred] }: ForwarderState): string {
  return active === undefined
    ? `standby: pseudowire ${preferred} of the same circuit is preferred`
    : `standby: pseudowire ${active} has the frames of the circuit`;
}

function sessionStatus(session: SessionParameters | undefined): Partial<PseudowireStatus> {
  if (session === undefined) return {};
  return {
    localSessionId: session.localSessionId,
    remoteSessionId: session.remoteSessionId,
    receiveCookieOctets: session.receiveCookie.length,
    transmitCookieOctets: session.transmitCookie.length,
    receiveSublayer: session.receiveSublayer,
    transmitSublayer: session.transmitSublayer,
    receiveSequencing: session.receiveSequencing,
    transmitSequencing: session.transmitSequencing,
  };
}
