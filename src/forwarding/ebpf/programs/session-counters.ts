import { CELLS_A_SESSION, countersInCells } from "../../counter-cells.ts";
import type { SessionCounters } from "../../plane.ts";

/** The sums of one session at a time: an array for each would be garbage of megabytes. */
const sums = new Float64Array(CELLS_A_SESSION);

/** A session's counters, as the sum over all CPUs; the octets of each are aligned. */
export function countersFrom(localSessionId: number, perCpu: readonly Uint8Array[]): SessionCounters {
  sums.fill(0);
  for (const octets of perCpu) {
    // Added by halves: a BigInt would be allocated for each. Processors with eBPF have the low one first.
    const halves = new Uint32Array(octets.buffer, octets.byteOffset, 2 * CELLS_A_SESSION);
    for (let cell = 0; cell < CELLS_A_SESSION; cell += 1)
      sums[cell] = (sums[cell] ?? 0) + (halves[2 * cell] ?? 0) + (halves[2 * cell + 1] ?? 0) * 0x1_0000_0000;
  }
  return countersInCells(localSessionId, sums, 0);
}
