import { OperationalError } from "../bytes/errors.ts";
import { monotonicClock } from "../os/clock.ts";

/** So many corrections of one thing in this time mean that another program sets it otherwise each time. */
const MOST_CORRECTIONS = 20;
const WITHIN_MS = 10_000;

/** Counts how often something was set right, so that two programs do not undo each other's work for ever. */
export class Corrections {
  readonly #times = new Map<string, number[]>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = monotonicClock.nowMs) {
    this.#nowMs = nowMs;
  }

  /** Counts a correction. Throws OperationalError where there are too many. */
  count(subject: string): void {
    const nowMs = this.#nowMs();
    const times = (this.#times.get(subject) ?? []).filter((ms) => nowMs - ms < WITHIN_MS);
    if (times.length >= MOST_CORRECTIONS)
      throw new OperationalError(
        `another program changes ${subject} again and again: tell it to leave that alone, ` +
          "or remove the keys from this file",
      );
    times.push(nowMs);
    this.#times.set(subject, times);
  }
}
