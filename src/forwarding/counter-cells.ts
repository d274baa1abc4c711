import { counterTable, zeroCounters } from "./counters-table.ts";
import { type DiscardReason, discardReasons } from "./discard-reasons.ts";
import type { SessionCounters } from "./plane.ts";

/**
 * The counts of a session as numbers side by side: those of the counter table, then one for each discard
 * reason, as in the memory of both planes. There may be 100 000 sessions, whose counts are read while control
 * messages wait.
 */

const names = counterTable.map(({ name }) => name);
const reasons = discardReasons.map(({ name }) => name);

/** Numbers of a session. */
export const CELLS_A_SESSION = names.length + reasons.length;

/** What nothing was discarded for. */
const none: Partial<Record<DiscardReason, number>> = Object.freeze({});

/** The counts of a session that begin at a place. */
export function countersInCells(localSessionId: number, cells: Float64Array, at: number): SessionCounters {
  const values = { ...zeroCounters } as Record<(typeof names)[number], number>;
  for (let index = 0; index < names.length; index += 1)
    values[names[index] as (typeof names)[number]] = cells[at + index] ?? 0;
  return { localSessionId, ...values, discards: discardsInCells(cells, at) };
}

/** The discards among counts that begin at a place: only reasons that occurred. */
export function discardsInCells(cells: Float64Array, at: number): Partial<Record<DiscardReason, number>> {
  let found: Partial<Record<DiscardReason, number>> | undefined;
  for (let index = 0; index < reasons.length; index += 1) {
    const count = cells[at + names.length + index] ?? 0;
    if (count === 0) continue;
    found ??= {};
    found[reasons[index] as DiscardReason] = count;
  }
  return found ?? none;
}
