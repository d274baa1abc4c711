import type { DisconnectingEvent, SessionEvent, SessionEvents } from "./session-events.ts";
import { type EventOf, type NoData, type Transition, tableOf } from "./state-table.ts";

/**
 * States of a session, spelt as RFC 3931 §7.3 spells them. `wait-reply` belongs to the ICRQ sender,
 * `wait-connect` to its recipient. A pseudowire without a session is shown as "idle", or "wait-control-conn"
 * while its connection is down.
 */
export type SessionState = "idle" | "wait-reply" | "wait-connect" | "established";

/** The actions of a session, each with the events whose data it takes. */
export interface SessionActions {
  "send-icrq": NoData;
  "send-icrp": NoData;
  "send-iccn": NoData;
  "send-cdn": DisconnectingEvent;
  "send-sli": NoData;
  "learn-peer": EventOf<SessionEvents, "icrq" | "icrp" | "iccn">;
  "learn-status": EventOf<SessionEvents, "sli">;
  "learn-channel": EventOf<SessionEvents, "channel-status">;
  "start-forwarding": NoData;
  "clean-up": SessionEvent;
  ignore: NoData;
}

type SessionAction = keyof SessionActions;

function row<A extends SessionAction>(to: SessionState, ...actions: A[]): Transition<SessionState, A> {
  return { to, actions };
}

/** A transition that RFC 3931 §7.3 does not have, with the reason for it. */
function ours<A extends SessionAction>(
  why: string,
  to: SessionState,
  ...actions: A[]
): Transition<SessionState, A> {
  return { to, actions, why };
}

const disconnect = row("idle", "send-cdn", "clean-up");
const ended = row("idle", "clean-up");
const impossible = ours("what the peer asks cannot be served (§7.1)", "idle", "send-cdn", "clean-up");
const notOutgoing = ours("OCRP and OCCN answer no ICRQ (§7.1)", "idle", "send-cdn", "clean-up");
const connectionLost = ours("the connection ended; no CDN can be delivered (§6.4)", "idle", "clean-up");

/**
 * TABLE: RFC 3931 §7.3.1 (ICRQ sender) and §7.3.2 (ICRQ recipient), plus rows beyond them, each with its
 * reason.
 */
export const sessionTable = tableOf<SessionState, SessionEvents, SessionActions>()({
  idle: {
    open: row("wait-reply", "send-icrq"),
    icrq: row("wait-connect", "learn-peer", "send-icrp"),
  },
  "wait-reply": {
    "icrq-again": disconnect,
    "icrq-lost": ours("the peer's call stands; ours ends without a CDN (§5.4.4)", "idle", "clean-up"),
    "icrq-equal": ours("both discard and start again with new values (§5.4.4)", "idle", "clean-up"),
    icrp: row("established", "learn-peer", "start-forwarding", "send-iccn"),
    "icrp-bad": disconnect,
    iccn: ended,
    "iccn-bad": ended,
    cdn: ended,
    sli: ours("may precede the ICRP (RFC 4719 §2.3.2)", "wait-reply", "learn-status"),
    "sli-bad": impossible,
    wen: ours("counters of no consequence", "wait-reply", "ignore"),
    "wen-bad": impossible,
    outgoing: notOutgoing,
    close: disconnect,
    "circuit-status": ours("the ICCN will carry it", "wait-reply", "ignore"),
    timeout: ours("our ICRQ was acknowledged but no ICRP came", "idle", "send-cdn", "clean-up"),
    "connection-lost": connectionLost,
  },
  "wait-connect": {
    "icrq-again": disconnect,
    icrp: disconnect,
    "icrp-bad": disconnect,
    iccn: row("established", "learn-peer", "start-forwarding", "send-sli"),
    "iccn-bad": disconnect,
    cdn: ended,
    sli: ours("may precede the ICCN", "wait-connect", "learn-status"),
    "sli-bad": impossible,
    wen: ours("counters of no consequence", "wait-connect", "ignore"),
    "wen-bad": impossible,
    outgoing: notOutgoing,
    close: disconnect,
    "circuit-status": ours("told by SLI once established", "wait-connect", "ignore"),
    timeout: ours("our ICRP was acknowledged but no ICCN came", "idle", "send-cdn", "clean-up"),
    "connection-lost": connectionLost,
  },
  established: {
    "icrq-again": disconnect,
    icrp: disconnect,
    "icrp-bad": disconnect,
    iccn: disconnect,
    "iccn-bad": disconnect,
    cdn: ended,
    sli: ours("the circuit at the other end changed (§5.4.5)", "established", "learn-status"),
    "sli-bad": impossible,
    wen: ours("counters of no consequence", "established", "ignore"),
    "wen-bad": impossible,
    outgoing: notOutgoing,
    close: disconnect,
    "circuit-status": ours("SLI at every change (RFC 4719 §2.3.2)", "established", "send-sli"),
    "channel-status": ours(
      "the control channel says how the session is (RFC 5641 §3)",
      "established",
      "learn-channel",
      "send-sli",
    ),
    "forwarding-failed": ours(
      "the plane cannot carry it: no facilities (§5.4.2)",
      "idle",
      "send-cdn",
      "clean-up",
    ),
    "connection-lost": connectionLost,
  },
});
