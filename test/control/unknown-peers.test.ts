import { expect, test } from "vitest";
import { Bench, lan, peerPath } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

/** Who sent SCCRQs that no tunnel is for is told, within bounds that no stranger can move. */

const HOUR = 3_600_000;

/** An LCCE, and what strangers do to it. */
function watched() {
  const bench = new Bench({ role: "responder" });
  bench.open(lan);
  return {
    bench,
    call: (hostName: string, remoteAddress = "198.51.100.9") => {
      const caller = new ScriptedPeer(bench);
      caller.say("SCCRQ", { ...caller.openingAvps, hostName }, { path: { ...peerPath, remoteAddress } });
    },
    known: () => bench.lcce.snapshot(bench.nowMs).unknownPeers,
    names: () => bench.lcce.snapshot(bench.nowMs).unknownPeers.map(({ hostName }) => hostName),
  };
}

test("a peer whose name no tunnel asks for is told with its name, address and how often it called", () => {
  const { bench, call, known } = watched();
  expect(known()).toEqual([]);
  call("branch-7");
  bench.advance(5000);
  call("branch-7");
  call("branch-8", "2001:db8::8");
  expect(known()).toEqual([
    { hostName: "branch-7", address: "198.51.100.9", sccrqs: 2, lastMs: 5000 },
    { hostName: "branch-8", address: "2001:db8::8", sccrqs: 1, lastMs: 5000 },
  ]);
  bench.advance(HOUR - 1);
  expect(known()).toHaveLength(2);
  bench.advance(1);
  expect(known()).toEqual([]);
});

test.each([
  ["hostile\x1b[2J\nname", "hostile\\x1b[2J name"],
  [`long ${"x".repeat(500)}`, `long ${"x".repeat(112)}...`],
  ["\u202ename", "\\u202ename"],
  ["", undefined],
])("a Host Name %j is kept for printing", (hostName, kept) => {
  const { call, names } = watched();
  call(hostName);
  expect(names()).toEqual([kept]);
});

test("ten thousand names of one address leave room for all others", () => {
  const { call, names } = watched();
  for (const one of [1, 2, 3]) call(`branch-${one}`, `192.0.2.${100 + one}`);
  for (let each = 0; each < 10_000; each += 1) call(`stranger-${each}`);
  expect(names()).toEqual(["branch-1", "branch-2", "branch-3", "stranger-9998", "stranger-9999"]);
});

test("of ten thousand addresses the last five are kept", () => {
  const { call, names } = watched();
  for (let each = 0; each < 10_000; each += 1) call(`stranger-${each}`, `10.0.${each >> 8}.${each & 0xff}`);
  expect(names()).toEqual([9995, 9996, 9997, 9998, 9999].map((each) => `stranger-${each}`));
});

test("what a tunnel is for is no stranger's", () => {
  const { bench, known } = watched();
  const peer = new ScriptedPeer(bench);
  peer.say("SCCRQ", peer.openingAvps);
  expect(bench.connectionState).toBe("wait-ctl-conn");
  expect(known()).toEqual([]);
});
