import type { Random } from "../ports.ts";
import { randomFraction } from "./identifiers.ts";
import { limits } from "./settings.ts";

/** HELLO intervals are shortened by up to a tenth, for each connection once: RFC 3931 §4.4 wants the timers of one pair of LCCEs apart. */
const HELLO_JITTER = 0.1;
/** For so many intervals data keeps HELLO away where control messages are authenticated: data is not, and may be a replay. */
const DATA_INTERVALS = 4;
/** The share of losses from which on a path loses much; one alone makes it so for a few messages. */
const MUCH_LOSS = 0.2;

/** When the peer of one control connection was heard last, and what follows from its silence. Times in ms of the injected clock. */
export class Liveness {
  readonly #jitter: number;
  readonly #isAuthenticated: boolean;
  #controlMs: number;
  #dataMs: number;
  /** Since when a message of ours waits for its acknowledgement. */
  #waitingSinceMs: number | undefined;
  #probedMs: number | undefined;
  /** The share of our messages that were not acknowledged at once, lately. */
  #loss = 0;
  #retransmittedBefore = 0;

  constructor(random: Random, nowMs: number, isAuthenticated: boolean) {
    this.#jitter = 1 - randomFraction(random) * HELLO_JITTER;
    this.#isAuthenticated = isAuthenticated;
    this.#controlMs = nowMs;
    this.#dataMs = nowMs;
  }

  /** The last new control message, or acknowledgement of something in flight: what comes again is no sign of life (RFC 3931 §4.4). */
  heard(atMs: number | undefined): void {
    if (atMs !== undefined) this.#controlMs = atMs;
  }

  /** Data of a session came in. */
  heardData(nowMs: number): void {
    this.#dataMs = nowMs;
  }

  /** Whether a message of ours waits for its acknowledgement now; `retransmitted` are those of the connection so far. */
  waiting(isWaiting: boolean, nowMs: number, retransmitted: number): void {
    if (isWaiting === (this.#waitingSinceMs !== undefined)) return;
    this.#waitingSinceMs = isWaiting ? nowMs : undefined;
    if (isWaiting) this.#retransmittedBefore = retransmitted;
    else if (retransmitted > this.#retransmittedBefore) this.#loss += (1 - this.#loss) / 2;
    else this.#loss *= 7 / 8;
  }

  /** The connection is up: what had to be repeated before, while the peer was perhaps not there yet, says nothing of the path. */
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
   * Something from the peer's address hints that it knows nothing of us. Anybody may forge that, so it asks for no more than one
   * HELLO in a while, and without digests for its answer in a shorter time. True when it is time for that HELLO.
   */
  probe(nowMs: number): boolean {
    if (nowMs - this.#heardMs < limits.recentlyHeardMs) return false;
    if (this.#probedMs !== undefined && nowMs - this.#probedMs < limits.probeIntervalMs) return false;
    this.#probedMs = nowMs;
    return true;
  }

  /**
   * When the peer is given up for its silence: something waits for its acknowledgement, and nothing at all was heard for
   * `silenceMs` since, 0 for no limit. Where the path loses much, silence says little, and retransmissions decide alone.
   */
  lostDueMs(silenceMs: number): number | undefined {
    if (this.#waitingSinceMs === undefined || silenceMs === 0) return undefined;
    const sinceMs = Math.max(this.#heardMs, this.#waitingSinceMs);
    const doubtedMs = this.#probedMs ?? -1;
    // With digests a hint that anybody may forge does not shorten it: on a path that loses a little that would end what is alive.
    if (doubtedMs > this.#heardMs && !this.#isAuthenticated)
      return Math.max(sinceMs, doubtedMs) + Math.min(silenceMs, limits.probeAnswerMs);
    return this.#isLossy ? undefined : sinceMs + silenceMs;
  }

  /**
   * When silence asks for a HELLO; undefined with an interval of 0. There is nothing to prove while messages wait: their
   * acknowledgement is as good as a HELLO's.
   */
  helloDueMs(intervalMs: number): number | undefined {
    if (intervalMs === 0 || this.#waitingSinceMs !== undefined) return undefined;
    const interval = Math.round(intervalMs * this.#jitter);
    const latest = this.#isAuthenticated ? DATA_INTERVALS * interval : Number.POSITIVE_INFINITY;
    return Math.min(this.#heardMs + interval, this.#controlMs + latest);
  }
}
