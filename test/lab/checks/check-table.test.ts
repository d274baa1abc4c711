import { expect, test } from "vitest";
import { shellLine } from "../../../src/bytes/shell-words.ts";
import { capturePoint } from "../../../src/lab/capture-point.ts";
import { chosenChecks } from "../../../src/lab/checks/run-checks.ts";
import { checkKindOf, titleOf } from "../../../src/lab/checks/table.ts";
import { type Check, checkSchemas } from "../../../src/lab/format/check-keys.ts";
import { readTopology } from "../../../src/lab/format/read.ts";

/** TABLE: a check of each kind, and the sentence that is made of it. */
const titles: Readonly<Record<keyof typeof checkSchemas, readonly [check: object, title: string]>> = {
  ping: [{ ping: ["a", "b"] }, "a and b reach each other, with full-size packets too"],
  apart: [{ apart: ["a", "b"] }, "nothing crosses between a and b"],
  multicast: [{ multicast: ["a", "b"] }, "a multicast stream from a arrives at b"],
  tagged: [{ tagged: ["a", "b"] }, "a tagged frame from a arrives at b with its tags"],
  frames: [{ frames: ["a", "b"] }, "special frames pass between a and b octet for octet"],
  bulk: [{ bulk: ["a", "b"] }, "10MB by TCP from a arrive unchanged at b"],
  run: [{ run: ["a", "ip", "link"] }, "ip link at a"],
  status: [{ status: ["a", "x.y"], expect: "up" }, 'x.y at a is equal to "up"'],
  counter: [{ counter: ["a", "runt"], expect: { at_most: 3 } }, "runt at a is at most 3"],
  failover: [
    { failover: { down: "a.wan" }, between: ["a", "b"], under: "5s" },
    "link a.wan goes down: a and b miss less than 5s",
  ],
  throughput: [
    { throughput: ["a", "b"], at_least: "1mbit", at_most: "2mbit" },
    "TCP from a to b: at least 1mbit and at most 2mbit",
  ],
  captured: [{ captured: "wan", filter: "udp" }, "udp at wan"],
};

test.each(Object.entries(titles))("%s", (kind, [given, title]) => {
  const schema = checkSchemas[kind as keyof typeof checkSchemas];
  const check = schema.parse(given) as Check;
  expect(checkKindOf(check)).toBe(kind);
  expect(titleOf(check)).toBe(title);
  expect(titleOf({ ...check, title: "own words" })).toBe("own words");
});

test("chosen checks keep their numbers", () => {
  const checks = [titles.ping, titles.apart, titles.run].map(([check]) => check as Check);
  expect(chosenChecks(checks, undefined).map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(chosenChecks(checks, [3, 1]).map(({ number }) => number)).toEqual([1, 3]);
  expect(() => chosenChecks(checks, [0])).toThrow("choose check 0: the topology has 3, counted from 1");
});

test.each([
  ["wan", { node: "wan", device: "bridge" }],
  ["wan.to-a", { node: "wan", device: "to-a" }],
  ["switch-a.trunk", { node: "switch-a", device: "trunk" }],
  ["a10", { node: "a10", device: "any" }],
  ["a10.eth0", { node: "a10", device: "eth0" }],
  ["a10.eth0.10", { node: "a10", device: "eth0.10" }],
  ["lcce-hq.trunk", { node: "lcce-hq", device: "trunk" }],
  ["hq.wan", { node: "lcce-hq", device: "wan" }],
  ["wan.nothing", undefined],
  ["hq.nothing", undefined],
  ["nowhere", undefined],
])("the point %s of a capture", (point, wanted) => {
  expect(capturePoint(readTopology("headquarters"), point)).toEqual(wanted);
});

test("words are quoted for a shell where they need it", () => {
  expect(shellLine(["ip", "-n", "a10", "addr"])).toBe("ip -n a10 addr");
  expect(shellLine(["sh", "-c", "echo 'a b' $X", ""])).toBe("sh -c 'echo '\\''a b'\\'' $X' ''");
});
