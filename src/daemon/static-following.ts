import type { StaticFollow } from "../control/static-follow.ts";
import type { DiscardReason } from "../forwarding/discard-reasons.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import { monotonicClock } from "../os/clock.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { addressAndPort } from "./path-text.ts";

/** A static tunnel that follows its peer. */
export interface FollowingTunnel {
  readonly name: string;
  readonly follow: StaticFollow;
  /** The path in use. */
  readonly path: PsnPath;
  /** Its sessions, by their local ids. */
  readonly sessions: readonly number[];
}

/** How a static tunnel followed its peer, for the status. */
export interface PeerMoves {
  readonly count: number;
  /** When it was last, in ms of the monotonic clock, and the path before that. */
  readonly lastMs: number;
  readonly from: PsnPath;
}

/** What the rules need to know, and what they lead to. */
export interface FollowingContext {
  readonly log: Log;
  readonly limiter: LogLimiter;
  counters(localSessionId: number): SessionCounters | undefined;
}

/**
 * TABLE: reasons for which only messages are discarded that came from the peer's address with a right cookie.
 */
const fromPeer: readonly DiscardReason[] = [
  "out-of-sequence",
  "vccv",
  "fragment",
  "untagged",
  "standby",
  "circuit-down",
  "circuit-error",
  "circuit-congestion",
  "channel-overflow",
  "unknown-channel-type",
  "bad-channel-message",
];

/** How many messages with a right cookie came from the peer's address in a session, as far as is counted. */
export function receivedFromPeer({ receivedFrames, discards }: SessionCounters): number {
  return fromPeer.reduce((sum, reason) => sum + (discards[reason] ?? 0), receivedFrames);
}

/**
 * Decides whether a static tunnel's peer is at `path`, from which messages with a right cookie came, as many
 * within one second; logs it. Its sessions are then to be updated.
 */
export function isPeerAt(
  { name: tunnel, follow, path: before, sessions }: FollowingTunnel,
  path: PsnPath,
  messages: number,
  { log, limiter, counters }: FollowingContext,
): boolean {
  const received = sessions.reduce((sum, id) => {
    const session = counters(id);
    return session === undefined ? sum : sum + receivedFromPeer(session);
  }, 0);
  const nowMs = monotonicClock.nowMs();
  const verdict = follow.heard(messages, received, nowMs);
  if (verdict !== "move" && verdict !== "held") return false;
  const from = addressAndPort(before.remoteAddress, before.remotePort);
  const to = addressAndPort(path.remoteAddress, path.remotePort);
  const more = limiter.admit(`peer ${verdict}`, nowMs);
  const text =
    verdict === "move"
      ? `its peer is followed from ${from} to ${to} by its cookie (move ${follow.moves})`
      : `its peer seems to be at ${to}, and is not followed: it has moved too often`;
  if (more !== undefined)
    log[verdict === "move" ? "info" : "warn"](
      { event: "peer-moved", tunnel, from, to, followed: verdict === "move", moves: follow.moves },
      `tunnel ${tunnel}: ${text}${more}`,
    );
  return verdict === "move";
}
