import { durationText } from "../bytes/duration.ts";

/**
 * Ours: what went down so often within this time is flapping, until it was not down once more for as long. A
 * link that fails now and then is not meant, nor a daemon at the other end that is started again twice.
 */
export const FLAPPING_DOWNS = 5;
export const FLAPPING_MS = 600_000;

/** What goes up and down: the control connection of a tunnel, or a pseudowire. */
export type ChangingKind = "tunnel" | "pseudowire";

/** The ups and downs of all of them, by their names. */
export interface Changes {
  /** Since when a pseudowire is down, as far as it was seen going down; undefined where it is up. */
  downMs(pseudowire: string): number | undefined;
  /** How often it went up and down, and when and why last. */
  changes(kind: ChangingKind, name: string, nowMs: number): ChangeStatus;
  /** That it flaps, as a note; undefined while it does not. */
  flappingNote(kind: ChangingKind, name: string, nowMs: number): string | undefined;
}

/** What the status says of the ups and downs of a control connection or a pseudowire. */
export interface ChangeStatus {
  /** The last time that it went up or down, and why; absent before the first time. */
  readonly lastChange?: { readonly agoMs: number; readonly text: string };
  /** How often it went up and down, since the daemon's start or since it was configured. */
  readonly ups: number;
  readonly downs: number;
  readonly flapping?: true;
}

/** What came of it that something went down. */
export interface WentDown {
  /** For how long it was up; undefined where it was not. */
  readonly wasUpMs: number | undefined;
  readonly beginsToFlap: boolean;
}

/**
 * The ups and downs of one control connection or pseudowire, whatever connections and sessions it had. Times
 * are of any clock that does not go back.
 */
export class ChangeHistory {
  ups = 0;
  downs = 0;
  #isUp = false;
  /** When it went up or down last, and what is said of that. */
  #last: { readonly atMs: number; readonly text: string } | undefined;
  /** Why it went down last. */
  #reason = "";
  /** The last times that it went down, as many as make it flap. */
  #downTimes: number[] = [];
  /** While it flaps: the first of the times that it went down, and how many there were. */
  #flapping: { readonly sinceMs: number; downs: number } | undefined;

  get isUp(): boolean {
    return this.#isUp;
  }

  /** When it went up or down last; undefined before the first time. */
  get changedMs(): number | undefined {
    return this.#last?.atMs;
  }

  get isFlapping(): boolean {
    return this.#flapping !== undefined;
  }

  /** It is up. Returns for how long it was down; undefined where it was never up before, or is up already. */
  wentUp(nowMs: number): number | undefined {
    if (this.#isUp) return undefined;
    const downMs = this.#last === undefined ? undefined : nowMs - this.#last.atMs;
    this.#isUp = true;
    this.ups += 1;
    const after = downMs === undefined ? "" : ` again, was down for ${durationText(downMs)}: ${this.#reason}`;
    this.#last = { atMs: nowMs, text: `up${after}` };
    return downMs;
  }

  /** It is down. Where it was down before, nothing changes, whatever the reason is now. */
  wentDown(reason: string, nowMs: number): WentDown {
    if (!this.#isUp) return { wasUpMs: undefined, beginsToFlap: false };
    const wasUpMs = nowMs - (this.#last?.atMs ?? nowMs);
    this.#isUp = false;
    this.#last = { atMs: nowMs, text: `down: ${reason}` };
    return { wasUpMs, beginsToFlap: this.#countDown(reason, nowMs) };
  }

  /** It is up by another connection, which took the place of the one before: that is down and up at once. */
  replaced(reason: string, nowMs: number): WentDown {
    const wasUpMs = this.#isUp ? nowMs - (this.#last?.atMs ?? nowMs) : undefined;
    const beginsToFlap = this.#isUp && this.#countDown(reason, nowMs);
    this.#isUp = true;
    this.ups += 1;
    this.#last = { atMs: nowMs, text: `up by another control connection: ${reason}` };
    return { wasUpMs, beginsToFlap };
  }

  /**
   * Ends its flapping where it did not go down for long enough. Returns how often it went down meanwhile, if
   * that ended now.
   */
  settle(nowMs: number): number | undefined {
    const lastMs = this.#downTimes.at(-1) ?? nowMs;
    if (this.#flapping === undefined || nowMs - lastMs < FLAPPING_MS) return undefined;
    const { downs } = this.#flapping;
    this.#flapping = undefined;
    this.#downTimes = [];
    return downs;
  }

  /** That it flaps, for people; undefined while it does not. */
  flappingText(nowMs: number): string | undefined {
    if (this.#flapping === undefined) return undefined;
    const { downs, sinceMs } = this.#flapping;
    const within = durationText(nowMs - sinceMs);
    return `it is flapping: down ${downs} times within ${within}; the last time: ${this.#reason}`;
  }

  status(nowMs: number): ChangeStatus {
    const { ups, downs } = this;
    const last = this.#last;
    return {
      ...(last && { lastChange: { agoMs: Math.round(nowMs - last.atMs), text: last.text } }),
      ...{ ups, downs },
      ...(this.isFlapping ? { flapping: true } : {}),
    };
  }

  /** Returns whether it begins to flap by this. */
  #countDown(reason: string, nowMs: number): boolean {
    this.downs += 1;
    this.#reason = reason;
    this.#downTimes = [...this.#downTimes, nowMs].slice(-FLAPPING_DOWNS);
    if (this.#flapping !== undefined) {
      this.#flapping.downs += 1;
      return false;
    }
    const [sinceMs = nowMs] = this.#downTimes;
    if (this.#downTimes.length < FLAPPING_DOWNS || nowMs - sinceMs > FLAPPING_MS) return false;
    this.#flapping = { sinceMs, downs: FLAPPING_DOWNS };
    return true;
  }
}
