import type { StateTable, Transition } from "./state-table.ts";

/** States of a control connection, spelt as RFC 3931 §7.2 spells them. */
export type ControlConnectionState = "idle" | "wait-ctl-reply" | "wait-ctl-conn" | "established";

/** Whether an answer of the peer is waited for: an SCCRP or an SCCCN. */
export function isSettingUp(state: ControlConnectionState): boolean {
  return state === "wait-ctl-reply" || state === "wait-ctl-conn";
}

/**
 * What can happen to a control connection. Judgements are part of the name: `sccrp-bad` is an SCCRP that is
 * not acceptable, `tie-lost` an SCCRQ of the peer that wins against ours.
 */
export type ControlConnectionEvent =
  | "open"
  | "sccrq"
  | "tie-lost"
  | "tie-equal"
  | "sccrp"
  | "sccrp-bad"
  | "scccn"
  | "scccn-bad"
  | "stopccn"
  | "hello"
  | "hello-bad"
  | "session-message"
  | "unknown-mandatory"
  | "close"
  | "retire"
  | "timeout"
  | "lost";

export type ControlConnectionAction =
  | "send-sccrq"
  | "send-sccrp"
  | "send-scccn"
  | "send-stopccn"
  | "open-sessions"
  | "clean-up"
  | "forget"
  | "linger"
  | "deliver-to-session"
  | "yield"
  | "ignore";

type ControlConnectionTransition = Transition<ControlConnectionState, ControlConnectionAction>;

function row(to: ControlConnectionState, ...actions: ControlConnectionAction[]): ControlConnectionTransition {
  return { to, actions };
}

/** A row that RFC 3931 §7.2 does not have, with the reason for it. */
function ours(
  why: string,
  to: ControlConnectionState,
  ...actions: ControlConnectionAction[]
): ControlConnectionTransition {
  return { to, actions, why };
}

const stop = row("idle", "send-stopccn", "clean-up");
const ended = row("idle", "linger", "clean-up");
const closing = ours(
  "a StopCCN was sent or received already; only delivery lives on (§4.2)",
  "idle",
  "ignore",
);
const outOfState = ours(
  "an event in the wrong state clears the connection (§7.1)",
  "idle",
  "send-stopccn",
  "clean-up",
);
const lost = ours("nobody answers, so no StopCCN can be delivered (§4.2)", "idle", "forget", "clean-up");

/** TABLE: RFC 3931 §7.2, plus rows beyond it, each with its reason. */
export const controlConnectionTable: StateTable<
  ControlConnectionState,
  ControlConnectionEvent,
  ControlConnectionAction
> = {
  idle: {
    open: row("wait-ctl-reply", "send-sccrq"),
    sccrq: row("wait-ctl-conn", "send-sccrp"),
    sccrp: closing,
    "sccrp-bad": closing,
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
      "yield",
    ),
    "tie-equal": row("idle", "forget", "clean-up"),
    sccrq: outOfState,
    sccrp: row("established", "send-scccn", "open-sessions"),
    "sccrp-bad": stop,
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
    close: stop,
    retire: ours(
      "the peer opened a newer connection and dropped this one; it could take a StopCCN for the newer one's",
      "idle",
      "forget",
      "clean-up",
    ),
    lost,
  },
};
