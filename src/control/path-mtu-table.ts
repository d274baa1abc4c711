import { type NoData, type Transition, tableOf } from "./state-table.ts";

/** States of a path MTU search (RFC 8899 §5.2). */
export type PathMtuState = "disabled" | "base" | "searching" | "search-complete" | "error";

/**
 * Events of a path MTU search. Checks are part of the name: the `-last` ones leave no size to try.
 */
export interface PathMtuEvents {
  /** The peer can be reached, so probes can be acknowledged. */
  reachable: NoData;
  unreachable: NoData;
  /** The path is another one, or its interface takes less than what was found. */
  restart: NoData;
  /** The same, or the peer can be reached, and it is known what the path took before. */
  remembered: NoData;
  /** The interface takes more than before. */
  more: NoData;
  /** The peer acknowledged a probe. */
  acknowledged: NoData;
  "acknowledged-last": NoData;
  /** As many probes of one size were lost as that takes (`MAX_PROBES`). */
  refused: NoData;
  "refused-last": NoData;
  /** Of as many probes, and small packets beside them, nothing was answered: that says nothing of sizes. */
  unanswered: NoData;
  /** The same, while a router says that the path takes less than what was found. */
  "unanswered-reported": NoData;
  /** A router says that the path takes less than what was found. */
  reported: NoData;
  /** What a router said holds no more, as far as the kernel knows. */
  "report-ended": NoData;
  /** The interval for this in the state passed: PMTU_RAISE_TIMER, or the pause in the error state. */
  again: NoData;
  /** CONFIRMATION_TIMER passed, and data flows; or probes can go by a better carrier. */
  unconfirmed: NoData;
}

/** What a search does in a transition. */
export interface PathMtuActions {
  begin: NoData;
  resume: NoData;
  stop: NoData;
  take: NoData;
  search: NoData;
  settle: NoData;
  fall: NoData;
  raise: NoData;
  confirm: NoData;
  "give-up": NoData;
  disbelieve: NoData;
  reconsider: NoData;
  keep: NoData;
  ignore: NoData;
}

type Action = keyof PathMtuActions;

function row<A extends Action>(to: PathMtuState, ...actions: A[]): Transition<PathMtuState, A> {
  return { to, actions };
}

/** A transition that RFC 8899 §5.2 does not have, with the reason for it. */
function ours<A extends Action>(why: string, to: PathMtuState, ...actions: A[]): Transition<PathMtuState, A> {
  return { to, actions, why };
}

const unreachable = row("disabled", "stop");
const restart = row("base", "begin");
const remembered = ours(
  "long packets need not be lost until a search ends; it is probed at once, and falls if it is lost",
  "search-complete",
  "resume",
);
const unanswered = ours("the peer may answer probes later", "error", "give-up");
const hint = (state: PathMtuState) =>
  ours("the size is tried sooner; the message alone changes nothing (§4.6)", state, "ignore");

const raisedSooner = (state: PathMtuState) =>
  ours("more is tried without waiting for PMTU_RAISE_TIMER: the kernel sends more already", state, "raise");

/** TABLE: RFC 8899 §5.2, plus rows beyond it, each with its reason. */
export const pathMtuTable = tableOf<PathMtuState, PathMtuEvents, PathMtuActions>()({
  disabled: {
    reachable: row("base", "begin"),
    unreachable: row("disabled", "ignore"),
    restart: row("disabled", "ignore"),
    remembered,
    more: row("disabled", "ignore"),
    reported: row("disabled", "ignore"),
    "report-ended": row("disabled", "ignore"),
  },
  base: {
    unreachable,
    restart,
    remembered,
    more: row("base", "ignore"),
    acknowledged: row("searching", "take", "search"),
    "acknowledged-last": row("search-complete", "take", "settle"),
    refused: row("error", "give-up"),
    "refused-last": row("error", "give-up"),
    unanswered,
    reported: hint("base"),
    "report-ended": row("base", "ignore"),
  },
  searching: {
    unreachable,
    restart,
    remembered,
    more: row("searching", "raise"),
    acknowledged: row("searching", "take", "search"),
    "acknowledged-last": row("search-complete", "take", "settle"),
    refused: row("searching", "search"),
    "refused-last": row("search-complete", "settle"),
    unanswered,
    reported: hint("searching"),
    "report-ended": raisedSooner("searching"),
  },
  "search-complete": {
    unreachable,
    restart,
    remembered,
    more: row("searching", "raise"),
    acknowledged: row("search-complete", "settle"),
    "acknowledged-last": row("search-complete", "settle"),
    refused: row("base", "fall"),
    "refused-last": row("base", "fall"),
    unanswered: ours("nothing says that the path takes less than before", "search-complete", "keep"),
    "unanswered-reported": ours(
      "a router does, and nothing else can be asked",
      "error",
      "disbelieve",
      "give-up",
    ),
    reported: ours(
      "anybody may forge it: what was found is probed again, and falls if it is lost (§4.6)",
      "search-complete",
      "confirm",
    ),
    "report-ended": raisedSooner("searching"),
    again: row("searching", "raise"),
    unconfirmed: row("search-complete", "confirm"),
  },
  error: {
    unreachable,
    restart,
    remembered,
    more: row("error", "ignore"),
    acknowledged: row("searching", "take", "search"),
    "acknowledged-last": row("search-complete", "take", "settle"),
    refused: row("error", "give-up"),
    "refused-last": row("error", "give-up"),
    unanswered,
    reported: ours("it is believed where nothing else can be asked", "error", "reconsider"),
    "report-ended": ours("what was found before holds again", "error", "reconsider"),
    again: ours("a size of BASE is probed again, more and more seldom", "error", "begin"),
  },
});
