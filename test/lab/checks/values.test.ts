import { expect, test } from "vitest";
import { movedCounters } from "../../../src/lab/checks/counters.ts";
import {
  bitsPerSecondOf,
  millisecondsOf,
  octetsOf,
  rateText,
  timeText,
} from "../../../src/lab/checks/quantities.ts";
import { rateProblem } from "../../../src/lab/checks/throughput.ts";
import { valueAt } from "../../../src/lab/checks/value-path.ts";

test.each([
  ["5s", 5000],
  ["500ms", 500],
  ["0.5s", 500],
])("%s is %d ms", (text, wanted) => expect(millisecondsOf(text)).toBe(wanted));

test.each([
  ["12", 12],
  ["3kB", 3000],
  ["10MB", 10_000_000],
  ["2GB", 2_000_000_000],
])("%s are %d octets", (text, wanted) => expect(octetsOf(text)).toBe(wanted));

test.each([
  ["800bit", 800],
  ["56kbit", 56_000],
  ["2.5mbit", 2_500_000],
  ["1gbit", 1_000_000_000],
])("%s is %d bit/s", (text, wanted) => expect(bitsPerSecondOf(text)).toBe(wanted));

test.each([
  [999, "999 ms"],
  [1234, "1.23 s"],
  [12_345, "12.3 s"],
])("%d ms are %s", (milliseconds, wanted) => expect(timeText(milliseconds)).toBe(wanted));

test.each([
  [9500, "9.50 kbit/s"],
  [9_500_000, "9.50 Mbit/s"],
  [1_500_000_000, "1.50 Gbit/s"],
])("%d bit/s are %s", (rate, wanted) => expect(rateText(rate)).toBe(wanted));

test.each([
  [{}, 1, undefined],
  [{}, 0, "nothing arrived"],
  [{ at_least: "8mbit" }, 8e6, undefined],
  [{ at_least: "8mbit" }, 7.5e6, "7.50 Mbit/s is less than 8mbit"],
  [{ at_most: "8mbit" }, 8.5e6, "8.50 Mbit/s is more than 8mbit"],
  [{ at_least: "1mbit", at_most: "8mbit" }, 4e6, undefined],
])("rate limits %j at %d bit/s: %s", (limits, rate, wanted) =>
  expect(rateProblem(limits, rate)).toBe(wanted),
);

const report = {
  pid: 7,
  plane: { name: "ebpf" },
  pseudowires: [
    { name: "lan", state: "established", discards: { "wrong-cookie": 3 } },
    { name: "voice", state: "idle" },
  ],
  controlConnections: [{ tunnel: "to-hq", state: "wait-ctl-reply" }],
};

test.each([
  ["pid", { value: 7 }],
  ["plane.name", { value: "ebpf" }],
  ["pseudowires[1].state", { value: "idle" }],
  ["pseudowires[lan].state", { value: "established" }],
  ["pseudowires[lan].discards.wrong-cookie", { value: 3 }],
  ["controlConnections[to-hq].state", { value: "wait-ctl-reply" }],
  ["planes", { problem: "status has no planes; there are pid, plane, pseudowires, controlConnections" }],
  ["pseudowires[2].state", { problem: "pseudowires has no 2; it has 2 elements" }],
  ["pseudowires[wan]", { problem: "pseudowires has no wan; it has 2 elements" }],
  ["pseudowires[1].stat", { problem: "pseudowires[1] has no stat; there are name, state" }],
  ["pid.more", { problem: "pid has no more" }],
  [
    "constructor",
    { problem: "status has no constructor; there are pid, plane, pseudowires, controlConnections" },
  ],
])("the value at %s", (path, wanted) => expect(valueAt(report, path)).toEqual(wanted));

test("counters that moved, with by how much", () => {
  expect(movedCounters({ a: 1, b: 2 }, { a: 1, b: 5, c: 4, d: 0 })).toEqual({ b: 3, c: 4 });
});
