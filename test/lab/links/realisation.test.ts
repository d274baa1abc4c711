import { describe, expect, test } from "vitest";
import { portOptions, vlanCommands } from "../../../src/lab/links/bridge-port.ts";
import type { LinkConditions } from "../../../src/lab/links/conditions.ts";
import {
  disciplineWords,
  type LinkMechanism,
  lossRule,
  mechanismsFor,
} from "../../../src/lab/links/realisation.ts";

const none = { netem: false, tbf: false, nftables: false };
const withoutNetem = { netem: false, tbf: true, nftables: true };
const all = { netem: true, tbf: true, nftables: true };

describe("what realises conditions", () => {
  test.each<[LinkConditions, typeof none, readonly LinkMechanism[]]>([
    [{}, none, []],
    [{ lossPercent: 0 }, all, []],
    [{ lossPercent: 1 }, all, ["netem"]],
    [{ rateBitsPerSecond: 1e6 }, all, ["netem"]],
    [{ delayMs: 1, lossPercent: 1 }, all, ["netem"]],
    [{ lossPercent: 1 }, withoutNetem, ["nftables"]],
    [{ rateBitsPerSecond: 1e6, queuePackets: 5 }, withoutNetem, ["tbf"]],
    [{ lossPercent: 1, rateBitsPerSecond: 1e6 }, withoutNetem, ["nftables", "tbf"]],
    [{ delayMs: 1 }, withoutNetem, ["relay"]],
    [{ duplicatePercent: 1 }, withoutNetem, ["relay"]],
    [{ delayMs: 1, jitterMs: 1, reorderPercent: 1 }, withoutNetem, ["relay"]],
    [{ delayMs: 1, lossPercent: 1, rateBitsPerSecond: 1e6 }, withoutNetem, ["relay"]],
    [{ lossPercent: 1 }, { ...withoutNetem, nftables: false }, ["relay"]],
    [{ lossPercent: 1, rateBitsPerSecond: 1e6 }, { ...withoutNetem, tbf: false }, ["relay"]],
    [{ lossPercent: 1 }, none, ["relay"]],
  ])("%j with %j: %j", (conditions, kernel, mechanisms) => {
    expect(mechanismsFor(conditions, kernel)).toEqual(mechanisms);
  });
});

test("netem is told of everything, and of a queue that has room for what is on its way", () => {
  const conditions = {
    delayMs: 50,
    jitterMs: 0.5,
    lossPercent: 1,
    duplicatePercent: 2,
    reorderPercent: 3,
    rateBitsPerSecond: 512_000,
    queuePackets: 20,
  };
  expect(disciplineWords(conditions, ["netem"], 1564)).toEqual([
    "root handle 1: netem limit 71 delay 50000us 500us loss 1% duplicate 2% reorder 3% rate 512000bit",
  ]);
  expect(disciplineWords({ lossPercent: 0.5 }, ["netem"], 1564)).toEqual([
    "root handle 1: netem limit 100000 loss 0.5%",
  ]);
});

test("tbf has a burst for two frames at least, and a queue of packets", () => {
  expect(disciplineWords({ rateBitsPerSecond: 1e6, queuePackets: 10 }, ["tbf"], 1564)).toEqual([
    "root handle 1: tbf rate 1000000bit burst 3128b limit 15640b",
    "parent 1:1 handle 2: pfifo limit 10",
  ]);
  expect(disciplineWords({ rateBitsPerSecond: 1e9 }, ["nftables", "tbf"], 1564)[0]).toContain(
    "burst 500000b",
  );
  const most = { rateBitsPerSecond: 1e9, queuePackets: 1e6 };
  expect(disciplineWords(most, ["tbf"], 9064)[0]).toContain(`limit ${2 ** 31}b`);
  expect(disciplineWords({ lossPercent: 1 }, ["nftables"], 1564)).toEqual([]);
});

test.each<[number, string]>([
  [1, "numgen random mod 1000000 < 10000 counter drop"],
  [0.01, "numgen random mod 1000000 < 100 counter drop"],
  [100, "counter drop"],
])("a loss of %d percent is a rule", (lossPercent, rule) => {
  expect(lossRule({ lossPercent })).toBe(rule);
});

test("a port of a bridge gets the options of another", () => {
  const port = { state: "forwarding", priority: 16, cost: 100, hairpin: true, isolated: false, id: "0x8001" };
  const link = { mtu: 1500, address: "02:00:00:00:00:01", flags: [], linkinfo: { info_slave_data: port } };
  expect(portOptions(link).join(" ")).toBe("priority 16 cost 100 hairpin on isolated off");
});

test("a port of a bridge gets the VLANs of another", () => {
  const vlans = [
    { vlan: 10, flags: ["PVID", "Egress Untagged"] },
    { vlan: 20, vlanEnd: 29 },
  ];
  expect(vlanCommands("port", vlans)).toEqual([
    "vlan del dev port vid 1",
    "vlan add dev port vid 10 pvid untagged",
    "vlan add dev port vid 20-29",
  ]);
  expect(vlanCommands("port", [])).toEqual([]);
});
