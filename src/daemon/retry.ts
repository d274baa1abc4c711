import { monotonicClock } from "../os/clock.ts";

/** Pauses between attempts at what could not be done: doubling from the first to the last. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 8000;

/** When what could not be done is tried again: after a pause, and at once when something changed. */
export class Retry {
  readonly #attempt: () => void;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #nextMs: number | undefined;
  #isClosed = false;

  constructor(act: () => void) {
    this.#attempt = act;
  }

  /** When it is next, in ms of the monotonic clock; undefined while nothing waits. */
  get nextMs(): number | undefined {
    return this.#nextMs;
  }

  /** Something waits; `isNew` when it is the first time that it does. */
  schedule(isNew: boolean): void {
    if (isNew) this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#isClosed || (this.#timer !== undefined && !isNew)) return;
    clearTimeout(this.#timer);
    this.#nextMs = monotonicClock.nowMs() + this.#pauseMs;
    this.#timer = setTimeout(() => this.#run(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
  }

  /** Something changed: what waits need not wait any longer. */
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
