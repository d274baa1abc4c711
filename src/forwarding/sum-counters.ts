import { counterTable } from "./counters-table.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import type { SessionCounters } from "./plane.ts";

type Discards = Partial<Record<DiscardReason, number>>;

const names = counterTable.map(({ name }) => name);

/** The counters of one session, of which different planes count different parts. */
export function sumCounters(a: SessionCounters, b: SessionCounters): SessionCounters {
  const sum = { ...a, discards: sumDiscards(a.discards, b.discards) };
  for (const name of names) sum[name] += b[name];
  return sum;
}

export function sumDiscards(a: Discards, b: Discards): Discards {
  const entries = Object.entries(b) as [DiscardReason, number][];
  if (entries.length === 0) return a;
  const sum: Discards = { ...a };
  for (const [reason, count] of entries) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}
