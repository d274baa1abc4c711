import type { DataSign } from "../control/liveness.ts";
import type { Clock } from "../environment.ts";
import type { SessionCounters } from "../forwarding/plane.ts";

/** Pause between looks at the counters. */
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 30_000;
/** A look may take one part in so many of the time. */
const SHARE = 100;

/** How long to wait after a look that took so long: the more sessions there are, the longer. */
export function pauseAfter(tookMs: number): number {
  return Math.min(Math.max(LEAST_PAUSE_MS, SHARE * tookMs), MOST_PAUSE_MS);
}

export interface PeerActivityOptions {
  readonly clock: Clock;
  /** Whether the activity matters now: static sessions have no HELLOs, and are looked at seldom. */
  isNeeded(): boolean;
  readCounters(): readonly SessionCounters[];
  /**
   * Data came for a session since the last look, or was sent; or it came until then, and comes no more,
   * which is told after all that came for others.
   */
  told(sign: DataSign, localSessionId: number): void;
}

/**
 * Finds out by the counters which sessions receive data, which makes HELLOs unnecessary (RFC 3931 §4.4), and
 * which send some, which keeps the mapping of a NAT; and which receive no more.
 */
export class PeerActivity {
  readonly #options: PeerActivityOptions;
  readonly #received = new Map<number, number>();
  readonly #sent = new Map<number, number>();
  /** Sessions that had received data at the last look. */
  readonly #receiving = new Set<number>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout;

  constructor(options: PeerActivityOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#tick(), LEAST_PAUSE_MS);
  }

  /** A session is no more. */
  forget(localSessionId: number): void {
    this.#received.delete(localSessionId);
    this.#sent.delete(localSessionId);
    this.#receiving.delete(localSessionId);
  }

  /** Looks at the next tick, needed or not. */
  lookSoon(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const { clock, isNeeded } = this.#options;
    const begunMs = clock.nowMs();
    if (isNeeded() || begunMs - this.#lookedMs >= MOST_PAUSE_MS) {
      this.#lookedMs = begunMs;
      this.#compareCounters();
    }
    this.#timer = setTimeout(() => this.#tick(), pauseAfter(clock.nowMs() - begunMs));
  }

  #compareCounters(): void {
    const { readCounters, told } = this.#options;
    const silent: number[] = [];
    for (const { localSessionId, receivedFrames, transmittedFrames } of readCounters()) {
      if (hasGrown(this.#received, localSessionId, receivedFrames)) {
        this.#receiving.add(localSessionId);
        told("data-received", localSessionId);
      } else if (this.#receiving.delete(localSessionId)) silent.push(localSessionId);
      if (hasGrown(this.#sent, localSessionId, transmittedFrames)) told("data-sent", localSessionId);
    }
    for (const localSessionId of silent) told("data-stopped", localSessionId);
  }
}

/** Whether a count is another than at the last look, and not 0. */
function hasGrown(known: Map<number, number>, localSessionId: number, count: number): boolean {
  if (known.get(localSessionId) === count) return false;
  known.set(localSessionId, count);
  return count > 0;
}
