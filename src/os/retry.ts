import { monotonicClock } from "./clock.ts";

/** Pauses between attempts at what could not be done: doubling from the first to the last. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 8000;

/**
 * The timer of attempts at something that failed: after growing pauses, or at once when something changed.
 */
export class Retry {
  readonly #attempt: () => void;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #nextMs: number | undefined;
  #isClosed = false;

  constructor(act: () => void) {
    this.#attempt = act;
  }

  /** Time of the next attempt in ms of the monotonic clock; undefined while nothing waits. */
  get nextMs(): number | undefined {
    return this.#nextMs;
  }

  /** Schedules an attempt; `isNew` for a new problem, which begins with the shortest pause. */
  schedule(isNew: boolean): void {
    if (isNew) this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#isClosed || (this.#timer !== undefined && !isNew)) return;
    clearTimeout(this.#timer);
    this.#nextMs = monotonicClock.nowMs() + this.#pauseMs;
    this.#timer = setTimeout(() => this.#run(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
  }

  /** Makes a scheduled attempt at once. */
  runNow(): void {
    if (this.#timer !== undefined) this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#clear();
  }

  #run(): void {
    this.#clear();
    this.#attempt();
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextMs = undefined;
  }
}
