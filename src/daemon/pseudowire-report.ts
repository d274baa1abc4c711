import type { PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { PseudowireSnapshot } from "../control/snapshot.ts";
import { countersBy } from "../forwarding/counters-table.ts";
import type { ForwardedBy, SessionCounters } from "../forwarding/plane.ts";
import type { CircuitStatus } from "../wire/avp-table.ts";
import { isCircuitUp } from "../wire/avp-values.ts";
import type { ChannelStatus, SessionParameters } from "../wire/session-parameters.ts";
import type { ForwarderState } from "./forwarders.ts";
import { frameSizeStatus } from "./frame-size-status.ts";
import { notesOf } from "./notes.ts";
import { channelStatusText } from "./session-watch.ts";
import { staticSessionOf } from "./settings.ts";
import type { FragmentStatus, PseudowireStatus, VccvStatus } from "./status.ts";
import { asNotes, pathInUse, type StatusSources, sendProblemOf, since } from "./status-sources.ts";

/** The circuit of a pseudowire as text. */
export function circuitText({ circuit }: PseudowireConfig): string {
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
  return `${isCircuitUp(status) ? "up" : "down"}${faults.length === 0 ? "" : ` (${faults.join(", ")})`}`;
}

/** A pseudowire in the status report. */
export function pseudowireStatus(
  sources: StatusSources,
  tunnel: TunnelConfig,
  pseudowire: PseudowireConfig,
  snapshot: PseudowireSnapshot | undefined,
  sessions: ReadonlyMap<number, SessionCounters>,
): PseudowireStatus {
  const path = pathInUse(sources, tunnel);
  const staticSession = path && staticSessionOf(pseudowire, path);
  const isStatic = pseudowire.staticSession !== undefined;
  const session = staticSession ?? snapshot?.session;
  const counters = session === undefined ? undefined : sessions.get(session.localSessionId);
  const isStaticUp = staticSession !== undefined && counters !== undefined;
  const channelStatus =
    session === undefined ? undefined : sources.circuits.channelStatus(session.localSessionId);
  const problem = sources.circuits.problem(pseudowire.name);
  const waiting = sources.waiting(tunnel.name);
  const forwarder = sources.circuits.forwarderState(pseudowire.name);
  const state = isStatic ? (isStaticUp ? "established" : "idle") : (snapshot?.state ?? "idle");
  const whyNot =
    waiting === undefined
      ? whyNotOf(isStatic && !isStaticUp, problem, snapshot, forwarder, channelStatus)
      : `its tunnel is waiting: ${waiting.problem}`;
  const deviceMtu = sources.deviceMtu(pseudowire.circuit.device);
  const downMs = waiting?.sinceMs ?? snapshot?.downMs ?? sources.upDowns.downMs(pseudowire.name);
  return {
    name: pseudowire.name,
    tunnel: tunnel.name,
    state,
    type: pseudowire.type,
    circuit: circuitText(pseudowire),
    localCircuit:
      waiting === undefined ? (problem === undefined ? "up" : "down") : "not open: its tunnel is waiting",
    heldDown: sources.circuits.heldDown(pseudowire.name),
    forwarder,
    remoteCircuit: remoteCircuitText(snapshot?.remoteStatus),
    channelStatus,
    whyNot,
    downForMs: whyNot === undefined ? undefined : since(sources, downMs),
    ...sources.upDowns.changes("pseudowire", pseudowire.name, sources.nowMs),
    notes: [
      ...asNotes(sources.upDowns.flappingNote("pseudowire", pseudowire.name, sources.nowMs)),
      ...(snapshot === undefined ? [] : notesOf(snapshot, counters)),
      ...asNotes(sources.sizeNote(tunnel, pseudowire, snapshot, sources.ends(tunnel.name))),
      ...(state === "established" ? asNotes(sendProblemOf(sources, session?.path, false)) : []),
    ],
    establishedForMs: since(sources, snapshot?.establishedMs),
    ...sessionStatus(session),
    frameSize: frameSizeStatus(tunnel, pseudowire, session, path, deviceMtu),
    ...planeStatus(
      session === undefined || counters === undefined
        ? undefined
        : sources.forwardedBy(session.localSessionId),
    ),
    ...countersBy((name) => counters?.[name] ?? 0),
    discards: { ...counters?.discards },
  };
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
  return blockedAtAnEnd(snapshot?.remoteStatus, forwarder)?.reason;
}

/** Why frames of an established session do not pass by what the two ends signal, as a word and as text. */
export function blockedAtAnEnd(
  remote: Pick<CircuitStatus, "active" | "standby"> | undefined,
  forwarder: ForwarderState | undefined,
): { readonly cause: "remote-circuit" | "standby" | "remote-standby"; readonly reason: string } | undefined {
  if (remote?.active === false)
    return { cause: "remote-circuit", reason: "the attachment circuit at the other end is down" };
  if (forwarder?.standby) return { cause: "standby", reason: standbyText(forwarder) };
  return remote?.standby
    ? { cause: "remote-standby", reason: "standby at the other end: its circuit has another pseudowire" }
    : undefined;
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

function fragmentStatus({
  receiveMrru,
  transmitFragments: peer,
}: SessionParameters): FragmentStatus | undefined {
  if (receiveMrru === undefined && peer === undefined) return undefined;
  return { receiveMrru, peerMru: peer?.mru, peerMrru: peer?.mrru };
}

function vccvStatus({ vccvControlChannel: channel, vccvEcho }: SessionParameters): VccvStatus | undefined {
  if (channel === undefined || channel === "none") return undefined;
  return { channel, checks: vccvEcho === true ? ["ICMP echo"] : [] };
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
    fragments: fragmentStatus(session),
    vccv: vccvStatus(session),
  };
}
