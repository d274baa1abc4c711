import { expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { counterIndex, countersBy, counterTable } from "../../src/forwarding/counters-table.ts";
import { discardReasons } from "../../src/forwarding/discard-reasons.ts";
import { layoutDigest, layoutVersion } from "../../src/forwarding/ebpf/plane/plane-maps.ts";
import { counterOffset, discardOffset, mapSizes } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import { sumCounters } from "../../src/forwarding/sum-counters.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";

const names = counterTable.map(({ name }) => name);

test("every counter has a name, a label within its direction, and a number of its own", () => {
  expect(new Set(names).size).toBe(names.length);
  const labels = counterTable.map(({ direction, label }) => `${direction} ${label}`);
  expect(new Set(labels).size).toBe(labels.length);
  expect(names.map((name) => counterIndex[name])).toEqual([...names.keys()]);
});

test("counters and discards of a session lie one behind the other in the memory of both planes", () => {
  const offsets = [...names.map(counterOffset), ...discardReasons.map(({ name }) => discardOffset(name))];
  expect(offsets).toEqual(offsets.map((_, index) => 8 * index));
  expect(mapSizes.counters.valueOctets).toBe(8 * offsets.length);
  const cells = [...names.map((name) => counterCells[name]), counterCells.discards];
  expect(cells).toEqual([...cells.keys()]);
  expect(CELLS_A_SESSION).toBe(offsets.length);
});

test("every counter of two planes is summed", () => {
  const counted = (factor: number) => ({
    localSessionId: 7,
    ...countersBy((name) => factor * (counterIndex[name] + 1)),
    discards: {},
  });
  expect(sumCounters(counted(1), counted(100))).toEqual(counted(101));
});

test("maps pinned by a daemon with other rows, or with rows in another order, are not adopted", () => {
  expect(layoutVersion).toBe(layoutDigest(counterTable, discardReasons));
  const others = [
    layoutDigest([...counterTable, { name: "receivedNews" }], discardReasons),
    layoutDigest(counterTable.toReversed(), discardReasons),
    layoutDigest(counterTable, discardReasons.toReversed()),
    layoutDigest([...counterTable, { name: "truncated" }], discardReasons.slice(1)),
  ];
  expect(new Set([layoutVersion, ...others]).size).toBe(1 + others.length);
});
