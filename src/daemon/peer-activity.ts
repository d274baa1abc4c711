import type { Clock } from "../environment.ts";
import type { SessionCounters } from "../forwarding/plane.ts";

/** Pause between looks at the counters. */
const LEAST_PAUSE_MS = 1000;
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
  /** Data came for a session since the last look. */
  received(localSessionId: number): void;
}

/** Finds out by the counters which sessions receive data: that makes HELLOs unnecessary (RFC 3931 §4.4). */
export class PeerActivity {
  readonly #options: PeerActivityOptions;
  readonly #received = new Map<number, number>();
  #lookedMs = 0;
  #timer: NodeJS.Timeout;

  constructor(options: PeerActivityOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#tick(), LEAST_PAUSE_MS);
  }

  /** A session is no more. */
  forget(localSessionId: number): void {
    this.#received.delete(localSessionId);
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
    for (const { localSessionId, receivedFrames } of this.#options.readCounters()) {
      if (this.#received.get(localSessionId) === receivedFrames) continue;
      this.#received.set(localSessionId, receivedFrames);
      if (receivedFrames > 0) this.#options.received(localSessionId);
    }
  }
}
