import { countersBy } from "./counters-table.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import type { SessionCounters } from "./plane.ts";

type Discards = Partial<Record<DiscardReason, number>>;

/** The counters of one session, of which different planes count different parts. */
export function sumCounters(a: SessionCounters, b: SessionCounters): SessionCounters {
  return {
    localSessionId: a.localSessionId,
    ...countersBy((name) => a[name] + b[name]),
    discards: sumDiscards(a.discards, b.discards),
  };
}

export function sumDiscards(a: Discards, b: Discards): Discards {
  const sum: Discards = { ...a };
  for (const [reason, count] of Object.entries(b) as [DiscardReason, number][])
    sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}
