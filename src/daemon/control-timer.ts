import type { Clock } from "../environment.ts";

/** setTimeout takes no more than this. */
const LONGEST_TIMEOUT_MS = 0x7fff_ffff;

/** The one timer of the control plane. */
export class ControlTimer {
  readonly #clock: Clock;
  readonly #due: (nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `due` is called with the time of the clock. */
  constructor(clock: Clock, due: (nowMs: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Calls at `deadlineMs` of the clock, or not at all, in place of what was asked for before. */
  arm(deadlineMs: number | undefined): void {
    this.close();
    if (deadlineMs === undefined) return;
    const waitMs = Math.min(Math.max(0, deadlineMs - this.#clock.nowMs()), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(() => this.#due(this.#clock.nowMs()), Math.ceil(waitMs));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
