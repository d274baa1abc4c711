import type { ReloadReport } from "./status.ts";

/** How often the file was read again, and how that ended. */
export interface ReloadCounts {
  readonly applied: number;
  readonly refused: number;
  readonly isLastRefused: boolean;
  /** When the file was read whose content is in force, in ms since 1970. */
  readonly appliedAtMs: number;
}

/** What came of the readings of the file since the start. */
export class FileReadings {
  readonly #dayMs: () => number;
  #counts: ReloadCounts;

  /** `dayMs` is the clock of the day. */
  constructor(dayMs: () => number = Date.now) {
    this.#dayMs = dayMs;
    this.#counts = { applied: 0, refused: 0, isLastRefused: false, appliedAtMs: dayMs() };
  }

  get counts(): ReloadCounts {
    return this.#counts;
  }

  /** Reads the file again by `reload`, whose report it counts and gives back. */
  async of(reload: () => Promise<ReloadReport>): Promise<ReloadReport> {
    const readAtMs = this.#dayMs();
    const report = await reload();
    const { applied, refused } = this.#counts;
    if (report.refused) this.#counts = { ...this.#counts, refused: refused + 1, isLastRefused: true };
    else this.#counts = { refused, applied: applied + 1, isLastRefused: false, appliedAtMs: readAtMs };
    return report;
  }
}
