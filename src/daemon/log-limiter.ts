/** Lines of one kind that are written in one window; what else comes in it is only counted. */
const LINES = 5;
const WINDOW_MS = 10_000;

interface Kind {
  windowMs: number;
  lines: number;
  suppressed: number;
  /** When the first of the suppressed came. */
  sinceMs: number;
}

/** Bounds what strangers can make us write: a few lines of a kind in each window, and how many were left out with the next one. */
export class LogLimiter {
  readonly #kinds = new Map<string, Kind>();

  /**
   * Words to put behind a line of this kind, about those left out before it; undefined when this one is to be left out as well.
   * `nowMs` is of any clock that does not go back. Kinds must be few, for they are kept.
   */
  admit(name: string, nowMs: number): string | undefined {
    const kind = this.#kinds.get(name) ?? { windowMs: nowMs, lines: 0, suppressed: 0, sinceMs: nowMs };
    this.#kinds.set(name, kind);
    if (nowMs - kind.windowMs >= WINDOW_MS) Object.assign(kind, { windowMs: nowMs, lines: 0 });
    if (kind.lines >= LINES) {
      if (kind.suppressed === 0) kind.sinceMs = nowMs;
      kind.suppressed += 1;
      return undefined;
    }
    kind.lines += 1;
    const { suppressed, sinceMs } = kind;
    kind.suppressed = 0;
    if (suppressed === 0) return "";
    return ` (and ${suppressed} more like it in ${Math.max(1, Math.round((nowMs - sinceMs) / 1000))} s)`;
  }
}
