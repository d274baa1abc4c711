import type { Random } from "../environment.ts";
import { randomFraction } from "./identifiers.ts";
import { limits } from "./settings.ts";

/**
 * HELLO intervals are shortened by up to a tenth, for each connection once: RFC 3931 §4.4 wants the timers of
 * one pair of LCCEs apart.
 */
const HELLO_JITTER = 0.1;
/**
 * With authentication, data messages suppress HELLOs for at most this many intervals: they are not
 * authenticated, and may be replays.
 */
const DATA_INTERVALS = 4;
/** What the counters of a session tell: data came, or was sent, or came and comes no more. */
export type DataSign = "data-received" | "data-sent" | "data-stopped";

/** Share of lost messages above which a path counts as lossy; a single loss counts for a few messages. */
const MUCH_LOSS = 0.2;

/**
 * Keepalive state of one control connection: when the peer was last heard, and the deadlines of HELLO and of
 * giving up. Times in ms of the injected clock.
 */
export class Liveness {
  readonly #jitter: number;
  readonly #isAuthenticated: boolean;
  #controlMs: number;
  #dataMs: number;
  #sentMs: number;
  /** Since when a message of ours is unacknowledged. */
  #waitingSinceMs: number | undefined;
  #probedMs: number | undefined;
  /** Moving average of the share of our messages that had to be retransmitted. */
  #loss = 0;
  #retransmittedBefore = 0;

  constructor(random: Random, nowMs: number, isAuthenticated: boolean) {
    this.#jitter = 1 - randomFraction(random) * HELLO_JITTER;
    this.#isAuthenticated = isAuthenticated;
    this.#controlMs = nowMs;
    this.#dataMs = nowMs;
    this.#sentMs = nowMs;
  }

  /**
   * A new control message came, or an acknowledgement of a message in flight; duplicates prove nothing (RFC
   * 3931 §4.4).
   */
  heard(atMs: number | undefined): void {
    if (atMs !== undefined) this.#controlMs = atMs;
  }

  /** Takes in what data tells. True when it stopped, and the peer was not heard by anything else just now. */
  isDoubted(sign: DataSign, nowMs: number): boolean {
    if (sign === "data-received") this.#dataMs = nowMs;
    if (sign === "data-sent") this.sent(nowMs);
    return sign === "data-stopped" && nowMs - this.#heardMs >= limits.silenceMs;
  }

  /** A message of ours was sent, a control message or data of a session. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /**
   * Whether a message of ours is unacknowledged now; `retransmitted` counts retransmissions of the connection
   * so far.
   */
  waiting(isWaiting: boolean, nowMs: number, retransmitted: number): void {
    if (isWaiting === (this.#waitingSinceMs !== undefined)) return;
    this.#waitingSinceMs = isWaiting ? nowMs : undefined;
    if (isWaiting) this.#retransmittedBefore = retransmitted;
    else if (retransmitted > this.#retransmittedBefore) this.#loss += (1 - this.#loss) / 2;
    else this.#loss *= 7 / 8;
  }

  /**
   * The connection is up: retransmissions of the set-up say nothing about the path, as the peer may not have
   * run yet.
   */
  begin(): void {
    this.#retransmittedBefore = Number.POSITIVE_INFINITY;
  }

  get #heardMs(): number {
    return Math.max(this.#controlMs, this.#dataMs);
  }

  get #isLossy(): boolean {
    return this.#loss > MUCH_LOSS;
  }

  /**
   * A message hints that the peer lost its state. Anybody may forge that, so it only causes a HELLO, at a
   * limited rate, and without digests shortens the time for the answer. True when that HELLO is due.
   */
  probe(nowMs: number): boolean {
    if (nowMs - this.#heardMs < limits.recentlyHeardMs) return false;
    if (this.#probedMs !== undefined && nowMs - this.#probedMs < limits.probeIntervalMs) return false;
    this.#probedMs = nowMs;
    return true;
  }

  /**
   * When the peer is given up because a message is unacknowledged and nothing at all was heard for
   * `silenceMs`; undefined with 0, which means no limit. On a lossy path silence says little, and the number
   * of retransmissions decides alone.
   */
  lostDueMs(silenceMs: number): number | undefined {
    if (this.#waitingSinceMs === undefined || silenceMs === 0) return undefined;
    const sinceMs = Math.max(this.#heardMs, this.#waitingSinceMs);
    const doubtedMs = this.#probedMs ?? -1;
    // With digests a hint that anybody may forge does not shorten the time: that could end a live connection
    // on a lossy path.
    if (doubtedMs > this.#heardMs && !this.#isAuthenticated)
      return Math.max(sinceMs, doubtedMs) + Math.min(silenceMs, limits.probeAnswerMs);
    return this.#isLossy ? undefined : sinceMs + silenceMs;
  }

  /**
   * When a HELLO is due because we were silent for so long that a NAT might forget the peer; undefined with
   * an interval of 0, and while a message is retransmitted anyhow.
   */
  keepaliveDueMs(intervalMs: number): number | undefined {
    return intervalMs === 0 || this.#waitingSinceMs !== undefined ? undefined : this.#sentMs + intervalMs;
  }

  /**
   * When the next HELLO is due; undefined with an interval of 0, and while messages are unacknowledged, as
   * their acknowledgement proves as much as that of a HELLO.
   */
  helloDueMs(intervalMs: number): number | undefined {
    if (intervalMs === 0 || this.#waitingSinceMs !== undefined) return undefined;
    const interval = Math.round(intervalMs * this.#jitter);
    const latest = this.#isAuthenticated ? DATA_INTERVALS * interval : Number.POSITIVE_INFINITY;
    return Math.min(this.#heardMs + interval, this.#controlMs + latest);
  }
}
