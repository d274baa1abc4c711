import type { Random } from "../ports.ts";
import { randomFraction } from "./identifiers.ts";

/** HELLO intervals are shortened by up to a tenth, for each connection once: RFC 3931 §4.4 wants the timers of one pair of LCCEs apart. */
const HELLO_JITTER = 0.1;

/** When the peer of one control connection was heard last, and what follows from its silence. Times in ms of the injected clock. */
export class Liveness {
  readonly #jitter: number;
  #heardMs: number;

  constructor(random: Random, nowMs: number) {
    this.#jitter = 1 - randomFraction(random) * HELLO_JITTER;
    this.#heardMs = nowMs;
  }

  /** A sign of life: a control message, or data of a session (RFC 3931 §4.4). */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** When silence asks for a HELLO; undefined with an interval of 0. */
  helloDueMs(intervalMs: number): number | undefined {
    return intervalMs === 0 ? undefined : this.#heardMs + Math.round(intervalMs * this.#jitter);
  }
}
