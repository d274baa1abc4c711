import { countersBy } from "../counters-table.ts";
import { type DiscardReason, discardReasons } from "../discard-reasons.ts";
import type { SessionCounters } from "../plane.ts";
import { CELLS_A_SESSION, counterCells } from "./session-record.ts";

/** The counters that the worker writes (`CounterWriter`), as the main thread reads them. */
export class CounterReader {
  readonly #cells: Float64Array;

  constructor(counters: SharedArrayBuffer) {
    this.#cells = new Float64Array(counters);
  }

  /** A session counts from zero in a row that another one may have had. */
  clear(row: number): void {
    this.#cells.fill(0, row * CELLS_A_SESSION, (row + 1) * CELLS_A_SESSION);
  }

  session(localSessionId: number, row: number): SessionCounters {
    const at = row * CELLS_A_SESSION;
    return {
      localSessionId,
      ...countersBy((name) => this.#cells[at + counterCells[name]] ?? 0),
      discards: this.discards(row),
    };
  }

  /** Only reasons that occurred. */
  discards(row: number): Partial<Record<DiscardReason, number>> {
    const found: Partial<Record<DiscardReason, number>> = {};
    for (const [index, { name }] of discardReasons.entries()) {
      const count = this.#cells[row * CELLS_A_SESSION + counterCells.discards + index] ?? 0;
      if (count > 0) found[name] = count;
    }
    return found;
  }
}
