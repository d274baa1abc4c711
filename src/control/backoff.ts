import type { Random } from "../environment.ts";
import { randomFraction } from "./identifiers.ts";

/**
 * Exponential backoff between attempts, from a first value to a cap; each pause is shortened at random by up
 * to a quarter, so that two LCCEs do not retry in step.
 */
export class Backoff {
  #nextMs: number | undefined;

  /** The pause before the next attempt, in milliseconds. */
  next(initialMs: number, capMs: number, random: Random): number {
    const pause = Math.min(this.#nextMs ?? initialMs, capMs);
    this.#nextMs = Math.min(pause * 2, capMs);
    return Math.round(pause * (1 - randomFraction(random) / 4));
  }

  /** After success: the next pause is the first value again. */
  reset(): void {
    this.#nextMs = undefined;
  }
}
