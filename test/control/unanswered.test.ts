import { expect, test } from "vitest";
import { digestAuthentication, peerSettings } from "../simulation/world.ts";
import { Bench, peerPath } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { initiated } from "../support/set-up.ts";

/** A peer with another secret or name is silent: whoever calls is told of that as a possible cause. */

const digest = digestAuthentication("secret");
const integrity = { ...digest, mode: "integrity" as const, secrets: [] };
const { authentication: none } = peerSettings("peer", peerPath);
const overIp = { ...peerPath, encapsulation: "ip" as const, localPort: 0, remotePort: 0 };

test.each([
  ["digest", { authentication: digest }, "UDP port 1701", "has another secret"],
  ["integrity", { authentication: integrity }, "UDP port 1701", "asks for a secret"],
  ["none", { authentication: none }, "UDP port 1701", "asks for a secret"],
  ["none, over IP", { authentication: none, path: overIp }, "IP protocol 115", "asks for a secret"],
])("authentication %s: after some seconds without any answer", (_what, settings, over, secret) => {
  const bench = new Bench({ role: "either", ...settings });
  bench.open();
  bench.advance(6000);
  expect(bench.connectionWhyNot).toBe("the peer has not answered yet");
  const told =
    `the peer does not answer: nothing came from 192.0.2.2, ${over}. Is the address right, does L2TPv3 ` +
    `run there, and does no firewall drop it? A peer that ${secret}, or has no tunnel for Host ` +
    'Name "wirespan", is silent too: its log and status say so';
  bench.advance(2000);
  expect([bench.connectionState, bench.connectionWhyNot]).toEqual(["wait-ctl-reply", told]);
  bench.advance(64_000);
  expect(bench.connectionState).toBe("idle");
  expect(bench.connectionWhyNot?.startsWith(`${told}; silent for a while`)).toBe(true);
  expect(bench.events).toContainEqual(expect.objectContaining({ cause: "lost", detail: told }));
  // The next attempts are not answered either.
  bench.advance(600_000);
  expect(bench.connectionWhyNot).toBe(told);
});

test("not where the peer acknowledges, or was there and is silent now", () => {
  const bench = new Bench({ role: "either" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.heard();
  peer.acknowledge();
  bench.advance(100_000);
  expect(bench.connectionWhyNot).toBe("the peer acknowledged but did not answer");
  const up = initiated({ role: "either" });
  up.bench.advance(60_000 + 71_000);
  expect(up.bench.connectionWhyNot).toBe("the peer does not answer");
});
