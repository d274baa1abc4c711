import { expect, test } from "vitest";
import { digestAuthentication } from "../simulation/world.ts";
import { Bench, lan, peerPath } from "../support/bench.ts";
import { type Protection, ScriptedPeer } from "../support/scripted-peer.ts";

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
    others: () => bench.lcce.snapshot(bench.nowMs).otherUnknownPeers,
    names: () => bench.lcce.snapshot(bench.nowMs).unknownPeers.map(({ hostName }) => hostName),
  };
}

test("a peer whose name no tunnel asks for is told with its name, address and how often it called", () => {
  const { bench, call, known } = watched();
  const unknown = { reason: "unknown-peer", peer: undefined };
  expect(known()).toEqual([]);
  call("branch-7");
  bench.advance(5000);
  call("branch-7");
  call("branch-8", "2001:db8::8");
  expect(known()).toEqual([
    { hostName: "branch-7", address: "198.51.100.9", sccrqs: 2, ...unknown, firstMs: 0, lastMs: 5000 },
    { hostName: "branch-8", address: "2001:db8::8", sccrqs: 1, ...unknown, firstMs: 5000, lastMs: 5000 },
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

test.each([
  ["that its SCCRQ is sent again after a second", "branch-7", 1000],
  ["that it came again after an hour without a second", "branch-7", HOUR - 1000],
])("a peer is told for %s, whatever forged addresses say", (_what, hostName, afterMs) => {
  const { bench, call, names, others } = watched();
  call(hostName);
  bench.advance(afterMs);
  call(hostName);
  for (let each = 0; each < 1000; each += 1) {
    if (each % 100 === 0) bench.advance(1);
    call(`stranger-${each}`, `10.0.${each >> 8}.${each & 0xff}`);
  }
  expect(names()).toContain(hostName);
  expect([names().length, others()]).toEqual([5, 996]);
  bench.advance(HOUR);
  expect([names(), others()]).toEqual([[], 0]);
});

test("a sender without a name is told after those that have one", () => {
  const { call, names, others } = watched();
  call("branch-7");
  for (let each = 0; each < 20; each += 1) call("", `10.0.0.${each}`);
  expect([names(), others()]).toEqual([["branch-7", undefined, undefined, undefined, undefined], 16]);
});

/** What comes to a tunnel of any address, or of a configured one, and fails authentication. */
const secret = (text: string): Protection => ({
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode(text)],
  nonce: new Uint8Array(16).fill(3),
});
const failures = [
  ["wrong-digest", secret("mistyped"), /fail authentication/],
  ["missing-digest", undefined, /carry no Message Digest/],
] as const;
const tunnels = [
  ["any address and no name", { from: [] }],
  ["any address and a name", { from: [], peerHostName: "peer" }],
  ["a prefix", { from: ["192.0.2.0/24"] }],
  ["a configured address", { role: "responder" }],
] as const;

test.each(
  failures.flatMap(([reason, protection, why]) =>
    tunnels.map(([what, settings]) => [reason, what, settings, protection, why] as const),
  ),
)(
  "%s at a tunnel of %s is told of the tunnel only where its address says so",
  (reason, _what, settings, protection, why) => {
    const bench = new Bench({ ...settings, authentication: digestAuthentication("secret") });
    bench.open(lan);
    const peer = new ScriptedPeer(bench, 9, protection);
    peer.say("SCCRQ", peer.openingAvps);
    const [connection] = bench.lcce.snapshot(bench.nowMs).connections;
    const { unknownPeers } = bench.lcce.snapshot(bench.nowMs);
    expect(bench.discards).toEqual({ [reason]: 1 });
    if ("from" in settings) {
      expect(connection?.whyNot).toBe("waiting for the peer to connect");
      const { hostName } = peer.openingAvps;
      expect(unknownPeers).toMatchObject([{ hostName, address: "192.0.2.2", reason, peer: "peer" }]);
    } else {
      expect(connection?.whyNot).toMatch(why);
      expect(unknownPeers).toEqual([]);
    }
  },
);

test("what a tunnel is for is no stranger's", () => {
  const { bench, known } = watched();
  const peer = new ScriptedPeer(bench);
  peer.say("SCCRQ", peer.openingAvps);
  expect(bench.connectionState).toBe("wait-ctl-conn");
  expect(known()).toEqual([]);
});
