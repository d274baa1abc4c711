import { expect, test } from "vitest";
import type { PathLimits, PathMtuSnapshot } from "../../src/control/path-mtu.ts";
import { OuterFragments } from "../../src/daemon/outer-fragments.ts";
import { pathOver } from "../support/sessions.ts";

const MINUTE_MS = 60_000;
const path = pathOver("udp");

function limits(reportedOctets?: number): PathLimits {
  return { interfaceOctets: 1500, reportedOctets };
}

function found(octets: number | undefined, state: PathMtuSnapshot["state"] = "search-complete") {
  return { state, octets, measuredMs: 0, by: "hello" } as const;
}

function bed() {
  const told: number[] = [];
  const clock = { ms: 0, nowMs: () => clock.ms };
  const fragments = new OuterFragments(clock as never, (_path, octets) => told.push(octets));
  return { told, clock, fragments };
}

/** TABLE: what a search found, what the kernel knows, and whether it is told. */
const rows: readonly (readonly [PathMtuSnapshot | undefined, PathLimits | undefined, boolean])[] = [
  [found(1400), limits(), true],
  [found(1400), limits(1450), true],
  [found(1400), limits(1400), true],
  // More than it knows it would not take.
  [found(1400), limits(1300), false],
  [found(1500), limits(), false],
  [found(9000), limits(), false],
  // What was found is not final.
  [found(1200, "base"), limits(), false],
  [found(1200, "searching"), limits(), false],
  [found(undefined, "error"), limits(), false],
  [undefined, limits(), false],
  [found(1400), undefined, false],
];

test.each(rows)("found %j, the kernel knows %j: it is told: %s", (snapshot, known, isTold) => {
  const { told, fragments } = bed();
  fragments.follow(path, snapshot, known);
  expect(told).toEqual(isTold ? [snapshot?.octets] : []);
});

test("a path that takes less than before is told before the search has come to its end", () => {
  const { told, clock, fragments } = bed();
  const follow = (octets: number, state: PathMtuSnapshot["state"], reported?: number) => {
    clock.ms += MINUTE_MS;
    fragments.follow(path, found(octets, state), limits(reported));
  };
  follow(1500, "search-complete");
  // More is tried, and what is known still passes.
  follow(1500, "searching");
  // The peer answers nothing: nothing is known of sizes.
  follow(1200, "base");
  follow(1200, "error");
  expect(told).toEqual([]);
  follow(1200, "searching");
  expect(told).toEqual([1200]);
  // The kernel would not take more until it forgets.
  follow(1400, "searching", 1200);
  follow(1400, "search-complete", 1200);
  expect(told).toEqual([1200]);
  follow(1400, "search-complete");
  expect(told).toEqual([1200, 1400]);
  follow(1400, "searching");
  expect(told).toEqual([1200, 1400]);
});

test("it is told again before it forgets, and where it did not take it", () => {
  const { told, clock, fragments } = bed();
  for (; clock.ms < 10 * MINUTE_MS; clock.ms += 1000) fragments.follow(path, found(1400), limits(1400));
  expect(told).toEqual([1400, 1400, 1400]);
  told.length = 0;
  const endMs = clock.ms + MINUTE_MS;
  for (; clock.ms < endMs; clock.ms += 1000) fragments.follow(path, found(1400), limits());
  expect(told.length).toBeGreaterThan(5);
  expect(told.length).toBeLessThanOrEqual(12);
});

test("paths that are used no more are forgotten", () => {
  const { told, fragments } = bed();
  fragments.follow(path, found(1400), limits(1400));
  fragments.keep([path]);
  fragments.follow(path, found(1400), limits(1400));
  expect(told).toEqual([1400]);
  fragments.keep([]);
  fragments.follow(path, found(1400), limits(1400));
  expect(told).toEqual([1400, 1400]);
});

test("a message to an address of one link would not say of which", () => {
  const { told, fragments } = bed();
  const local = { ...path, localAddress: "fe80::1", remoteAddress: "fe80::2%eth0" };
  fragments.follow(local, found(1400), limits());
  expect(told).toEqual([]);
});
