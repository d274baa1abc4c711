import { expect, test } from "vitest";
import { NoSuchNameError } from "../../src/daemon/api-errors.ts";
import { ClearedCounters } from "../../src/daemon/cleared-counters.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { passed, pseudowireStatus, reportOf, tunnelStatus } from "../support/status-reports.ts";

/** A report of a daemon that is up for so long, and has counted so much everywhere. */
function counted(uptimeMs: number, count: number, localSessionId = 1): StatusReport {
  const discards = { "wrong-cookie": count };
  return reportOf({
    uptimeMs,
    controlConnections: [tunnelStatus("branch", { sent: count, received: count, retransmitted: count })],
    pseudowires: ["lan", "voice"].map((name) =>
      pseudowireStatus(name, { ...passed(count, count), discards, localSessionId }),
    ),
    discards,
    control: { malformed: count },
  });
}

const countsOf = ({ controlConnections, pseudowires, discards }: StatusReport) => [
  controlConnections[0]?.sent,
  ...pseudowires.map((one) => [one.receivedFrames, one.discards["wrong-cookie"]]),
  discards["wrong-cookie"],
];

test("all counters begin at 0, and say how long ago that was", () => {
  const cleared = new ClearedCounters();
  expect(cleared.applied(counted(0, 5))).toEqual(counted(0, 5));
  cleared.clear(counted(1000, 5));
  expect(countsOf(cleared.applied(counted(1000, 5)))).toEqual([0, [0, undefined], [0, undefined], undefined]);
  const later = cleared.applied(counted(4000, 12));
  expect(countsOf(later)).toEqual([7, [7, 7], [7, 7], 7]);
  expect(later.pseudowires[0]?.receivedOctets).toBe(700);
  expect([later.clearedAgoMs, later.pseudowires[0]?.clearedAgoMs]).toEqual([3000, 3000]);
  expect(later.control).toEqual({ malformed: 7 });
});

test("those of a pseudowire or of a tunnel with its pseudowires alone", () => {
  const one = new ClearedCounters();
  one.clear(counted(0, 5), "lan");
  expect(countsOf(one.applied(counted(0, 6)))).toEqual([6, [1, 1], [6, 6], 6]);
  const all = new ClearedCounters();
  all.clear(counted(0, 5), "branch");
  const after = all.applied(counted(0, 6));
  expect(countsOf(after)).toEqual([1, [1, 1], [1, 1], 6]);
  expect(after.clearedAgoMs).toBe(undefined);
});

test("a session that came later counts from 0, and so does a static one that began anew", () => {
  const cleared = new ClearedCounters();
  cleared.clear(counted(0, 5));
  expect(countsOf(cleared.applied(counted(0, 9, 2)))[1]).toEqual([9, 9]);
  const again = new ClearedCounters();
  again.clear(counted(0, 5));
  expect(countsOf(again.applied(counted(0, 2)))[1]).toEqual([2, 2]);
  // However much it counts then.
  expect(countsOf(again.applied(counted(0, 50)))[1]).toEqual([50, 50]);
});

test("a name that nothing has is refused, and nothing is cleared", () => {
  const cleared = new ClearedCounters();
  expect(() => cleared.clear(counted(0, 5), "lna")).toThrow(NoSuchNameError);
  expect(cleared.applied(counted(0, 5))).toEqual(counted(0, 5));
});
