import { expect, test } from "vitest";
import type { PeerSettings, PseudowireSettings } from "../../src/control/settings.ts";
import { decodeControlMessage } from "../../src/wire/message.ts";
import { scaled } from "../support/effort.ts";
import { forEachSeed } from "../support/seeds.ts";
import {
  agreedSessions,
  digestAuthentication,
  type Node,
  type Path,
  pathBetween,
  peerSettings,
  perfect,
  pseudowireSettings,
  World,
} from "./world.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";

interface Pair {
  readonly world: World;
  readonly left: Node;
  readonly right: Node;
}

function openBoth(
  pair: Pair,
  changes: Partial<PeerSettings> = {},
  pseudowires: readonly PseudowireSettings[] = [pseudowireSettings("lan")],
): void {
  openOne(pair, pair.left, B, changes, pseudowires);
  openOne(pair, pair.right, A, changes, pseudowires);
}

function openOne(
  { world }: Pair,
  node: Node,
  remote: string,
  changes: Partial<PeerSettings> = {},
  pseudowires: readonly PseudowireSettings[] = [pseudowireSettings("lan")],
): void {
  const path = pathBetween(node.address, remote, changes.path?.encapsulation);
  world.input(node, { kind: "open-connection", peer: { ...peerSettings("peer", path), ...changes, path } });
  for (const pseudowire of pseudowires) {
    world.input(node, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
  }
}

function pair(seed: number, path: Path = perfect): Pair {
  const world = new World(seed, path);
  return { world, left: world.add("left", A), right: world.add("right", B) };
}

function isUp({ left, right }: Pair, sessions = 1): boolean {
  return (
    left.forwarding.size === sessions &&
    right.forwarding.size === sessions &&
    agreedSessions(left, right).length === sessions
  );
}

function namesOf(node: Node): readonly string[] {
  return node.sent.map(({ octets }) => {
    const decoded = decodeControlMessage(octets);
    return decoded.kind === "message" ? decoded.message.name : decoded.kind;
  });
}

test("RFC 3931 §7: an initiator and a responder come up with the messages of the RFC", () => {
  const both = pair(1);
  openOne(both, both.right, A, { role: "responder" });
  openOne(both, both.left, B, { role: "initiator" });
  expect(both.world.runUntil(() => isUp(both), 10_000)).toBe(true);
  both.world.run(1000);
  expect(namesOf(both.left)).toEqual(["SCCRQ", "SCCCN", "ICRQ", "ICCN"]);
  expect(namesOf(both.right)).toEqual(["SCCRP", "zlb", "ICRP", "zlb"]);
});

test("RFC 3931 §6.15: with authentication on, acknowledgements are ACK messages with a digest", () => {
  const both = pair(2);
  const authentication = digestAuthentication("secret");
  openOne(both, both.right, A, { role: "responder", authentication });
  openOne(both, both.left, B, { role: "initiator", authentication });
  expect(both.world.runUntil(() => isUp(both), 10_000)).toBe(true);
  both.world.run(1000);
  expect(namesOf(both.right)).toEqual(["SCCRP", "ACK", "ICRP", "ACK"]);
});

test("both ends run the same file and open at once: tie breakers decide, and one session is left", () => {
  forEachSeed(200, (seed) => {
    const both = pair(seed);
    openBoth(both);
    expect(both.world.runUntil(() => isUp(both), 60_000)).toBe(true);
    both.world.run(120_000);
    expect(isUp(both), "later").toBe(true);
  });
});

const terrible: Path = { loss: 0.25, duplicate: 0.2, corrupt: 0.1, delayMs: 3000 };

test("loss, duplication, reordering and corruption: up with digests, and equal at both ends", () => {
  forEachSeed(1_200, (seed) => {
    const both = pair(seed, terrible);
    const authentication = { ...digestAuthentication("secret"), hideAvps: seed % 3 === 0 };
    openBoth(both, { authentication }, [
      pseudowireSettings("one"),
      pseudowireSettings("two", {
        type: "ethernet-vlan",
        cookieOctets: 4,
        sublayer: "default",
        sequencing: "all",
      }),
      pseudowireSettings("three", { cookieOctets: 0, sublayer: "default" }),
    ]);
    expect(both.world.runUntil(() => isUp(both, 3), 3_600_000)).toBe(true);
    both.world.path = perfect;
    both.world.run(600_000);
    expect(isUp(both, 3), "after healing").toBe(true);
  });
});

test("without digests, on a path that loses and reorders but does not corrupt, all come up", () => {
  forEachSeed(300, (seed) => {
    const both = pair(seed, { ...terrible, corrupt: 0 });
    openBoth(both);
    expect(both.world.runUntil(() => isUp(both), 3_600_000)).toBe(true);
    both.world.path = perfect;
    both.world.run(600_000);
    expect(isUp(both), "after healing").toBe(true);
  });
});

test("a peer that was killed and started again is back in a second", () => {
  forEachSeed(50, (seed) => {
    const both = pair(seed);
    const authentication = digestAuthentication("secret");
    openBoth(both, { authentication });
    expect(both.world.runUntil(() => isUp(both), 60_000)).toBe(true);
    both.world.run((seed % 50) * 1000);
    const before = [...both.right.forwarding.keys()];
    both.world.restart(both.left);
    openOne(both, both.left, B, { authentication });
    expect(both.world.runUntil(() => isUp(both), 1000)).toBe(true);
    expect([...both.right.forwarding.keys()]).not.toEqual(before);
    both.world.run(300_000);
    expect(isUp(both), "later").toBe(true);
  });
});

test("RFC 3931 §4.2, §4.4: a silent peer is given up after HELLO, and comes back with the path", () => {
  const both = pair(7);
  openBoth(both);
  expect(both.world.runUntil(() => isUp(both), 60_000)).toBe(true);
  both.world.path = { ...perfect, loss: 1 };
  expect(
    both.world.runUntil(() => both.left.forwarding.size === 0 && both.right.forwarding.size === 0, 140_000),
  ).toBe(true);
  expect(both.world.nowMs).toBeGreaterThan(54_000 + 71_000);
  both.world.path = perfect;
  expect(both.world.runUntil(() => isUp(both), 140_000)).toBe(true);
});

test("RFC 3931 §4.4: data from the peer keeps HELLO away", () => {
  const both = pair(8);
  openBoth(both);
  both.world.runUntil(() => isUp(both), 60_000);
  both.world.run(1000);
  const hellos = () => [both.left, both.right].flatMap(namesOf).filter((name) => name === "HELLO").length;
  const hellosBefore = hellos();
  for (let minute = 0; minute < 30; minute += 1) {
    both.world.run(20_000);
    for (const node of [both.left, both.right]) {
      const [localSessionId] = node.forwarding.keys();
      if (localSessionId !== undefined) both.world.input(node, { kind: "data-received", localSessionId });
    }
  }
  expect(hellos()).toBe(hellosBefore);
  both.world.run(120_000);
  expect(hellos()).toBeGreaterThan(hellosBefore);
});

test("a day of protocol time passes without an event but HELLOs, and no session id changes", () => {
  const both = pair(9);
  openBoth(both, { authentication: digestAuthentication("secret") });
  both.world.runUntil(() => isUp(both), 60_000);
  const before = [...both.left.forwarding.keys()];
  both.world.run(24 * 3600 * 1000);
  expect([...both.left.forwarding.keys()]).toEqual(before);
  expect(new Set([both.left, both.right].flatMap((node) => namesOf(node).slice(-200)))).toEqual(
    new Set(["HELLO", "ACK"]),
  );
});

test("RFC 3931 §7.2: an administrative close sends CDN and StopCCN, and both ends have no state", () => {
  const both = pair(10);
  openBoth(both);
  both.world.runUntil(() => isUp(both), 60_000);
  both.world.run(1000);
  both.left.sent.length = 0;
  both.world.input(both.left, { kind: "close-connection", peer: "peer", resultCode: 6 });
  both.world.run(500);
  expect(namesOf(both.left).filter((name) => name !== "zlb")).toEqual(["CDN", "StopCCN"]);
  expect(both.left.forwarding.size + both.right.forwarding.size).toBe(0);
  expect(both.left.lcce.hasNoConnections).toBe(true);
  expect(both.right.lcce.snapshot().connections[0]?.whyNot).toContain("goes out of service");
});

test("RFC 4719 §2.3.2: a circuit that goes down is told by SLI, and data stops until it is back", () => {
  const both = pair(11);
  openBoth(both);
  both.world.runUntil(() => isUp(both), 60_000);
  both.world.input(both.left, { kind: "circuit-status", pseudowire: "lan", active: false });
  both.world.run(1000);
  expect([...both.right.forwarding.values()].map((session) => session.transmitAllowed)).toEqual([false]);
  both.world.input(both.left, { kind: "circuit-status", pseudowire: "lan", active: true });
  both.world.run(1000);
  expect([...both.right.forwarding.values()].map((session) => session.transmitAllowed)).toEqual([true]);
});

test("RFC 3931 §4.3: different secrets, or a secret at one end only, never come up and say why", () => {
  const wrong = pair(12);
  openOne(wrong, wrong.left, B, { authentication: digestAuthentication("one") });
  openOne(wrong, wrong.right, A, { authentication: digestAuthentication("two") });
  wrong.world.run(600_000);
  expect(wrong.left.forwarding.size + wrong.right.forwarding.size).toBe(0);
  expect(wrong.left.lcce.snapshot().discards["wrong-digest"]).toBeGreaterThan(0);
  expect(wrong.left.lcce.snapshot().connections[0]?.whyNot).toContain("same secret");

  const oneSided = pair(13);
  openOne(oneSided, oneSided.left, B, { authentication: digestAuthentication("one") });
  openOne(oneSided, oneSided.right, A);
  oneSided.world.run(600_000);
  expect(oneSided.left.forwarding.size + oneSided.right.forwarding.size).toBe(0);
  expect(oneSided.right.lcce.snapshot().connections[0]?.whyNot).toMatch(/no secret is configured here/);
  expect(oneSided.left.lcce.snapshot().connections[0]?.whyNot).toMatch(
    /authentication is required here|is a secret configured/,
  );
});

test("RFC 3931 §5.4.1: a secret is changed without downtime by two secrets at one end", () => {
  const both = pair(14);
  openOne(both, both.left, B, { authentication: digestAuthentication("new", "old") });
  openOne(both, both.right, A, { authentication: digestAuthentication("old") });
  expect(both.world.runUntil(() => isUp(both), 60_000)).toBe(true);
});

test("RFC 3931 §5.4.4: pseudowire types that differ are refused by CDN 14 and shown", () => {
  const both = pair(15);
  openOne(both, both.left, B, {}, [pseudowireSettings("lan", { type: "ethernet" })]);
  openOne(both, both.right, A, {}, [pseudowireSettings("lan", { type: "ethernet-vlan" })]);
  both.world.run(60_000);
  expect(both.left.forwarding.size).toBe(0);
  expect(both.left.lcce.snapshot().pseudowires[0]?.whyNot).toMatch(/type/);
});

test("a pseudowire of only one end is refused and retried, and comes up once the other end has it", () => {
  const both = pair(16);
  openOne(both, both.left, B);
  openOne(both, both.right, A, {}, []);
  both.world.run(30_000);
  expect(both.left.lcce.snapshot().pseudowires[0]?.whyNot).toContain("no such pseudowire");
  both.world.input(both.right, {
    kind: "open-session",
    peer: "peer",
    pseudowire: pseudowireSettings("lan"),
    circuitActive: true,
  });
  expect(both.world.runUntil(() => isUp(both), 70_000)).toBe(true);
});

test("a plane that cannot carry a session ends it by CDN 4, and it is tried again", () => {
  const both = pair(17);
  openBoth(both);
  both.world.runUntil(() => isUp(both), 60_000);
  const [localSessionId = 0] = both.left.forwarding.keys();
  both.world.input(both.left, { kind: "forwarding-failed", localSessionId, problem: "no memory" });
  both.world.run(100);
  expect(both.right.lcce.snapshot().pseudowires[0]?.whyNot).toContain("no facilities");
  expect(both.world.runUntil(() => isUp(both), 10_000)).toBe(true);
});

test("random and mutated datagrams change nothing, with and without digests", () => {
  for (const authentication of [
    peerSettings("p", pathBetween(A, B)).authentication,
    digestAuthentication("secret"),
  ]) {
    const both = pair(18);
    openBoth(both, { authentication });
    both.world.runUntil(() => isUp(both), 60_000);
    both.world.run(3000);
    const before = [...both.left.forwarding.keys()];
    const { random } = both.world;
    for (let count = scaled(50_000); count > 0; count -= 1) {
      const octets = random.octets(Math.floor(random.next() * 60));
      if (octets.length > 2 && random.next() < 0.8) octets.set([0xc8, 3]);
      const path = pathBetween(A, random.next() < 0.5 ? B : "198.51.100.7");
      both.world.input(both.left, { kind: "datagram", path, octets });
    }
    both.world.run(300_000);
    expect([...both.left.forwarding.keys()]).toEqual(before);
    expect(isUp(both)).toBe(true);
  }
});

test("tunnels closed and opened again at any moment, on a lossy path, come up once it heals", () => {
  forEachSeed(200, (seed) => {
    const both = pair(seed, terrible);
    const authentication = { ...digestAuthentication("secret"), hideAvps: seed % 2 === 0 };
    openBoth(both, { authentication });
    for (let round = 0; round < 6; round += 1) {
      both.world.run(Math.floor(both.world.random.next() * 20_000));
      const [node, remote] = both.world.random.next() < 0.5 ? [both.left, B] : [both.right, A];
      both.world.input(node, { kind: "close-connection", peer: "peer", resultCode: 1 });
      openOne(both, node, remote, { authentication });
    }
    both.world.path = perfect;
    const isSettled = both.world.runUntil(() => isUp(both), 200_000);
    expect(isSettled).toBe(true);
    both.world.run(300_000);
    expect(isUp(both), "later").toBe(true);
  });
});
