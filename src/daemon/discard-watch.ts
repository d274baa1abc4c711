import { counted } from "../bytes/counted.ts";
import type { DiscardReason } from "../forwarding/discard-reasons.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";

/**
 * Discard reasons that are told when they begin and end: the two ends do not agree, or frames cannot be sent.
 */
export const toldReasons: readonly DiscardReason[] = ["wrong-cookie", "wrong-peer", "path-mtu", "psn-error"];

/** Discards are over once none came for so long. */
const QUIET_MS = 30_000;

/** Counts of a session by reason. */
export type DiscardCounts = Readonly<Partial<Record<string, number>>>;

/** A session, by what the log says of it. */
export interface DiscardingSession {
  readonly localSessionId: number;
  readonly pseudowire: string;
  readonly tunnel: string | undefined;
}

/** Discards of one reason that go on. */
interface Ongoing {
  readonly session: DiscardingSession;
  readonly reason: DiscardReason;
  readonly sinceMs: number;
  /** How many there were before they began. */
  readonly before: number;
  count: number;
  lastMs: number;
  /** Whether the log said that they began. */
  readonly isTold: boolean;
}

/** Tells when frames of a session begin to be discarded for a reason, and when none are any more. */
export class DiscardWatch {
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  readonly #ongoing = new Map<string, Ongoing>();

  constructor(log: Log, limiter: LogLimiter) {
    this.#log = log;
    this.#limiter = limiter;
  }

  /** Compares the counts of a session with those at the last look; `before` is undefined for a new one. */
  compare(session: DiscardingSession, before: DiscardCounts | undefined, now: DiscardCounts, nowMs: number) {
    for (const reason of toldReasons) {
      const count = now[reason] ?? 0;
      const former = before?.[reason] ?? 0;
      if (count <= former) continue;
      const ongoing = this.#ongoing.get(keyOf(session, reason));
      if (ongoing === undefined) this.#begin(session, reason, former, count, nowMs);
      else Object.assign(ongoing, { count, lastMs: nowMs });
    }
  }

  /** Ends what has stopped, with its session or by itself, and tells how much was left out. */
  close(isThere: (localSessionId: number) => boolean, nowMs: number): void {
    for (const [key, ongoing] of this.#ongoing) {
      const isGone = !isThere(ongoing.session.localSessionId);
      if (!isGone && nowMs - ongoing.lastMs < QUIET_MS) continue;
      this.#ongoing.delete(key);
      this.#end(ongoing, isGone, nowMs);
    }
    for (const reason of toldReasons) {
      const more = this.#limiter.takeLeftOut(`discards ${reason}`, nowMs);
      if (more > 0)
        this.#log.warn(
          { event: "discards", reason, more },
          `frames of ${counted(more, "more pseudowire")} are discarded as ${reason}; see wirespan status`,
        );
    }
  }

  #begin(session: DiscardingSession, reason: DiscardReason, before: number, count: number, nowMs: number) {
    const more = this.#limiter.admit(`discards ${reason}`, nowMs);
    const isTold = more !== undefined;
    const ongoing = { session, reason, before, count, sinceMs: nowMs, lastMs: nowMs, isTold };
    this.#ongoing.set(keyOf(session, reason), ongoing);
    if (!isTold) return;
    const { tunnel, pseudowire } = session;
    this.#log.warn(
      { event: "discards", tunnel, pseudowire, reason, count: count - before },
      `pseudowire ${pseudowire}: frames are discarded as ${reason} (${count - before} so far); ` +
        `see docs/discards.md${more}`,
    );
  }

  /** What was not told as it began is not told as it ends. */
  #end({ session, reason, before, count, sinceMs, lastMs, isTold }: Ongoing, isGone: boolean, nowMs: number) {
    const more = isTold ? this.#limiter.admit(`discards-over ${reason}`, nowMs) : undefined;
    if (more === undefined) return;
    const { tunnel, pseudowire } = session;
    const forMs = lastMs - sinceMs;
    const why = isGone ? "their session is gone" : `none for ${QUIET_MS / 1000} s`;
    const total = counted(count - before, "frame");
    this.#log.info(
      { event: "discards-over", tunnel, pseudowire, reason, count: count - before, forMs },
      `pseudowire ${pseudowire}: no more frames are discarded as ${reason}: ${why}, ` +
        `after ${total} in ${Math.max(1, Math.round(forMs / 1000))} s${more}`,
    );
  }
}

function keyOf({ localSessionId }: DiscardingSession, reason: DiscardReason): string {
  return `${localSessionId} ${reason}`;
}
