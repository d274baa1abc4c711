import { expect, test } from "vitest";
import type { Log } from "../../src/daemon/log.ts";
import { LogLimiter } from "../../src/daemon/log-limiter.ts";
import { STORM_QUIET_MS, type StormPort, StormWatch } from "../../src/daemon/storm-watch.ts";
import type { StormLimits } from "../../src/forwarding/storm-kinds.ts";

const LIMITS: StormLimits = { broadcast: 100, multicast: 200 };

function port(index: number, broadcast: number, multicast = 0, limits = LIMITS): StormPort {
  const discards = { "broadcast-storm": broadcast, "multicast-storm": multicast, "unknown-unicast-storm": 0 };
  return { bridge: "lan", device: `pw${index}`, index, limits, discards };
}

function watching() {
  const lines: string[] = [];
  const line = (level: string) => (_: unknown, text: string) => void lines.push(`${level} ${text}`);
  const log: Pick<Log, "info" | "warn"> = { info: line("info"), warn: line("warn") };
  const watch = new StormWatch(log, new LogLimiter());
  const look = (nowMs: number, ...ports: readonly StormPort[]) => {
    watch.look(ports, nowMs);
    return lines.splice(0);
  };
  return { watch, look };
}

test("a storm is told as it begins and ends, each kind for itself, with its figures", () => {
  const { watch, look } = watching();
  // What an earlier daemon counted is no storm.
  expect(look(0, port(1, 40))).toEqual([]);
  expect(look(1000, port(1, 40))).toEqual([]);
  expect(look(2000, port(1, 41))).toEqual([
    "warn bridge lan: port pw1: a storm: 1 frame beyond 100 a second dropped so far: broadcast-storm",
  ]);
  expect(watch.at(1, 2500)).toEqual([{ reason: "broadcast-storm", limit: 100, frames: 1, forMs: 500 }]);
  expect(look(3000, port(1, 90, 7))).toEqual([
    "warn bridge lan: port pw1: a storm: 7 frames beyond 200 a second dropped so far: multicast-storm",
  ]);
  expect(look(8000, port(1, 140, 7))).toEqual([]);
  expect(watch.at(1, 8000).map(({ frames }) => frames)).toEqual([100, 7]);
  expect(look(3000 + STORM_QUIET_MS, port(1, 140, 7))).toEqual([
    "info bridge lan: port pw1: the storm is over: 7 frames dropped in 1 s: multicast-storm",
  ]);
  expect(look(7999 + STORM_QUIET_MS, port(1, 140, 7))).toEqual([]);
  expect(look(8000 + STORM_QUIET_MS, port(1, 140, 7))).toEqual([
    "info bridge lan: port pw1: the storm is over: 100 frames dropped in 6 s: broadcast-storm",
  ]);
  expect(watch.at(1, 60_000)).toEqual([]);
});

test("a storm ends with its limit, and with its port", () => {
  const { watch, look } = watching();
  look(0, port(1, 0), port(2, 0));
  expect(look(1000, port(1, 5), port(2, 6))).toHaveLength(2);
  expect(look(2000, port(1, 5, 0, { multicast: 200 }))).toEqual([
    "info bridge lan: port pw2: its limit is gone: 6 frames dropped in 1 s: broadcast-storm",
    "info bridge lan: port pw1: its limit is gone: 5 frames dropped in 1 s: broadcast-storm",
  ]);
  expect([1, 2].flatMap((index) => watch.at(index, 2000))).toEqual([]);
});

test("storms at many ports write a few lines, and say how many were left out; only told ones end", () => {
  const { look } = watching();
  const indexes = Array.from({ length: 50 }, (_, index) => index + 1);
  look(0, ...indexes.map((index) => port(index, 0)));
  const lines = look(1000, ...indexes.map((index) => port(index, 9)));
  expect([lines.length, lines.at(-1)]).toEqual([
    6,
    "warn 45 more storms at ports of bridges; see: wirespan status",
  ]);
  const over = look(1000 + STORM_QUIET_MS, ...indexes.map((index) => port(index, 9)));
  expect(over.filter((line) => line.includes("the storm is over"))).toHaveLength(5);
});

test("a storm that comes again soon is one", () => {
  const { look } = watching();
  look(0, port(1, 0));
  const times = Array.from({ length: 1000 }, (_, index) => 1000 + index * (STORM_QUIET_MS - 1));
  expect(times.flatMap((nowMs, index) => look(nowMs, port(1, index + 1)))).toHaveLength(1);
});
