/** Lines of one kind that are written in the first window. */
const LINES = 5;
/**
 * TABLE: how long a window is, and what is said when it begins. Where more came in a window than was written,
 * the next one is of the next row, with one line; a window without that leads back to the first row.
 */
const stages = [
  { windowMs: 10_000, suffix: "" },
  { windowMs: 60_000, suffix: "; now one line per minute" },
  { windowMs: 600_000, suffix: "; now one line per 10 minutes" },
] as const;

interface Kind {
  stage: number;
  /** When the window began, and the lines written in it. */
  windowMs: number;
  lines: number;
  /** Whether lines were left out in this window, and whether a closing line said so already. */
  isOver: boolean;
  isTold: boolean;
  /** Lines left out since the last one written, and the time of the first of them. */
  leftOut: number;
  sinceMs: number;
}

/**
 * Bounds what others can make us write: a few lines of a kind at first, less and less while it goes on, and
 * how many were left out with the next one. Kinds must be few, for they are kept. Times are of any clock that
 * does not go back.
 */
export class LogLimiter {
  readonly #kinds = new Map<string, Kind>();
  #leftOut = 0;

  /** Lines that were left out so far, of all kinds. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Text to put behind a line of this kind, about those left out before it; undefined when this one is to be
   * left out as well. `lines` may be written in the first window.
   */
  admit(name: string, nowMs: number, lines = LINES): string | undefined {
    const kind = this.#kindOf(name, nowMs);
    if (kind.lines >= (kind.stage === 0 ? lines : 1)) {
      if (kind.leftOut === 0) kind.sinceMs = nowMs;
      kind.leftOut += 1;
      kind.isOver = true;
      this.#leftOut += 1;
      return undefined;
    }
    kind.lines += 1;
    const { leftOut, sinceMs, stage } = kind;
    kind.leftOut = 0;
    if (leftOut === 0) return "";
    const seconds = Math.max(1, Math.round((nowMs - sinceMs) / 1000));
    return ` (and ${leftOut} more like this in ${seconds} s${stages[stage]?.suffix ?? ""})`;
  }

  /**
   * How many of a kind were left out and not told yet, for a closing line of who knows that a crowd is over:
   * 0 where there is nothing to tell, or there was a closing line in this window already. They count as told.
   */
  takeLeftOut(name: string, nowMs: number): number {
    const kind = this.#kindOf(name, nowMs);
    if (kind.isTold || kind.leftOut === 0) return 0;
    const { leftOut } = kind;
    Object.assign(kind, { isTold: true, leftOut: 0 });
    return leftOut;
  }

  /** A kind in the window of this moment. */
  #kindOf(name: string, nowMs: number): Kind {
    const known = this.#kinds.get(name);
    if (known === undefined) {
      const fresh = { stage: 0, windowMs: nowMs, lines: 0, isOver: false, isTold: false };
      const kind = { ...fresh, leftOut: 0, sinceMs: nowMs };
      this.#kinds.set(name, kind);
      return kind;
    }
    const lengthMs = stages[known.stage]?.windowMs ?? 0;
    const ageMs = nowMs - known.windowMs;
    if (ageMs < lengthMs) return known;
    // Where a whole window passed with nothing in it, what was before is over.
    const goesOn = known.isOver && ageMs < 2 * lengthMs;
    const stage = goesOn ? Math.min(known.stage + 1, stages.length - 1) : 0;
    return Object.assign(known, { stage, windowMs: nowMs, lines: 0, isOver: false, isTold: false });
  }
}
