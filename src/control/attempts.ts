import type { Random } from "../environment.ts";
import { Backoff } from "./backoff.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { ControlConnectionEvents } from "./control-connection-events.ts";
import { limits, type PeerSettings } from "./settings.ts";

/** Our attempts to open a connection with one peer since the last one that came up: what became of them. */
export class Attempts {
  readonly #random: Random;
  readonly #backoff = new Backoff();
  /** Attempts in a row without any answer. */
  #unanswered = 0;
  /** Whether the peer ended the last connection itself, and so surely has nothing of it any more. */
  #peerClosedLast = false;

  constructor(random: Random) {
    this.#random = random;
  }

  established(): void {
    this.#unanswered = 0;
    this.#peerClosedLast = false;
    this.#backoff.reset();
  }

  /** Whether nobody answers ours, of which one may be out. */
  areUnanswered(attempt: ControlConnection | undefined): boolean {
    // A peer that closed its connection and opens one now was not there yet when our SCCRQ came.
    return this.#unanswered > 0 || this.#peerClosedLast || (attempt?.unanswered ?? 0) > 1;
  }

  /** The pause before the next attempt, in ms, and whether it is the long one after the first silence. */
  pauseAfter(
    connection: ControlConnection,
    cause: keyof ControlConnectionEvents,
    { reconnectInitialMs, reconnectCapMs }: PeerSettings,
  ): { readonly pauseMs: number; readonly isSilence: boolean } {
    if (cause === "stopccn") this.#peerClosedLast = true;
    if (connection.isInitiator && cause === "lost" && connection.counters.received === 0) {
      this.#unanswered += 1;
      if (this.#unanswered === 1 && !this.#peerClosedLast)
        return { pauseMs: limits.firstPauseMs, isSilence: true };
    }
    return {
      pauseMs: this.#backoff.next(reconnectInitialMs, reconnectCapMs, this.#random),
      isSilence: false,
    };
  }
}
