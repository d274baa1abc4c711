import { describe, expect, test } from "vitest";
import { limits, type PeerSettings } from "../../src/control/settings.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { digestAuthentication, pathBetween } from "../simulation/world.ts";
import { lan, peerPath } from "../support/bench.ts";
import { circuitStatus, type Protection } from "../support/scripted-peer.ts";
import { answered, answering, idsOf, initiated } from "../support/set-up.ts";

const protection: Protection = {
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode("secret")],
  nonce: new Uint8Array(16).fill(3),
};
const authentication = digestAuthentication("secret");
const otherPort = { ...peerPath, remotePort: 40_000 };
const otherAddress = { ...peerPath, remoteAddress: "198.51.100.7", remotePort: 33_333 };
const third = { ...otherAddress, remoteAddress: "198.51.100.8" };

/** A connection with digests and a session that forwards, over `path`. */
function forwarding(changes: Partial<PeerSettings> = {}) {
  const { bench, peer } = initiated({ authentication, ...changes }, protection);
  bench.openSession(lan);
  const icrq = peer.hear("ICRQ");
  peer.say("ICRP", { ...idsOf(icrq.avps), circuitStatus: circuitStatus(true) });
  peer.hear("ICCN");
  peer.acknowledge();
  const localSessionId = icrq.avps.localSessionId ?? 0;
  const paths = () => peer.heard().map(({ name, path }) => `${name} ${path.remoteAddress}`);
  const pathEvents = () =>
    bench.events.flatMap((event) =>
      event.event === "path" ? [`${event.change} ${event.path.remoteAddress}`] : [],
    );
  return { bench, peer, localSessionId, paths, pathEvents };
}

function pathInUse({ bench }: { bench: ReturnType<typeof forwarding>["bench"] }): PsnPath | undefined {
  return bench.lcce.snapshot().connections[0]?.path;
}

describe("a peer that is elsewhere is followed", () => {
  test.each([
    ["another port", otherPort],
    ["another address", otherAddress],
  ])("to %s within one round trip, with its sessions, and everything else stays", (_name, path) => {
    const { bench, peer, pathEvents } = forwarding();
    const [before] = bench.forwarded;
    peer.say("HELLO", {}, { path });
    const hellos = peer.heard();
    expect(hellos.map(({ name, ns }) => [name, ns])).toEqual([
      ["HELLO", hellos[0]?.ns],
      ["HELLO", hellos[0]?.ns],
    ]);
    expect(hellos.map((hello) => hello.path)).toEqual([peerPath, path]);
    expect(hellos.every((hello) => peer.verifies(hello))).toBe(true);
    expect([bench.forwarded, pathInUse({ bench })]).toEqual([[before], peerPath]);
    peer.acknowledge({ path });
    expect(pathInUse({ bench })).toEqual(path);
    expect(bench.forwarded).toEqual([{ ...before, path }]);
    expect(bench.plane.at(-1)?.kind).toBe("forwarding-update");
    expect(pathEvents()).toEqual([`moved ${path.remoteAddress}`]);
    const { pathHistory } = bench.lcce.snapshot().connections[0] ?? {};
    expect(pathHistory).toEqual({ sinceMs: bench.nowMs, moves: 1, former: peerPath });
    peer.say("HELLO", {}, { path });
    expect(peer.hear("ACK").path).toEqual(path);
  });

  test("over IP, where `roaming: control` says so", () => {
    const path = pathBetween("192.0.2.1", "192.0.2.2", "ip");
    const away = { ...path, remoteAddress: "198.51.100.7" };
    const { bench, peer } = forwarding({ path });
    peer.say("HELLO", {}, { path: away });
    peer.heard();
    peer.acknowledge({ path: away });
    expect(bench.forwarded[0]?.path).toEqual(away);
  });

  test("after a hint, such as a data message with a right cookie", () => {
    const { bench, peer, localSessionId, paths } = forwarding();
    bench.input({ kind: "data-elsewhere", localSessionId, path: otherAddress, octets: 64 });
    expect(paths()).toEqual(["HELLO 192.0.2.2", "HELLO 198.51.100.7"]);
    peer.acknowledge({ path: otherAddress });
    expect(bench.forwarded[0]?.path).toEqual(otherAddress);
  });

  test("while a message of ours waits for its acknowledgement by the path that died", () => {
    const { bench, peer, paths } = forwarding();
    bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
    const sli = peer.hear("SLI");
    bench.advance(16_000);
    peer.heard();
    peer.say(
      "SLI",
      { ...idsOf({}), circuitStatus: circuitStatus(false) },
      { path: otherAddress, nr: sli.ns },
    );
    expect(paths()).toEqual(["SLI 192.0.2.2", "SLI 198.51.100.7"]);
    peer.acknowledge({ path: otherAddress });
    expect(bench.forwarded[0]?.path).toEqual(otherAddress);
  });

  test("when it says again what we had received but whose acknowledgement the dead path lost", () => {
    const { bench, peer, paths } = forwarding({ helloIntervalMs: 5000 });
    peer.say("HELLO");
    peer.heard();
    const repeat = () =>
      peer.deliver(
        peer.compose("HELLO", {}, { ns: (peer.ns - 1) & 0xffff, nr: hello?.ns ?? 0 }),
        otherAddress,
      );
    bench.advance(5000);
    const [hello] = peer.heard();
    // Our HELLO waits for its acknowledgement, and may only be slow.
    repeat();
    expect(paths()).toEqual([]);
    bench.advance(1000);
    peer.heard();
    repeat();
    expect(paths()).toEqual(["HELLO 192.0.2.2", "HELLO 198.51.100.7"]);
    peer.acknowledge({ path: otherAddress });
    expect(bench.forwarded[0]?.path).toEqual(otherAddress);
  });

  test("and back", () => {
    const { bench, peer } = forwarding();
    for (const path of [otherAddress, peerPath, third]) {
      bench.advance(1000);
      peer.say("HELLO", {}, { path });
      peer.heard();
      peer.acknowledge({ path });
      expect(bench.forwarded[0]?.path).toEqual(path);
    }
  });

  test("the newest path wins", () => {
    const { bench, peer } = forwarding();
    peer.say("HELLO", {}, { path: otherAddress });
    peer.heard();
    peer.say("HELLO", {}, { path: third });
    peer.heard();
    peer.acknowledge({ path: otherAddress });
    expect(bench.forwarded[0]?.path).toEqual(peerPath);
    peer.acknowledge({ path: third });
    expect(bench.forwarded[0]?.path).toEqual(third);
  });
});

describe("a path is not followed", () => {
  test("when the path in use is acknowledged first", () => {
    const { bench, peer, pathEvents } = forwarding();
    peer.say("HELLO", {}, { path: otherAddress });
    peer.heard();
    peer.acknowledge();
    peer.acknowledge({ path: otherAddress });
    expect([bench.forwarded[0]?.path, pathEvents()]).toEqual([peerPath, ["refuted 198.51.100.7"]]);
  });

  test("by an acknowledgement of what was sent before it was tried", () => {
    const { bench, peer } = forwarding();
    const early = peer.compose("ACK");
    peer.say("HELLO", {}, { path: otherAddress });
    peer.deliver(early, otherAddress);
    expect(bench.forwarded[0]?.path).toEqual(peerPath);
  });

  test.each(["other address", "other port"])(
    "by recordings from an %s, which are not even acknowledged there",
    (kind) => {
      const path = kind === "other port" ? otherPort : otherAddress;
      const { bench, peer, pathEvents } = forwarding();
      const recordings = ["HELLO", "SLI", "HELLO"].map((name) =>
        peer.say(name as "HELLO", name === "SLI" ? { ...idsOf({}), circuitStatus: circuitStatus(true) } : {}),
      );
      peer.heard();
      for (let round = 0; round < 100; round += 1) {
        for (const octets of recordings) peer.deliver(octets, path);
        bench.advance(500);
        peer.acknowledge();
      }
      expect(peer.heard().filter((heard) => heard.path.remoteAddress === "198.51.100.7")).toEqual([]);
      expect(bench.transmissions).toEqual([]);
      expect([bench.forwarded[0]?.path, pathEvents()]).toEqual([peerPath, []]);
      if (kind === "other address") expect(bench.discards).toEqual({ "wrong-path": 300 });
    },
  );

  test("without its digest, nor with a wrong one, and the operator is told nothing about the peer", () => {
    const { bench, peer } = forwarding();
    const secret = new Uint8Array(8);
    for (const digest of [[], [{ digestType: "hmac-sha1" as const, secret, nonces: new Uint8Array(0) }]])
      peer.say("HELLO", {}, { path: otherAddress, digest, ns: peer.ns });
    expect([peer.heard(), bench.discards]).toEqual([[], { "missing-digest": 1, "wrong-digest": 1 }]);
    expect(bench.events.filter(({ event }) => event === "refused")).toEqual([]);
  });

  test.each<readonly [string, Partial<PeerSettings>, boolean]>([
    ["with roaming: off", { authentication, roaming: "off" }, true],
    ["without digests", {}, false],
  ])("%s", (_name, changes, hasDigests) => {
    const { bench, peer } = answered(changes, hasDigests ? protection : undefined);
    peer.say("HELLO", {}, { path: otherAddress });
    expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-path": 1 }]);
  });

  test("before the connection is established", () => {
    const { bench, peer } = answering({ authentication }, protection);
    peer.say("HELLO", {}, { path: otherAddress });
    expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-path": 1 }]);
  });

  test("from another address or port of ours", () => {
    const { bench, peer } = forwarding();
    peer.say("HELLO", {}, { path: { ...otherAddress, localAddress: "192.0.2.9" } });
    expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-path": 1 }]);
  });

  test("by hints more than once in 5 s, and a hint does not displace what is better", () => {
    const { bench, peer, localSessionId, paths } = forwarding();
    const hint = (path: PsnPath) =>
      bench.input({ kind: "data-elsewhere", localSessionId, path, octets: 1400 });
    for (let count = 0; count < 100; count += 1) {
      hint({ ...otherAddress, remotePort: 1024 + count });
      bench.advance(10);
    }
    const elsewhere = () => paths().filter((text) => text.endsWith(".7")).length;
    expect(elsewhere()).toBe(1);
    bench.advance(5000);
    peer.acknowledge();
    peer.heard();
    peer.say("HELLO", {}, { path: third });
    hint(otherAddress);
    expect(paths()).toEqual(["HELLO 192.0.2.2", "HELLO 198.51.100.8"]);
    peer.acknowledge({ path: third });
    expect(bench.forwarded[0]?.path).toEqual(third);
  });
});

describe("a path that is not known to lead to the peer", () => {
  test("gets three copies and no more octets than came from there, and is forgotten", () => {
    const { bench, peer, pathEvents } = forwarding();
    const octets = peer.say("HELLO", {}, { path: otherAddress });
    let got = 0;
    let copies = 0;
    let came = octets.length;
    for (let second = 0; second < 12; second += 1) {
      for (const heard of peer.heard()) {
        if (heard.path.remoteAddress !== otherAddress.remoteAddress) continue;
        got += heard.octets.length;
        copies += 1;
      }
      expect(got).toBeLessThanOrEqual(came);
      if (second < 6) {
        peer.deliver(octets, otherAddress);
        came += octets.length;
      }
      bench.advance(1000);
    }
    expect(copies).toBe(3);
    expect(pathEvents()).toEqual(["refuted 198.51.100.7"]);
    expect([bench.connectionState, bench.forwarded[0]?.path]).toEqual(["established", peerPath]);
  });

  test("gets nothing that is longer than what came from there", () => {
    const { bench, peer, localSessionId, paths } = forwarding();
    bench.input({ kind: "data-elsewhere", localSessionId, path: otherAddress, octets: 20 });
    expect(paths()).toEqual(["HELLO 192.0.2.2"]);
    bench.input({ kind: "data-elsewhere", localSessionId, path: otherAddress, octets: 40 });
    expect(paths()).toEqual(["HELLO 192.0.2.2", "HELLO 198.51.100.7"]);
    peer.acknowledge({ path: otherAddress });
    expect(bench.forwarded[0]?.path).toEqual(otherAddress);
  });
});

test("the path moves at most once a second and ten times a minute, and then stays for a minute", () => {
  const { bench, peer, pathEvents } = forwarding({ helloIntervalMs: 0 });
  const moves: number[] = [];
  for (let moment = 0; moment < 4 * 150; moment += 1) {
    const before = pathInUse({ bench });
    peer.say("HELLO", {}, { path: { ...otherAddress, remotePort: 1024 + moment } });
    for (const { name, path } of peer.heard())
      if (name === "HELLO" && path.remotePort !== before?.remotePort) peer.acknowledge({ path });
    if (pathInUse({ bench })?.remotePort !== before?.remotePort) moves.push(bench.nowMs);
    bench.advance(250);
  }
  const pauses = moves.map((atMs, index) => atMs - (moves[index - 1] ?? -1000));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1000);
  for (const atMs of moves)
    expect(moves.filter((other) => other > atMs - 60_000 && other <= atMs).length).toBeLessThanOrEqual(10);
  expect(pathEvents().filter((text) => text.startsWith("held")).length).toBeGreaterThanOrEqual(1);
  expect(moves.length).toBeGreaterThan(10);
  expect(bench.connectionState).toBe("established");
});

describe("when our own end changes", () => {
  const moved = { ...peerPath, localAddress: "203.0.113.5" };

  test("connection and sessions move at once, HELLO goes there at once, and the next attempt too", () => {
    const { bench, peer, paths } = forwarding();
    bench.input({ kind: "change-path", peer: "peer", path: moved });
    expect(bench.forwarded[0]?.path).toEqual(moved);
    expect(peer.hear("HELLO").path).toEqual(moved);
    peer.acknowledge({ path: moved });
    bench.advance(30_000);
    expect(bench.connectionState).toBe("established");
    expect(paths()).toEqual([]);
    peer.say(
      "StopCCN",
      { resultCode: { resultCode: 1 }, assignedControlConnectionId: peer.id },
      { path: moved },
    );
    bench.advance(10_000);
    const sccrq = bench.transmissions.at(-1);
    expect(sccrq?.path).toEqual(moved);
  });

  test("a peer that does not follow costs 7 s, and then the connection is opened anew", () => {
    const { bench } = forwarding();
    bench.input({ kind: "change-path", peer: "peer", path: moved });
    bench.advance(limits.followedMs - 1);
    expect(bench.connectionState).toBe("established");
    bench.advance(1001);
    expect(bench.connectionState).toBe("wait-ctl-reply");
    expect(bench.transmissions.at(-1)?.path).toEqual(moved);
  });

  test("a connection without digests is opened anew at once", () => {
    const { bench } = initiated();
    bench.input({ kind: "change-path", peer: "peer", path: moved });
    expect([bench.connectionState, bench.transmissions.at(-1)?.path]).toEqual(["wait-ctl-reply", moved]);
  });

  test("the peer stays where it was followed to", () => {
    const { bench, peer } = forwarding();
    peer.say("HELLO", {}, { path: otherAddress });
    peer.heard();
    peer.acknowledge({ path: otherAddress });
    bench.input({ kind: "change-path", peer: "peer", path: moved });
    expect(bench.forwarded[0]?.path).toEqual({ ...otherAddress, localAddress: moved.localAddress });
  });

  test("to the other family, the path is the whole new one", () => {
    const { bench } = forwarding();
    const path = pathBetween("2001:db8::1", "2001:db8::2");
    bench.input({ kind: "change-path", peer: "peer", path });
    expect(bench.forwarded[0]?.path).toEqual(path);
  });
});

describe("when the address of the peer's name changes", () => {
  const renamed = { ...peerPath, remoteAddress: "192.0.2.77" };

  test("it is asked there, and followed only if it answers there", () => {
    for (const answers of [true, false]) {
      const { bench, peer, paths } = forwarding();
      bench.input({ kind: "change-path", peer: "peer", path: renamed });
      expect(paths()).toEqual(["HELLO 192.0.2.2", "HELLO 192.0.2.77"]);
      expect(bench.forwarded[0]?.path).toEqual(peerPath);
      peer.acknowledge(answers ? { path: renamed } : {});
      expect(bench.forwarded[0]?.path).toEqual(answers ? renamed : peerPath);
    }
  });

  test("an attempt that nobody answered begins anew there, and one that waits is made", () => {
    const { bench } = forwarding();
    bench.advance(60_000 + 71_000 + 1000);
    expect(bench.connectionState).toBe("wait-ctl-reply");
    bench.input({ kind: "change-path", peer: "peer", path: renamed });
    expect([bench.connectionState, bench.transmissions.at(-1)?.path]).toEqual(["wait-ctl-reply", renamed]);
  });
});

describe("when the peer's data stops", () => {
  /** Data came until now, and then none for so long. */
  function stopped(of: ReturnType<typeof forwarding>, silentMs = 500): void {
    of.bench.input({ kind: "data-received", localSessionId: of.localSessionId });
    of.bench.advance(silentMs);
    of.bench.input({ kind: "data-stopped", localSessionId: of.localSessionId });
  }

  test("it is asked at once, and when it does not answer, the log and the name are told", () => {
    for (const answers of [true, false]) {
      const own = forwarding({ helloIntervalMs: 60_000 });
      stopped(own);
      expect(own.paths()).toEqual(["HELLO 192.0.2.2"]);
      if (answers) own.peer.acknowledge();
      own.bench.advance(limits.silenceAnswerMs - 1);
      expect(own.pathEvents()).toEqual([]);
      own.bench.advance(1);
      expect(own.pathEvents()).toEqual(answers ? [] : ["doubted 192.0.2.2"]);
    }
  });

  test("three times at once, then every 5 s, and not while an acknowledgement is waited for anyway", () => {
    const own = forwarding({ helloIntervalMs: 60_000 });
    const asked = Array.from({ length: 60 }, () => {
      stopped(own);
      const { length } = own.peer.heard();
      if (length > 0) own.peer.acknowledge();
      return length;
    });
    expect(asked.slice(0, 4)).toEqual([1, 1, 1, 0]);
    expect(asked.reduce((sum, count) => sum + count)).toBe(2 + 30_000 / limits.silenceIntervalMs);
    stopped(own, limits.silenceIntervalMs);
    own.bench.advance(500);
    stopped(own, limits.silenceIntervalMs);
    expect(new Set(own.peer.heard().map(({ name, ns }) => `${name} ${ns}`)).size).toBe(1);
  });

  test("not while another session of the connection has data", () => {
    const own = forwarding({ helloIntervalMs: 60_000 });
    stopped(own, limits.silenceMs - 1);
    expect(own.paths()).toEqual([]);
  });

  test.each<readonly [string, Partial<PeerSettings>]>([
    ["is not followed", { roaming: "off" }],
    ["may have any address, and so comes to us", { from: [] }],
  ])("not where the peer %s", (_name, changes) => {
    const own = forwarding({ helloIntervalMs: 60_000 });
    own.bench.input({ kind: "update-connection", peer: { ...own.bench.settings, ...changes } });
    stopped(own);
    expect(own.paths()).toEqual([]);
  });
});

describe("HELLO keeps the mapping of a NAT", () => {
  /** When HELLOs come while the peer sends data all the time and we send none. */
  function hellos(changes: Partial<PeerSettings>, isSending = false): readonly number[] {
    const { bench, peer, localSessionId } = forwarding({ helloIntervalMs: 60_000, ...changes });
    const atMs: number[] = [];
    for (let second = 0; second < 100; second += 1) {
      bench.input({ kind: "data-received", localSessionId });
      if (isSending) bench.input({ kind: "data-sent", localSessionId });
      bench.advance(1000);
      for (const { name } of peer.heard()) if (name === "HELLO") atMs.push(bench.nowMs / 1000);
      if (atMs.at(-1) === bench.nowMs / 1000) peer.acknowledge({ path: bench.settings.path });
    }
    return atMs;
  }

  const behindNat = pathBetween("192.168.1.2", "203.0.113.1");

  test.each<readonly [string, Partial<PeerSettings>, boolean, readonly number[]]>([
    ["not where none is noticed", {}, false, []],
    ["after 20 s of our silence behind a NAT", { path: behindNat }, false, [20, 40, 60, 80, 100]],
    ["not while data is sent", { path: behindNat }, true, []],
    ["never, with 0", { path: behindNat, natKeepaliveMs: 0 }, false, []],
    ["as configured", { natKeepaliveMs: 30_000 }, false, [30, 60, 90]],
    [
      "in unique local addresses too",
      { path: pathBetween("fd00::2", "2001:db8::1") },
      false,
      [20, 40, 60, 80, 100],
    ],
    ["not within one private network", { path: pathBetween("10.0.0.1", "192.168.0.1") }, false, []],
  ])("%s", (_name, changes, isSending, expected) => {
    expect(hellos(changes, isSending)).toEqual(expected);
  });

  test("once the peer was followed to another port, and status says why", () => {
    const { bench, peer } = forwarding({ helloIntervalMs: 0 });
    expect(bench.lcce.snapshot().connections[0]?.natEvidence).toBeUndefined();
    peer.say("HELLO", {}, { path: otherPort });
    peer.heard();
    peer.acknowledge({ path: otherPort });
    expect(bench.lcce.snapshot().connections[0]?.natEvidence).toBe(
      "the peer has UDP port 40000, not the configured 1701",
    );
    bench.advance(20_000);
    expect(peer.hear("HELLO").path).toEqual(otherPort);
  });
});
