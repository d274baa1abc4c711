import type { Random } from "../ports.ts";
import { randomFraction } from "./identifiers.ts";

/** HELLO intervals are shortened by up to a tenth, for each connection once: RFC 3931 §4.4 wants the timers of one pair of LCCEs apart. */
const HELLO_JITTER = 0.1;
/** For so many intervals data keeps HELLO away where control messages are authenticated: data is not, and may be a replay. */
const DATA_INTERVALS = 4;

/** When the peer of one control connection was heard last, and what follows from its silence. Times in ms of the injected clock. */
export class Liveness {
  readonly #jitter: number;
  readonly #isAuthenticated: boolean;
  #controlMs: number;
  #dataMs: number;

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

  /** When silence asks for a HELLO; undefined with an interval of 0. */
  helloDueMs(intervalMs: number): number | undefined {
    if (intervalMs === 0) return undefined;
    const interval = Math.round(intervalMs * this.#jitter);
    const latest = this.#isAuthenticated ? DATA_INTERVALS * interval : Number.POSITIVE_INFINITY;
    const heardMs = Math.max(this.#controlMs, this.#dataMs);
    return Math.min(heardMs + interval, this.#controlMs + latest);
  }
}
