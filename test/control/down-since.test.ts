import { expect, test } from "vitest";
import { Bench, lan } from "../support/bench.ts";
import { called } from "../support/set-up.ts";

/** Since when a connection or a session is not up is told beside the reason, however often that changes. */

const downMs = (bench: Bench) => {
  const { connections, pseudowires } = bench.lcce.snapshot(bench.nowMs);
  return [connections[0]?.downMs, pseudowires[0]?.downMs];
};

test("what never was up is down since it is wanted", () => {
  const bench = new Bench({ role: "either" });
  bench.advance(5000);
  bench.open(lan);
  bench.advance(600_000);
  expect(downMs(bench)).toEqual([5000, 5000]);
});

test("both are down since the connection was lost, and not while they are up", () => {
  const { bench, peer } = called();
  bench.advance(10_000);
  expect(downMs(bench)).toEqual([undefined, undefined]);
  peer.say("StopCCN", { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id });
  const lostMs = bench.nowMs;
  bench.advance(300_000);
  expect(downMs(bench)).toEqual([lostMs, lostMs]);
});

test("a session that ended is down since then, whatever calls came after it", () => {
  const { bench, peer, ids } = called();
  bench.advance(10_000);
  peer.say("CDN", { resultCode: { resultCode: 3 }, ...ids });
  const endedMs = bench.nowMs;
  expect(downMs(bench)).toEqual([undefined, endedMs]);
  for (let count = 0; count < 3; count += 1) {
    bench.advance(20_000);
    peer.acknowledge();
  }
  expect(downMs(bench)).toEqual([undefined, endedMs]);
});
