import { describe, expect, test } from "vitest";
import type { PeerSettings } from "../../src/control/settings.ts";
import { scaled } from "../support/effort.ts";
import { forEachSeed } from "../support/seeds.ts";
import { NatWorld } from "./nat-world.ts";
import { digestAuthentication, pathBetween, peerSettings } from "./world.ts";

/** As the configuration has them by default. */
const defaults: Partial<PeerSettings> = {
  authentication: digestAuthentication("secret"),
  helloIntervalMs: 5000,
  delivery: { initialMs: 1000, capMs: 8000, limit: 10, silenceMs: 24_000, receiveWindowSize: 8 },
};

function up(seed: number, changes = defaults, encapsulation: "udp" | "ip" = "udp"): NatWorld {
  const world = new NatWorld(seed, changes, encapsulation);
  expect(world.runUntil(() => world.isUp && world.isRight, 30_000)).toBe(true);
  world.run(1000);
  return world;
}

/** Anything heard so far again, from addresses and ports by chance, mostly after a hint from there. */
function replay(world: NatWorld, times: number): void {
  const below = (limit: number) => Math.floor(world.random.next() * limit);
  for (let time = 0; time < times; time += 1) {
    const recent = below(2) * Math.max(0, world.heard.length - 10);
    const recording = world.heard[recent + below(world.heard.length - recent)];
    if (recording === undefined) continue;
    const remoteAddress = below(2) === 0 ? recording.path.remoteAddress : `198.51.100.${1 + below(250)}`;
    const path = { ...recording.path, remoteAddress, remotePort: 1024 + below(60_000) };
    if (recording.to === "hub" && below(3) > 0) world.hint(path);
    for (let copy = below(3); copy >= 0; copy -= 1) world.forge(recording.to, path, recording.octets);
  }
}

test("the hub follows a NAT's changes, with loss, and with an attacker who replays all", () => {
  let anew = 0;
  forEachSeed(60, (seed) => {
    const world = up(seed);
    const isAttacked = seed % 4 > 0;
    world.loss = seed % 3 === 0 ? 0 : 0.05;
    world.hasTraffic = seed % 2 === 0;
    for (let change = 0; change < 6; change += 1) {
      const address = world.random.next() < 0.5 ? "192.0.2.2" : `203.0.113.${1 + change}`;
      world.sites.branch.seen = { address, port: 20_000 + change };
      // Hints of an attacker may take the place of those of the branch; then it has to connect anew.
      for (let moment = 0; moment < 20 || (moment < 120 && !world.isRight); moment += 1) {
        if (isAttacked) replay(world, 3);
        world.run(500);
      }
      expect([world.isRight, world.violations], `TEST_SEED=${seed}`).toEqual([true, []]);
    }
    anew += world.sites.hub.connections - 1;
    if (!isAttacked) expect(world.sites.hub.connections, `TEST_SEED=${seed}`).toBe(1);
  });
  // Of six changes for each seed.
  expect(anew).toBeLessThan(scaled(60) * 6 * 0.05);
});

test("with data the hub follows within a quarter of a second, without within a HELLO interval", () => {
  for (const [hasTraffic, mostMs] of [
    [true, 250],
    [false, 5100],
  ] as const) {
    const world = up(1);
    world.hasTraffic = hasTraffic;
    world.run(20_000);
    world.sites.branch.seen = { address: "203.0.113.9", port: 30_000 };
    const fromMs = world.nowMs;
    expect(world.runUntil(() => world.isRight, 30_000)).toBe(true);
    expect(world.nowMs - fromMs).toBeLessThanOrEqual(mostMs);
  }
});

test("an attacker who hears and replays everything moves no path, and gets one HELLO in 5 s at most", () => {
  forEachSeed(20, (seed) => {
    const world = up(seed);
    const sentBefore = world.sites.hub.lcce.snapshot().connections[0]?.sent ?? 0;
    for (let moment = 0; moment < 240; moment += 1) {
      replay(world, 10);
      world.run(250);
    }
    const { hub, branch } = world.sites;
    expect(world.violations, `TEST_SEED=${seed}`).toEqual([]);
    expect([hub, branch].map(({ lcce }) => lcce.snapshot().connections[0]?.pathHistory?.moves)).toEqual([
      0, 0,
    ]);
    expect([hub.connections, branch.connections, world.isRight]).toEqual([1, 1, true]);
    // Of a minute: HELLOs of its own, those for hints with a copy each, and acknowledgements.
    const sent = (hub.lcce.snapshot().connections[0]?.sent ?? 0) - sentBefore;
    expect(hub.events.filter((event) => event.startsWith("refuted")).length).toBeLessThanOrEqual(13);
    expect(sent).toBeLessThan(2500);
  });
});

test("an address that flaps costs no connection, and is followed once it stays", () => {
  const world = up(3);
  world.hasTraffic = true;
  for (let flap = 0; flap < 300; flap += 1) {
    world.sites.branch.seen = { address: `203.0.113.${1 + (flap % 2)}`, port: 1701 };
    world.run(300);
  }
  expect(world.runUntil(() => world.isRight, 70_000)).toBe(true);
  expect([world.sites.hub.connections, world.violations]).toEqual([1, []]);
});

test("both ends change their addresses, one after the other, and each tells at once", () => {
  const world = up(4);
  const { hub, branch } = world.sites;
  for (let turn = 1; turn <= 5; turn += 1) {
    for (const name of ["branch", "hub"] as const) {
      const site = world.sites[name];
      const other = name === "hub" ? branch : hub;
      const localAddress = `198.18.${name === "hub" ? 1 : 2}.${turn}`;
      site.seen = { address: localAddress, port: 1701 };
      const path = { ...pathBetween(localAddress, name === "hub" ? "192.0.2.2" : "192.0.2.1") };
      world.input(name, { kind: "change-path", peer: "peer", path });
      const fromMs = world.nowMs;
      expect(world.runUntil(() => world.isRight, 10_000)).toBe(true);
      expect(world.nowMs - fromMs).toBeLessThanOrEqual(100);
      expect(other.session?.path.remoteAddress).toBe(localAddress);
      world.run(7000);
    }
  }
  expect([hub.connections, branch.connections, world.violations]).toEqual([1, 1, []]);
});

describe("by default a path that dies is noticed within 30 s", () => {
  const none = peerSettings("peer", pathBetween("192.0.2.1", "192.0.2.2")).authentication;
  const kinds = (["udp", "ip"] as const).flatMap((encapsulation) =>
    (["digest", "integrity", "none"] as const).flatMap((mode) =>
      (["idle", "after traffic", "with a change of a circuit"] as const).map(
        (when) => [encapsulation, mode, when] as const,
      ),
    ),
  );

  test.each(kinds)("over %s, authentication %s, %s", (encapsulation, mode, when) => {
    const authentication = { ...(mode === "digest" ? digestAuthentication("secret") : none), mode };
    const world = up(5, { ...defaults, authentication }, encapsulation);
    world.hasTraffic = when === "after traffic";
    world.run(60_000);
    world.hasTraffic = false;
    world.loss = 1;
    if (when === "with a change of a circuit")
      world.input("hub", { kind: "circuit-status", pseudowire: "lan", active: false });
    const fromMs = world.nowMs;
    expect(world.runUntil(() => world.sites.hub.session === undefined, 60_000)).toBe(true);
    expect(world.nowMs - fromMs).toBeLessThanOrEqual(30_000);
  });
});
