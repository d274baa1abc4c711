import { expect, test } from "vitest";
import type { Log } from "../../src/daemon/log.ts";
import { LogLimiter } from "../../src/daemon/log-limiter.ts";
import { LIMIT_QUIET_MS, MacLimitWatch } from "../../src/daemon/mac-limit-watch.ts";

/** The log tells when a bridge reaches its limit of MAC addresses, and when it is below it again. */

function watching() {
  const lines: string[] = [];
  const line = (level: string) => (_: unknown, text: string) => void lines.push(`${level} ${text}`);
  const log: Pick<Log, "info" | "warn"> = { info: line("info"), warn: line("warn") };
  const watch = new MacLimitWatch(log, new LogLimiter());
  return (
    nowMs: number,
    ...bridges: readonly (readonly [bridge: string, learnt: number, limit: number])[]
  ) => {
    watch.look(
      bridges.map(([bridge, learnt, limit]) => ({ bridge, learnt, limit })),
      nowMs,
    );
    return lines.splice(0);
  };
}

const reached = (bridge: string, learnt: number, limit: number) =>
  `warn bridge ${bridge}: ${learnt} of at most ${limit} MAC addresses learnt: frames to others go to all ` +
  "ports; raise mac_limit if these are the hosts that there are";

test("reached is told once, and over once it is below for a while: addresses age all the time", () => {
  const look = watching();
  expect(look(0, ["lan", 9, 10])).toEqual([]);
  expect(look(5000, ["lan", 10, 10])).toEqual([reached("lan", 10, 10)]);
  expect(look(10_000, ["lan", 10, 10])).toEqual([]);
  expect(look(15_000, ["lan", 8, 10])).toEqual([]);
  expect(look(20_000, ["lan", 10, 10])).toEqual([]);
  expect(look(20_000 + LIMIT_QUIET_MS - 1, ["lan", 8, 10])).toEqual([]);
  expect(look(20_000 + LIMIT_QUIET_MS, ["lan", 8, 10])).toEqual([
    "info bridge lan: 8 of at most 10 MAC addresses learnt: below its limit again",
  ]);
  expect(look(60_000, ["lan", 10, 10])).toEqual([reached("lan", 10, 10)]);
});

test.each([
  ["its bridge", []],
  ["a higher one", [["lan", 10, 20]]],
] as const)("a limit ends with %s", (_what, bridges) => {
  const look = watching();
  expect(look(0, ["lan", 10, 10])).toHaveLength(1);
  expect(look(5000, ...bridges)).toEqual(["info bridge lan: its limit of 10 MAC addresses is gone"]);
  expect(look(10_000, ...bridges)).toEqual([]);
});

test("another limit that is reached too is told anew", () => {
  const look = watching();
  look(0, ["lan", 10, 10]);
  expect(look(5000, ["lan", 10, 8])).toEqual([
    "info bridge lan: its limit of 10 MAC addresses is gone",
    reached("lan", 10, 8),
  ]);
});

test("of many bridges a few are told, and those that were not are not told as over", () => {
  const look = watching();
  const all = (learnt: number) =>
    Array.from({ length: 100 }, (_, index) => [`lan${index}`, learnt, 10] as const);
  const told = look(0, ...all(10)).length;
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(10);
  expect(look(LIMIT_QUIET_MS, ...all(3))).toHaveLength(told);
});
