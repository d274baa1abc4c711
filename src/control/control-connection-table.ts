import type {
  ControlConnectionEvent,
  ControlConnectionEvents,
  StoppingEvent,
} from "./control-connection-events.ts";
import { type EventOf, type NoData, type Transition, tableOf } from "./state-table.ts";
/** States of a control connection, spelt as RFC 3931 §7.2 spells them. */
export type ControlConnectionState = "idle" | "wait-ctl-reply" | "wait-ctl-conn" | "established";

/** Whether an answer of the peer is waited for: an SCCRP or an SCCCN. */
export function isSettingUp(state: ControlConnectionState): boolean {
  return state === "wait-ctl-reply" || state === "wait-ctl-conn";
}

/** The actions of a control connection, each with the events whose data it takes. */
export interface ControlConnectionActions {
  "send-sccrq": NoData;
  "send-sccrp": NoData;
  "send-scccn": NoData;
  "send-stopccn": StoppingEvent;
  "learn-peer": EventOf<ControlConnectionEvents, "sccrq" | "sccrp" | "sccrp-bad">;
  "open-sessions": NoData;
  "disconnect-sessions": NoData;
  "clean-up": ControlConnectionEvent;
  forget: NoData;
  linger: EventOf<ControlConnectionEvents, "stopccn">;
  "deliver-to-session": EventOf<ControlConnectionEvents, "session-message">;
  "postpone-sccrq": NoData;
  ignore: NoData;
}

type ControlConnectionAction = keyof ControlConnectionActions;

function row<A extends ControlConnectionAction>(
  to: ControlConnectionState,
  ...actions: A[]
): Transition<ControlConnectionState, A> {
  return { to, actions };
}

/** A transition that RFC 3931 §7.2 does not have, with the reason for it. */
function ours<A extends ControlConnectionAction>(
  why: string,
  to: ControlConnectionState,
  ...actions: A[]
): Transition<ControlConnectionState, A> {
  return { to, actions, why };
}

const stop = row("idle", "send-stopccn", "clean-up");
const ended = row("idle", "linger", "clean-up");
const closing = ours(
  "a StopCCN was sent or received already; only delivery lives on (§4.2)",
  "idle",
  "ignore",
);
const closingAndLearning = ours(
  "closed before the SCCRP came; its sender's id goes into the header of the StopCCN (§5.4.3)",
  "idle",
  "learn-peer",
);
const outOfState = ours(
  "an event in the wrong state clears the connection (§7.1)",
  "idle",
  "send-stopccn",
  "clean-up",
);
const lost = ours("nobody answers, so no StopCCN can be delivered (§4.2)", "idle", "forget", "clean-up");

/** TABLE: RFC 3931 §7.2, plus rows beyond it, each with its reason. */
export const controlConnectionTable = tableOf<
  ControlConnectionState,
  ControlConnectionEvents,
  ControlConnectionActions
>()({
  idle: {
    open: row("wait-ctl-reply", "send-sccrq"),
    sccrq: row("wait-ctl-conn", "learn-peer", "send-sccrp"),
    sccrp: closingAndLearning,
    "sccrp-bad": closingAndLearning,
    scccn: closing,
    "scccn-bad": closing,
    stopccn: row("idle", "linger"),
    hello: closing,
    "hello-bad": closing,
    "session-message": closing,
    "unknown-mandatory": closing,
    close: closing,
    retire: closing,
    timeout: closing,
    lost: ours("the StopCCN was never acknowledged", "idle", "forget"),
  },
  "wait-ctl-reply": {
    "tie-lost": ours(
      "kept without retransmission until the winner's SCCCN comes, as its SCCRQ may be a replay (§4.3)",
      "wait-ctl-reply",
      "postpone-sccrq",
    ),
    "tie-equal": row("idle", "forget", "clean-up"),
    sccrq: outOfState,
    sccrp: row("established", "learn-peer", "send-scccn", "open-sessions"),
    "sccrp-bad": row("idle", "learn-peer", "send-stopccn", "clean-up"),
    scccn: stop,
    "scccn-bad": stop,
    stopccn: ended,
    hello: outOfState,
    "hello-bad": outOfState,
    "session-message": outOfState,
    "unknown-mandatory": stop,
    close: ours("the peer may have our SCCRQ (§5.4.3)", "idle", "send-stopccn", "clean-up"),
    retire: ours("another connection with this peer came up first", "idle", "forget", "clean-up"),
    timeout: outOfState,
    lost,
  },
  "wait-ctl-conn": {
    sccrq: stop,
    sccrp: stop,
    "sccrp-bad": stop,
    scccn: row("established", "open-sessions"),
    "scccn-bad": stop,
    stopccn: ended,
    hello: ours("harmless; a peer may send it early", "wait-ctl-conn", "ignore"),
    "hello-bad": outOfState,
    "session-message": outOfState,
    "unknown-mandatory": stop,
    close: ours("the peer has our SCCRP", "idle", "send-stopccn", "clean-up"),
    retire: ours(
      "one of too many; nothing may be kept of it, not even a StopCCN",
      "idle",
      "forget",
      "clean-up",
    ),
    timeout: ours("our SCCRP was acknowledged but no SCCCN came", "idle", "send-stopccn", "clean-up"),
    lost,
  },
  established: {
    sccrq: stop,
    sccrp: stop,
    "sccrp-bad": stop,
    scccn: stop,
    "scccn-bad": stop,
    stopccn: ended,
    hello: ours("acknowledged by delivery, nothing more (§4.4)", "established", "ignore"),
    "hello-bad": stop,
    "session-message": ours("for the session's own table (§7.3)", "established", "deliver-to-session"),
    "unknown-mandatory": stop,
    close: row("idle", "disconnect-sessions", "send-stopccn", "clean-up"),
    retire: ours(
      "the peer opened a newer connection and dropped this one; it could take a StopCCN for the newer one's",
      "idle",
      "forget",
      "clean-up",
    ),
    lost,
  },
});
