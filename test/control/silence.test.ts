import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import {
  agreedSessions,
  digestAuthentication,
  type Path,
  pathBetween,
  peerSettings,
  perfect,
  pseudowireSettings,
  World,
} from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { forEachSeed } from "../support/seeds.ts";
import { initiated } from "../support/set-up.ts";

/** What a tunnel has without any key of its file. */
const defaults = {
  helloIntervalMs: 5000,
  delivery: { initialMs: 1000, capMs: 8000, limit: 10, silenceMs: 24_000, receiveWindowSize: 8 },
};

/** Two LCCEs with a session between them. */
function pair(seed: number) {
  const world = new World(seed);
  const [left, right] = [world.add("left", "192.0.2.1"), world.add("right", "192.0.2.2")];
  for (const [node, remote] of [
    [left, right.address],
    [right, left.address],
  ] as const) {
    const peer = peerSettings("peer", pathBetween(node.address, remote), defaults);
    world.input(node, { kind: "open-connection", peer });
    const pseudowire = pseudowireSettings("lan");
    world.input(node, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
  }
  const isUp = () => left.forwarding.size === 1 && agreedSessions(left, right).length === 1;
  expect(world.runUntil(isUp, 60_000)).toBe(true);
  return { world, left, right };
}

test("with the defaults a dead peer is detected within 30 s, after any idle time", () => {
  forEachSeed(100, (seed) => {
    const { world, left, right } = pair(seed);
    world.run((seed % 100) * 777);
    right.alive = false;
    expect(world.runUntil(() => left.forwarding.size === 0, 30_000)).toBe(true);
  });
});

test("ten minutes of 30 % loss in both directions end at most 2 of 100 idle tunnels, as by the RFC", () => {
  const lossy: Path = { ...perfect, loss: 0.3, delayMs: 50 };
  let lost = 0;
  for (let seed = 0; seed < 100; seed += 1) {
    const { world, left, right } = pair(seed);
    world.run(1000);
    world.path = lossy;
    const before = [...left.forwarding.keys()];
    const hasChanged = () => right.forwarding.size === 0 || !left.forwarding.has(before[0] ?? 0);
    if (world.runUntil(hasChanged, 600_000)) lost += 1;
  }
  expect(lost).toBeLessThanOrEqual(2);
});

test("data that comes is a sign of life: then retransmissions alone decide", () => {
  const { bench, peer } = initiated(defaults);
  bench.openSession(lan);
  peer.heard();
  for (let second = 0; second < 60; second += 1) {
    const localSessionId = bench.lcce.snapshot().pseudowires[0]?.session?.localSessionId ?? 0;
    bench.input({ kind: "data-received", localSessionId });
    bench.advance(1000);
  }
  expect(bench.connectionState).toBe("established");
  bench.advance(11_000);
  expect(bench.connectionState).not.toBe("established");
});

/**
 * A connection that has been quiet for four seconds, and a function to receive a message that is for none of
 * ours.
 */
function quiet(changes: Parameters<typeof initiated>[0] = {}, protection?: Parameters<typeof initiated>[1]) {
  const { bench, peer } = initiated({ ...defaults, ...changes }, protection);
  bench.advance(4000);
  return { bench, peer, stray: () => peer.acknowledge({ controlConnectionId: 0, ns: 0, nr: 0 }) };
}

test("a message for an unknown connection: one HELLO is sent at once, with a shorter wait", () => {
  const { bench, peer, stray } = quiet();
  stray();
  peer.hear("HELLO");
  stray();
  expect(peer.heard()).toEqual([]);
  bench.advance(limits.probeAnswerMs - 1);
  expect(bench.connectionState).toBe("established");
  bench.advance(1);
  expect([bench.connectionState, bench.connectionWhyNot]).toEqual(["idle", "the peer does not answer"]);
});

test("such messages if forged cause one HELLO in 30 s, and nothing else if the peer answers", () => {
  const { bench, peer, stray } = quiet({ helloIntervalMs: 0 });
  let hellos = 0;
  for (let round = 0; round < 120; round += 1) {
    stray();
    if (peer.names().includes("HELLO")) hellos += 1;
    peer.acknowledge();
    bench.advance(1000);
    stray();
    bench.advance(1500);
  }
  expect(bench.connectionState).toBe("established");
  expect(hellos).toBeLessThanOrEqual(300 / 30 + 1);
});

test("where messages are authenticated, one without a digest asks for nothing", () => {
  const secrets = [new TextEncoder().encode("secret")];
  const protection = { digestType: "hmac-sha1", secrets, nonce: new Uint8Array(16).fill(3) } as const;
  const { peer, stray } = quiet({ authentication: digestAuthentication("secret") }, protection);
  stray();
  expect(peer.heard()).toEqual([]);
});
