import { expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import { limits, type PeerSettings } from "../../src/control/settings.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import { digestAuthentication, peerSettings } from "../simulation/world.ts";
import { Bench, lan, peerPath } from "../support/bench.ts";
import { type Protection, rawAvp, ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, answering, idsOf, initiated, opening, request } from "../support/set-up.ts";

/**
 * What somebody does who hears everything and may send from the peer's address, but does not know the secret.
 */

const protection: Protection = {
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode("secret")],
  nonce: new Uint8Array(16).fill(3),
};
const authentication = digestAuthentication("secret");
const integrity = { ...authentication, mode: "integrity" as const, secrets: [] };
const none = peerSettings("peer", peerPath).authentication;
const lowest = new Uint8Array(8);
const fromPort = (remotePort: number) => ({ ...peerPath, remotePort });

const refusable: readonly (readonly [string, AvpValues, Partial<PeerSettings>])[] = [
  ["with Receive Window Size 0", { receiveWindowSize: 0 }, {}],
  ["with Assigned Control Connection ID 0", { assignedControlConnectionId: 0 }, {}],
  [
    "with a Tunnel Recovery AVP",
    { tunnelRecovery: { reserved: 0, controlConnectionId: 1, remoteControlConnectionId: 2 } },
    {},
  ],
  ["of another host", {}, { peerHostName: "another" }],
  ["of another router", {}, { peerRouterId: 7 }],
  ["that is in order", {}, {}],
];

test.each(refusable)(
  "RFC 3931 §5.4.1: an SCCRQ %s gets no answer and leaves no trace without its digest, nor with a wrong one",
  (_name, avps, settings) => {
    for (const role of ["responder", "either", "initiator"] as const) {
      const bench = new Bench({ role, authentication, ...settings });
      const stranger = new ScriptedPeer(bench, 0x5555, protection);
      bench.open();
      bench.transmissions = [];
      const wrong = [{ digestType: "hmac-sha1" as const, secret: lowest, nonces: new Uint8Array(0) }];
      const before = bench.lcce.snapshot().connections[0]?.state;
      for (const raw of [[], [rawAvp(5000)]]) {
        for (const digest of [[], wrong])
          stranger.say("SCCRQ", { ...stranger.openingAvps, ...avps }, { raw, digest, ns: 0 });
        const { controlMessageAuthenticationNonce: _nonce, ...withoutNonce } = stranger.openingAvps;
        stranger.say("SCCRQ", { ...withoutNonce, ...avps }, { raw, digest: [], ns: 0 });
      }
      expect([bench.transmissions, bench.discards]).toEqual([[], { "missing-digest": 4, "wrong-digest": 2 }]);
      expect(bench.connectionState).toBe(before);
      expect(bench.connectionWhyNot).toMatch(/no Message Digest/);
    }
  },
);

test("RFC 3931 §5.4.3: a StopCCN made with the sender's nonce alone is valid until it knows ours", () => {
  const stop = (peer: ScriptedPeer) => ({
    resultCode: { resultCode: 1 },
    assignedControlConnectionId: peer.id,
  });
  const alone = [
    { digestType: "hmac-sha1" as const, secret: protection.secrets[0] ?? lowest, nonces: protection.nonce },
  ];
  const half = answering({ authentication }, protection);
  half.peer.say("StopCCN", stop(half.peer), { digest: alone });
  expect([half.bench.connectionState, half.bench.discards]).toEqual(["wait-ctl-conn", { "wrong-digest": 1 }]);
  half.peer.say("StopCCN", stop(half.peer), { digest: alone, controlConnectionId: 0, ns: 1, nr: 0 });
  expect(half.bench.connectionState).toBe("idle");

  for (const controlConnectionId of [undefined, 0]) {
    const up = answered({ authentication }, protection);
    const to = controlConnectionId === undefined ? {} : { controlConnectionId };
    up.peer.say("StopCCN", stop(up.peer), { ...to, digest: alone });
    expect([up.bench.connectionState, up.bench.discards]).toEqual(["established", { "wrong-digest": 1 }]);
    const calm = initiated({ authentication }, protection);
    calm.peer.say("StopCCN", stop(calm.peer), { ...to, digest: alone });
    expect(calm.bench.connectionState).toBe("established");
  }
});

const modes = { digest: authentication, integrity, none };

test.each(["digest", "integrity", "none"] as const)(
  "authentication %s: forged or repeated messages never make us send the peer more octets than came",
  (mode) => {
    const bench = new Bench({ role: "responder", authentication: modes[mode] });
    bench.open(lan);
    let octetsIn = 0;
    const send = (peer: ScriptedPeer, octets: Uint8Array, port: number): void => {
      octetsIn += octets.length;
      peer.deliver(octets, fromPort(port));
      const octetsOut = bench.transmissions.reduce((total, sent) => total + sent.octets.length, 0);
      expect(octetsOut).toBeLessThanOrEqual(octetsIn);
    };
    const shortest = { hostName: "p", routerId: 1, pseudowireCapabilitiesList: [5] };
    const contents: readonly AvpValues[] = [{}, { receiveWindowSize: 0 }, { vendorName: "long".repeat(20) }];
    for (let id = 1; id <= 60; id += 1) {
      const peer = new ScriptedPeer(bench, id, mode === "digest" ? protection : undefined);
      const { controlMessageAuthenticationNonce: nonce } = peer.openingAvps;
      const avps = {
        ...(nonce === undefined ? {} : { controlMessageAuthenticationNonce: nonce }),
        ...shortest,
        assignedControlConnectionId: id,
        ...contents[id % 3],
      };
      const numbers = { ns: 0, nr: 0, controlConnectionId: 0 };
      const sccrq = peer.compose("SCCRQ", avps, {
        ...numbers,
        raw: id % 5 === 0 ? [rawAvp(5000)] : [],
      });
      for (const port of [1701, 1701, 2000 + id, 1701]) {
        send(peer, sccrq, port);
        bench.advance(id * 100);
      }
      const stop = { resultCode: { resultCode: 1 }, assignedControlConnectionId: id };
      send(peer, peer.compose("StopCCN", stop, { ...numbers, ns: 1 }), 1701);
    }
    bench.advance(300_000);
    const octetsOut = bench.transmissions.reduce((total, sent) => total + sent.octets.length, 0);
    expect(octetsOut).toBeLessThanOrEqual(octetsIn);
    expect(octetsOut).toBeGreaterThan(0);
    expect([bench.lcce.hasNoConnections, bench.lcce.deadlineMs]).toEqual([true, undefined]);
  },
);

test("RFC 3931 §4.2: a lost SCCRP is sent again at once when the SCCRQ is repeated, to its source", () => {
  const { bench, peer } = answering({ authentication }, protection);
  const sccrq = peer.compose("SCCRQ", peer.openingAvps, { ns: 0, nr: 0, controlConnectionId: 0 });
  for (const port of [4000, 1701]) {
    bench.advance(500);
    peer.deliver(sccrq, fromPort(port));
    expect(peer.hear("SCCRP").path.remotePort).toBe(port);
  }
});

test("an SCCRP that is longer than the SCCRQ waits for the SCCRQ to be repeated", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  const avps = {
    hostName: "p",
    routerId: 1,
    assignedControlConnectionId: peer.id,
    pseudowireCapabilitiesList: [5],
  };
  const sccrq = peer.say("SCCRQ", avps);
  bench.advance(1000);
  expect(peer.heard()).toEqual([]);
  peer.deliver(sccrq);
  peer.hear("SCCRP");
  peer.say("SCCCN");
  peer.hear("ZLB");
  expect(bench.connectionState).toBe("established");
});

test.each(["digest", "none"] as const)(
  "authentication %s: copies of an SCCRQ from other ports open nothing, and the peer comes up from its own",
  (mode) => {
    const settings = { authentication: modes[mode] };
    const { bench, peer } = answering(settings, mode === "digest" ? protection : undefined);
    const sccrq = peer.compose("SCCRQ", peer.openingAvps, { ns: 0, nr: 0, controlConnectionId: 0 });
    for (let port = 2000; port < 2500; port += 1) peer.deliver(sccrq, fromPort(port));
    bench.transmissions = [];
    peer.say("SCCCN");
    expect(peer.heard().map(({ name, path }) => [name, path.remotePort])).toEqual([
      [mode === "digest" ? "ACK" : "ZLB", 1701],
    ]);
    expect(bench.connectionState).toBe("established");
    expect(bench.events.filter((event) => event.event === "control-connection")).toHaveLength(2);
  },
);

test("RFC 3931 §4.1.2.2: an SCCRP or SCCCN copied to another port does not change the peer's port", () => {
  const { bench, peer } = opening({ authentication }, protection);
  const sccrp = peer.say("SCCRP", peer.openingAvps, { path: fromPort(4000) });
  peer.hear("SCCCN");
  bench.advance(1000);
  expect(peer.hear("SCCCN").path).toEqual(peerPath);
  bench.advance(2000);
  expect(peer.hear("SCCCN").path.remotePort).toBe(4000);
  peer.deliver(sccrp);
  expect(peer.hear("ACK").path).toEqual(peerPath);
  bench.advance(4000);
  expect(peer.hear("SCCCN").path).toEqual(peerPath);
  peer.acknowledge({ path: fromPort(4000) });
  expect(bench.lcce.snapshot().connections[0]?.path).toEqual(peerPath);

  const half = answering({ authentication }, protection);
  const scccn = half.peer.say("SCCCN", {}, { path: fromPort(4000) });
  expect(half.peer.hear("ACK").path.remotePort).toBe(4000);
  half.peer.deliver(scccn);
  expect(half.peer.hear("ACK").path).toEqual(peerPath);
});

test("RFC 3931 §4.1.2.2: with digests the peer's port is kept once a message to it is acknowledged", () => {
  const { bench, peer } = opening({ authentication }, protection);
  const path = fromPort(4000);
  peer.say("SCCRP", peer.openingAvps, { path });
  peer.hear("SCCCN");
  peer.acknowledge({ path });
  bench.openSession(lan);
  for (const wait of [0, 1000, 2000]) {
    bench.advance(wait);
    expect(peer.hear("ICRQ").path).toEqual(path);
  }
});

test("RFC 3931 §4.3: thousands of old SCCRQs, of connections that are gone, open no other", () => {
  const bench = new Bench({ role: "responder", authentication });
  bench.open();
  const recorded = Array.from({ length: 100 }, (_, index) => {
    const peer = new ScriptedPeer(bench, index + 1, protection);
    const octets = peer.say("SCCRQ", peer.openingAvps);
    peer.hear("SCCRP");
    peer.say("SCCCN");
    peer.heard();
    return { peer, octets };
  });
  recorded.at(-1)?.peer.say("StopCCN", { resultCode: { resultCode: 1 } });
  bench.advance(limits.lingerMs);
  bench.transmissions = [];
  for (const { peer, octets } of recorded) peer.deliver(octets, fromPort(4000));
  expect(bench.transmissions).toEqual([]);
  expect(bench.discards).toEqual({ replayed: 100 });
});

test.each(["digest", "none"] as const)(
  "authentication %s: our own SCCRQ sent back to us changes nothing, and its answer is taken",
  (mode) => {
    const { bench, peer, sccrq } = opening(
      { role: "either", authentication: modes[mode] },
      mode === "digest" ? protection : undefined,
    );
    for (const port of [1701, 4000]) peer.deliver(sccrq.octets, fromPort(port));
    expect([peer.heard(), bench.discards]).toEqual([[], { reflected: 2 }]);
    peer.say("SCCRP", peer.openingAvps);
    peer.hear("SCCCN");
  },
);

test("role: initiator answers no SCCRQ, counts it and says so", () => {
  const { bench, peer } = opening({ role: "initiator", authentication }, protection);
  const dialling = new ScriptedPeer(bench, 0x77, protection);
  dialling.say("SCCRQ", { ...dialling.openingAvps, tieBreaker: lowest });
  expect([bench.transmissions, bench.discards]).toEqual([[], { "not-answered": 1 }]);
  expect(bench.connectionWhyNot).toContain("role: initiator");
  peer.say("SCCRP", peer.openingAvps);
  peer.hear("SCCCN");
});

test("RFC 3931 §5.4.3: SCCRQs that win the tie and lead to nothing do not keep us from connecting", () => {
  const { bench, peer } = opening({ role: "either", authentication }, protection);
  for (let id = 1; id <= 5; id += 1) {
    const recording = new ScriptedPeer(bench, id, protection);
    recording.say("SCCRQ", { ...recording.openingAvps, tieBreaker: lowest });
    bench.advance(3000);
  }
  expect(peer.names()).toContain("SCCRQ");
  peer.say("SCCRP", peer.openingAvps);
  expect(peer.names()).toContain("SCCCN");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.3: forged SCCRQs hold few entries, and those from other ports none of the peer's", () => {
  const bench = new Bench({ role: "responder" });
  bench.open();
  const genuine = new ScriptedPeer(bench, 0x100000);
  genuine.say("SCCRQ", genuine.openingAvps);
  genuine.hear("SCCRP");
  for (let index = 1; index <= 2000; index += 1) {
    const forged = new ScriptedPeer(bench, index);
    forged.say(
      "SCCRQ",
      { ...forged.openingAvps, tieBreaker: lowest },
      { path: fromPort(2000 + (index % 100)) },
    );
  }
  const opened = bench.events.filter((event) => event.event === "control-connection");
  const open = opened.reduce((count, { to }) => count + (to === "wait-ctl-conn" ? 1 : -1), 0);
  expect(open).toBe(limits.halfOpenConnections);
  expect(bench.discards["no-room"]).toBeGreaterThan(0);
  bench.transmissions = [];
  genuine.say("SCCCN");
  genuine.hear("ZLB");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.3: of forged SCCRQs from the peer's own port, chance decides which give way", () => {
  let survived = 0;
  for (let seed = 0; seed < 100; seed += 1) {
    const bench = new Bench({ role: "responder" }, seed);
    bench.open();
    const genuine = new ScriptedPeer(bench, 0x100000);
    genuine.say("SCCRQ", genuine.openingAvps);
    for (let index = 1; index <= limits.halfOpenConnections + 8; index += 1) {
      const forged = new ScriptedPeer(bench, index);
      forged.say("SCCRQ", { ...forged.openingAvps, tieBreaker: lowest });
    }
    genuine.heard();
    genuine.say("SCCCN");
    if (bench.connectionState === "established") survived += 1;
  }
  expect(survived).toBeGreaterThan(50);
});

test.each(["digest", "none"] as const)(
  "RFC 3931 §4.4: authentication %s: replayed messages of a dead peer do not keep its connection up",
  (mode) => {
    const { bench, peer } = answered(
      { authentication: modes[mode] },
      mode === "digest" ? protection : undefined,
    );
    bench.openSession(lan);
    const keys = peer.keysFor("SCCRQ");
    const sccrq = { ns: 0, nr: 0, controlConnectionId: 0, digest: keys };
    const recorded = [
      peer.compose("SCCRQ", peer.openingAvps, sccrq),
      peer.compose("SCCCN", {}, { ns: 1 }),
      peer.say("ICRQ", request()),
      peer.say("ICCN", idsOf(peer.hear("ICRP").avps)),
      peer.say("HELLO"),
      peer.say("HELLO"),
      peer.compose("ACK"),
    ];
    peer.heard();
    bench.advance(1000);
    for (let second = 0; second < 60 + 71; second += 1) {
      for (const octets of recorded) peer.deliver(octets);
      bench.advance(1000);
    }
    expect(bench.forwarded).toEqual([]);
    expect(bench.connectionState).not.toBe("established");
  },
);

test("RFC 3931 §4.4: with digests data delays HELLO for few intervals: it is not authenticated", () => {
  for (const [mode, isUp] of [
    ["digest", false],
    ["none", true],
  ] as const) {
    const { bench, peer } = answered(
      { authentication: modes[mode] },
      mode === "digest" ? protection : undefined,
    );
    bench.openSession(lan);
    peer.say("ICRQ", request());
    const { avps } = peer.hear("ICRP");
    peer.say("ICCN", idsOf(avps));
    const { localSessionId = 0 } = avps;
    for (let second = 0; second < 5 * 60 + 71; second += 10) {
      bench.input({ kind: "data-received", localSessionId });
      bench.advance(10_000);
    }
    expect(bench.connectionState === "established").toBe(isUp);
  }
});

test("an SCCRQ whose Nr counts our SCCRQ, of a peer that looks at addresses only, is accepted", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { nr: 1 });
  peer.hear("SCCRP");
  peer.say("SCCRQ", peer.openingAvps, { nr: 1, ns: 0, controlConnectionId: 0 });
  // It has not acknowledged the SCCRP, which is sent again until it does.
  peer.hear("SCCRP");
  peer.say("SCCCN");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.2: an SCCRQ that acknowledges more than an SCCRQ begins no connection", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { nr: 5 });
  expect([peer.heard(), bench.discards]).toEqual([[], { "beyond-nr": 1 }]);
});

test("RFC 3931 §4.7: an SCCRQ of version 2 alone gets no answer of version 3", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  const { assignedControlConnectionId: _id, ...avps } = peer.openingAvps;
  const octets = peer.compose("SCCRQ", avps, { raw: [rawAvp(9, { value: concat(lowest.subarray(0, 2)) })] });
  octets[1] = 2;
  peer.deliver(octets);
  expect([peer.heard(), bench.discards]).toEqual([[], { version: 1 }]);
});
