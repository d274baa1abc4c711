import { countersBy } from "../../counters-table.ts";
import { discardReasons } from "../../discard-reasons.ts";
import type { PlaneCounters, SessionCounters } from "../../plane.ts";
import { counterOffset, discardOffset } from "./map-layout.ts";

/** A session's counters, as the sum over all CPUs. */
export function countersFrom(localSessionId: number, perCpu: readonly Uint8Array[]): SessionCounters {
  const views = perCpu.map((octets) => new DataView(octets.buffer, octets.byteOffset, octets.byteLength));
  const sum = (offset: number) => {
    let total = 0;
    // Added by halves: a BigInt would be allocated for each.
    for (const view of views)
      total += view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
    return total;
  };
  const discards: Record<string, number> = {};
  for (const { name } of discardReasons) {
    const count = sum(discardOffset(name));
    if (count > 0) discards[name] = count;
  }
  return {
    localSessionId,
    ...countersBy((name) => sum(counterOffset(name))),
    discards: discards as PlaneCounters["discards"],
  };
}
