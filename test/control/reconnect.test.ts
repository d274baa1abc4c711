import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import {
  answered,
  answering,
  called,
  idsOf,
  initiated,
  opening,
  received,
  request,
} from "../support/set-up.ts";

const stopped = { resultCode: { resultCode: 1 } };

/** Pauses in ms between our attempts while the peer refuses each. */
function pauses(count: number, settings: Parameters<typeof opening>[0] = {}): readonly number[] {
  const { bench, peer } = opening(settings);
  return Array.from({ length: count }, () => {
    const refused = new ScriptedPeer(bench, 1);
    refused.lcceId = peer.lcceId;
    refused.say("StopCCN", stopped);
    const fromMs = bench.nowMs;
    bench.advance((bench.lcce.snapshot().connections[0]?.nextAttemptMs ?? 0) - fromMs);
    peer.heard();
    return bench.nowMs - fromMs;
  });
}

test("each refusal doubles the pause, up to the cap, each less a random part of up to a quarter", () => {
  const nominal = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
  const seen = pauses(8, { reconnectInitialMs: 1000, reconnectCapMs: 30_000 });
  for (const [index, pause] of nominal.entries()) {
    expect(seen[index]).toBeLessThanOrEqual(pause);
    expect(seen[index]).toBeGreaterThanOrEqual(pause * 0.75);
  }
});

test("success sets the pause back to its first value", () => {
  const { bench, peer } = opening();
  for (let round = 0; round < 4; round += 1) {
    peer.say("StopCCN", { ...stopped, assignedControlConnectionId: peer.id }, { ns: 0 });
    bench.advance(8000);
    expect(peer.heard().some(({ name }) => name === "SCCRQ")).toBe(true);
    peer.ns = 0;
    peer.nr = 1;
  }
  peer.say("SCCRP", peer.openingAvps);
  expect(peer.names()).toContain("SCCCN");
  peer.say("StopCCN", stopped);
  bench.advance(1000);
  expect(peer.names()).toContain("SCCRQ");
});

test("a responder never opens a connection by itself", () => {
  const bench = new Bench({ role: "responder" });
  bench.open(lan);
  bench.advance(3_600_000);
  expect([bench.transmissions, bench.connectionWhyNot]).toEqual([[], "waiting for the peer to connect"]);
  const { bench: other, peer } = answered();
  peer.say("StopCCN", stopped);
  peer.heard();
  other.advance(3_600_000);
  expect(peer.heard()).toEqual([]);
});

test("RFC 3931 §7.2: a new SCCRQ of a known peer opens a connection that replaces the old one", () => {
  const { bench, peer } = received();
  const newer = new ScriptedPeer(bench, 0x77);
  newer.say("SCCRQ", newer.openingAvps);
  newer.hear("SCCRP");
  expect(bench.forwarded).toHaveLength(1);
  newer.say("SCCCN");
  newer.hear("ZLB");
  expect(bench.forwarded).toEqual([]);
  newer.say("ICRQ", request());
  newer.say("ICCN", idsOf(newer.hear("ICRP").avps));
  expect(bench.forwarded).toHaveLength(1);
  bench.advance(30_000);
  expect([peer.heard(), newer.names(), bench.connectionState]).toEqual([[], ["ZLB"], "established"]);
});

test("what the peer began before the connection that came up is forgotten, too", () => {
  const { bench, peer } = answering();
  const newer = new ScriptedPeer(bench, 0x77);
  newer.say("SCCRQ", newer.openingAvps);
  newer.hear("SCCRP");
  newer.say("SCCCN");
  newer.hear("ZLB");
  bench.advance(50_000);
  expect([peer.heard(), newer.heard(), bench.connectionState]).toEqual([[], [], "established"]);
  peer.say("SCCCN");
  expect([bench.connectionState, bench.discards]).toEqual(["established", { "unknown-connection": 1 }]);
});

test.each([
  ["no tie breaker", {}],
  ["a constant tie breaker", { tieBreaker: new Uint8Array(8).fill(0xfe) }],
])(
  "a peer with one id for ever and %s that starts anew is let in beside the old connection",
  (_name, constant) => {
    const bench = new Bench({ role: "responder" });
    const peer = new ScriptedPeer(bench, 700);
    bench.open(lan);
    peer.say("SCCRQ", { ...peer.openingAvps, ...constant });
    peer.hear("SCCRP");
    peer.say("SCCRQ", { ...peer.openingAvps, ...constant }, { ns: 0, nr: 0, controlConnectionId: 0 });
    peer.hear("SCCRP");
    peer.say("SCCCN");
    peer.say("ICRQ", request());
    expect(peer.names()).toEqual(["ZLB", "ICRP"]);
    const restarted = new ScriptedPeer(bench, 700);
    restarted.say("SCCRQ", { ...restarted.openingAvps, ...constant });
    const { avps } = restarted.hear("SCCRP");
    expect(avps.assignedControlConnectionId).not.toBe(peer.lcceId);
    expect([bench.connectionState, bench.lcce.snapshot().connections[0]?.localControlConnectionId]).toEqual([
      "established",
      peer.lcceId,
    ]);
    restarted.say("SCCCN");
    restarted.say("ICRQ", request());
    restarted.say("ICCN", idsOf(restarted.heard().find(({ name }) => name === "ICRP")?.avps ?? {}));
    expect(bench.sessionState).toBe("established");
    restarted.heard();
    bench.advance(40_000);
    expect([restarted.heard(), bench.sessionState]).toEqual([[], "established"]);
  },
);

test("a repeated SCCRQ without SCCCN leaves the connection up, and its id gets no StopCCN", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench, 700);
  bench.open(lan);
  const octets = peer.say("SCCRQ", peer.openingAvps);
  peer.hear("SCCRP");
  peer.say("SCCCN");
  peer.hear("ZLB");
  peer.say("ICRQ", request());
  peer.say("ICCN", idsOf(peer.hear("ICRP").avps));
  peer.hear("ZLB");
  peer.deliver(octets);
  peer.acknowledge({ controlConnectionId: peer.heard()[0]?.avps.assignedControlConnectionId ?? 0, nr: 1 });
  bench.advance(50_000);
  expect(peer.names()).not.toContain("StopCCN");
  expect(bench.sessionState).toBe("established");
});

test.each([
  ["a tie breaker", { tieBreaker: new Uint8Array(8).fill(0xaa) }, answered],
  ["the id that its SCCRP gave", {}, () => initiated({ role: "either" })],
] as const)(
  "RFC 3931 §7.2: a restarted peer that chose the same id is told from a repeated SCCRQ by %s",
  (_name, changes, setUp) => {
    const { bench, peer } = setUp();
    const restarted = new ScriptedPeer(bench, peer.id);
    restarted.say("SCCRQ", { ...restarted.openingAvps, ...changes });
    const oldId = peer.lcceId;
    restarted.hear("SCCRP");
    expect(restarted.lcceId).not.toBe(oldId);
    restarted.say(
      "SCCRQ",
      { ...restarted.openingAvps, ...changes },
      { ns: 0, controlConnectionId: 0, nr: 0 },
    );
    restarted.hear("SCCRP");
    restarted.say("SCCCN");
    expect(restarted.names()).toEqual(["ZLB"]);
    expect(bench.connectionState).toBe("established");
    restarted.say(
      "StopCCN",
      { ...stopped, assignedControlConnectionId: peer.id },
      { controlConnectionId: 0, nr: 1 },
    );
    expect(bench.connectionState).toBe("idle");
  },
);

test("our own attempt ends when the peer's connection comes up first", () => {
  const bench = new Bench({ role: "either" });
  const half = new ScriptedPeer(bench, 5);
  bench.input({ kind: "open-connection", peer: { ...bench.settings, role: "responder" } });
  half.say("SCCRQ", half.openingAvps);
  half.hear("SCCRP");
  bench.input({ kind: "update-connection", peer: bench.settings });
  half.acknowledge();
  bench.advance(limits.establishMs);
  half.hear("StopCCN");
  half.acknowledge();
  const again = new ScriptedPeer(bench, 6);
  again.say("SCCRQ", again.openingAvps);
  again.hear("SCCRP");
  bench.advance(1000);
  const attempt = new ScriptedPeer(bench, 7);
  attempt.hear("SCCRQ");
  again.say("SCCCN");
  expect(again.names()).toContain("ZLB");
  bench.advance(30_000);
  expect([attempt.heard(), again.heard(), bench.connectionState]).toEqual([[], [], "established"]);
});

test("RFC 3931 §4.3: refused SCCRQs cost no memory at all", () => {
  const bench = new Bench({ role: "responder", peerHostName: "another" });
  bench.open();
  for (let index = 1; index <= 1000; index += 1) {
    const peer = new ScriptedPeer(bench, index);
    peer.say("SCCRQ", peer.openingAvps);
    peer.hear("StopCCN");
  }
  expect([bench.lcce.hasNoConnections, bench.lcce.deadlineMs]).toEqual([true, undefined]);
});

test("SCCRQs with a StopCCN behind each hold a few places only, for their repeated acknowledgement", () => {
  const bench = new Bench({ role: "responder" });
  bench.open();
  const stops = Array.from({ length: 200 }, (_, index) => {
    const peer = new ScriptedPeer(bench, index + 1);
    peer.say("SCCRQ", peer.openingAvps);
    peer.hear("SCCRP");
    const octets = peer.say("StopCCN", { ...stopped, assignedControlConnectionId: peer.id });
    peer.hear("ZLB");
    return { peer, octets };
  });
  for (const { peer, octets } of stops) peer.deliver(octets);
  const acknowledged = stops.filter(({ peer }) => peer.names().includes("ZLB"));
  expect(acknowledged).toEqual(stops.slice(-limits.closingConnections));
  bench.advance(limits.lingerMs);
  expect([bench.lcce.hasNoConnections, bench.lcce.deadlineMs]).toEqual([true, undefined]);
});

test("RFC 3931 §7.3.1: the initiator calls once its SCCCN is acknowledged, and not before", () => {
  const bench = new Bench({ role: "initiator" });
  const peer = new ScriptedPeer(bench);
  bench.open(lan);
  expect([bench.sessionState, bench.sessionWhyNot]).toEqual([
    "wait-control-conn",
    "the control connection is down",
  ]);
  peer.hear("SCCRQ");
  peer.say("SCCRP", peer.openingAvps);
  // Some peers lose a call that comes on the heels of the SCCCN, so it waits for the acknowledgement.
  peer.hear("SCCCN");
  bench.advance(1000);
  peer.hear("SCCCN");
  peer.acknowledge();
  peer.hear("ICRQ");
  expect(bench.sessionState).toBe("wait-reply");
});

/** Established as the responder, with two pseudowires, and free to call. */
function responding() {
  const bench = new Bench({ role: "either" });
  const peer = new ScriptedPeer(bench);
  bench.input({ kind: "open-connection", peer: { ...bench.settings, role: "responder" } });
  bench.openSession(lan);
  bench.openSession(pseudowireSettings("other"));
  peer.say("SCCRQ", peer.openingAvps);
  peer.hear("SCCRP");
  bench.input({ kind: "update-connection", peer: bench.settings });
  peer.say("SCCCN");
  peer.hear("ZLB");
  return { bench, peer };
}

test("the responder of a connection lets the initiator call first, and calls itself after a while", () => {
  const { bench, peer } = responding();
  bench.advance(limits.firstCallGraceMs - 1);
  expect([peer.heard(), bench.sessionState, bench.sessionWhyNot]).toEqual([[], "idle", "no call yet"]);
  bench.advance(1);
  expect(peer.names()).toContain("ICRQ");
});

test("the responder's patience counts from the initiator's last call: its next may be held up", () => {
  const { bench, peer } = responding();
  bench.advance(limits.firstCallGraceMs - 1);
  peer.say("ICRQ", request());
  const icrp = peer.hear("ICRP");
  peer.say("ICCN", idsOf(icrp.avps));
  bench.advance(limits.nextCallGraceMs - 1);
  expect(peer.names()).not.toContain("ICRQ");
  peer.acknowledge();
  bench.advance(1);
  expect(peer.names()).toContain("ICRQ");
});

test("new settings reach connections in every state", () => {
  const { bench } = answering();
  bench.input({
    kind: "update-connection",
    peer: { ...bench.settings, delivery: { ...bench.settings.delivery, limit: 1 } },
  });
  bench.advance(3000);
  expect(bench.connectionWhyNot).toBe("the peer does not answer");
  bench.input({ kind: "update-connection", peer: { ...bench.settings, name: "nobody" } });
});

test("pauses between calls double as well, and start anew after success", () => {
  const { bench, peer } = initiated();
  bench.openSession(lan);
  const waits: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const icrq = peer.hear("ICRQ");
    peer.say("CDN", { resultCode: { resultCode: 4 }, ...idsOf(icrq.avps) });
    peer.heard();
    const fromMs = bench.nowMs;
    bench.advance((bench.lcce.snapshot().pseudowires[0]?.nextCallMs ?? 0) - fromMs);
    waits.push(bench.nowMs - fromMs);
  }
  for (const [index, nominal] of [1000, 2000, 4000, 8000, 16_000].entries()) {
    expect(waits[index]).toBeLessThanOrEqual(nominal);
    expect(waits[index]).toBeGreaterThanOrEqual(nominal * 0.75);
  }
});

test("a session that comes back after success is called for after the first pause", () => {
  const { bench, peer, ids } = called();
  peer.say("CDN", { resultCode: { resultCode: 1 }, ...ids });
  peer.heard();
  bench.advance(1000);
  peer.hear("ICRQ");
});
