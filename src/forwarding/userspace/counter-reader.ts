import { CELLS_A_SESSION, countersInCells, discardsInCells } from "../counter-cells.ts";
import type { DiscardReason } from "../discard-reasons.ts";
import type { SessionCounters } from "../plane.ts";

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
    return countersInCells(localSessionId, this.#cells, row * CELLS_A_SESSION);
  }

  /** Only reasons that occurred. */
  discards(row: number): Partial<Record<DiscardReason, number>> {
    return discardsInCells(this.#cells, row * CELLS_A_SESSION);
  }
}
