import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lcce } from "../../src/control/lcce.ts";
import { PeerDirectory } from "../../src/control/peer-directory.ts";
import { limits, type PeerSettings } from "../../src/control/settings.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import { encodeControlMessage } from "../../src/wire/message.ts";
import { splitControlMessage } from "../../src/wire/raw-message.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { digestAuthentication, pathBetween, peerSettings } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { type Protection, ScriptedPeer } from "../support/scripted-peer.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { request } from "../support/set-up.ts";

/** Peers whose address is not configured: which tunnel an SCCRQ is for, what it costs, and who is served. */

const hmacs = { count: 0 };
const { createHmac } = crypto;

beforeAll(() => {
  crypto.createHmac = (...given: Parameters<typeof createHmac>) => {
    hmacs.count += 1;
    return createHmac(...given);
  };
  syncBuiltinESMExports();
});

afterAll(() => {
  crypto.createHmac = createHmac;
  syncBuiltinESMExports();
});

const HUB = "192.0.2.1";
const anyEnd = pathBetween(HUB, "0.0.0.0");
const utf8 = new TextEncoder();

function from(remoteAddress: string, remotePort = 1701): PsnPath {
  return { ...anyEnd, remoteAddress, remotePort };
}

function anyPeer(name: string, changes: Partial<PeerSettings> = {}): PeerSettings {
  const authentication = digestAuthentication(`secret of ${name}`);
  return peerSettings(name, anyEnd, { from: [], authentication, ...changes });
}

function protectionOf(name: string): Protection {
  const secrets = [utf8.encode(`secret of ${name}`)];
  return { digestType: "hmac-sha1", secrets, nonce: new Uint8Array(16).fill(name.length) };
}

/** A peer that says who it is and sends from where it is told. */
class Branch extends ScriptedPeer {
  at: PsnPath;
  readonly #identity: AvpValues;

  constructor(bench: Bench, id: number, at: PsnPath, secretOf: string, identity: AvpValues) {
    super(bench, id, protectionOf(secretOf));
    this.at = at;
    this.#identity = identity;
  }

  override get openingAvps(): AvpValues {
    return { ...super.openingAvps, ...this.#identity };
  }

  override deliver(octets: Uint8Array, path: PsnPath = this.at): void {
    super.deliver(octets, path);
  }

  /** Sets the connection up, all the way. */
  connect(): void {
    this.say("SCCRQ", this.openingAvps);
    this.hear("SCCRP");
    this.say("SCCCN");
    this.hear("ACK");
  }
}

/** An LCCE with peers of any address. */
function hub(...peers: readonly PeerSettings[]): Bench {
  const bench = new Bench();
  for (const peer of peers) bench.input({ kind: "open-connection", peer });
  return bench;
}

function stateOf(bench: Bench, name: string): string | undefined {
  return bench.lcce.snapshot().connections.find(({ peer }) => peer === name)?.state;
}

function addressOf(bench: Bench, name: string): string | undefined {
  return bench.lcce.snapshot().connections.find(({ peer }) => peer === name)?.path.remoteAddress;
}

describe("the tunnel that an SCCRQ is for", () => {
  const nat = "203.0.113.7";
  const one = pathBetween(HUB, nat);
  const configured = (name: string, changes: Partial<PeerSettings>) => peerSettings(name, one, changes);
  const tunnels = [
    configured("here", {}),
    configured("here on 4000", { path: { ...one, remotePort: 4000 } }),
    configured("here as left", { peerHostName: "left" }),
    configured("here as left 7", { peerHostName: "left", peerRouterId: 7 }),
    anyPeer("any as left", { peerHostName: "left" }),
    anyPeer("any as right", { peerHostName: "right" }),
    anyPeer("any as right 7", { peerHostName: "right", peerRouterId: 7 }),
    anyPeer("any as 9", { peerRouterId: 9 }),
    anyPeer("any of a prefix", { from: ["198.51.100.0/24", "2001:db8::/32"] }),
    anyPeer("any of a longer one", { from: ["198.51.100.128/25"] }),
    anyPeer("any"),
    anyPeer("another end", { path: { ...anyEnd, localPort: 1702 }, peerHostName: "far" }),
  ];
  const sccrq = (hostName: string, routerId: number) =>
    splitControlMessage(
      encodeControlMessage(
        { controlConnectionId: 0, ns: 0, nr: 0 },
        {
          name: "SCCRQ",
          avps: { hostName, routerId, assignedControlConnectionId: 1, pseudowireCapabilitiesList: [5] },
        },
      ),
    );

  test.each([
    ["its address alone", nat, 1701, "who", 1, "here"],
    ["its address and port", nat, 4000, "who", 1, "here on 4000"],
    ["its address from another port", nat, 50_000, "who", 1, "here"],
    ["its address and host name", nat, 1701, "left", 1, "here as left"],
    ["its address, host name and router id", nat, 1701, "left", 7, "here as left 7"],
    ["its host name, at the address of another tunnel", nat, 1701, "right", 1, "any as right"],
    ["its host name, from anywhere", "203.0.113.9", 1701, "left", 1, "any as left"],
    ["its host name and router id", "203.0.113.9", 1701, "right", 7, "any as right 7"],
    ["its router id", "203.0.113.9", 1701, "who", 9, "any as 9"],
    ["its host name before its router id", "203.0.113.9", 1701, "right", 9, "any as right"],
    ["its prefix", "198.51.100.1", 1701, "who", 1, "any of a prefix"],
    ["its longest prefix", "198.51.100.200", 1701, "who", 1, "any of a longer one"],
    ["nothing", "203.0.113.9", 1701, "who", 1, "any"],
    ["nothing, as its name is of another end", "203.0.113.9", 1701, "far", 1, "any"],
  ] as const)("is found by %s", (_by, address, port, hostName, routerId, wanted) => {
    for (const list of [tunnels, tunnels.toReversed()]) {
      const directory = new PeerDirectory();
      // Of two tunnels at one address that nothing but the port tells apart, the first one counts.
      const ordered = list === tunnels ? list : list.toSorted(({ name }) => (name === "here" ? -1 : 0));
      for (const settings of ordered) directory.add({ settings });
      const found = directory.findByClaim(from(address, port), sccrq(hostName, routerId));
      expect(found?.settings.name).toBe(wanted);
      for (const { name } of tunnels) directory.remove(name);
      expect(directory.findByClaim(from(address, port), sccrq(hostName, routerId))).toBeUndefined();
    }
  });

  test("is the one at its address that expects another name, where there is no other, to refuse it", () => {
    const directory = new PeerDirectory();
    directory.add({ settings: configured("here as left", { peerHostName: "left" }) });
    directory.add({ settings: anyPeer("any as right", { peerHostName: "right" }) });
    expect(directory.findByClaim(one, sccrq("who", 1))?.settings.name).toBe("here as left");
    expect(directory.findByClaim(from("203.0.113.9"), sccrq("who", 1))).toBeUndefined();
  });

  test("is found over IPv6 by its prefix", () => {
    const directory = new PeerDirectory();
    const end = pathBetween("2001:db8::1", "::");
    const far = { ...end, remoteAddress: "2001:db8:7::9", remotePort: 40_000 };
    directory.add({ settings: anyPeer("all", { path: end }) });
    directory.add({ settings: anyPeer("some", { path: end, from: ["2001:db8:7::/48"] }) });
    expect(directory.findByClaim(far, sccrq("who", 1))?.settings.name).toBe("some");
    expect(
      directory.findByClaim({ ...far, remoteAddress: "2001:db8:8::9" }, sccrq("who", 1))?.settings.name,
    ).toBe("all");
  });
});

describe("what a stranger costs, with 1000 tunnels of any address on one port", () => {
  const name = (index: number) => `branch-${index}`;
  const many = (changes: Partial<PeerSettings> = {}) =>
    hub(
      ...Array.from({ length: 1000 }, (_, index) =>
        anyPeer(name(index), { peerHostName: name(index), ...changes }),
      ),
    );
  const both = digestAuthentication("one", "next");

  test.each([
    ["the name of a tunnel: one HMAC", {}, name(500), 1],
    ["the name of a tunnel that changes its secret: one for each", { authentication: both }, name(500), 2],
    ["the name of none: none", {}, "nobody", 0],
  ] as const)("with %s", (_what, changes, hostName, wanted) => {
    const bench = many(changes);
    const stranger = new Branch(bench, 1, from("203.0.113.66", 5000), "nobody", { hostName });
    const octets = stranger.compose("SCCRQ", stranger.openingAvps, { ns: 0, nr: 0 });
    stranger.deliver(octets);
    hmacs.count = 0;
    const before = JSON.stringify(bench.lcce.snapshot().connections.map(({ state }) => state));
    for (let count = 0; count < 50; count += 1) stranger.deliver(octets);
    expect(hmacs.count).toBe(50 * wanted);
    expect(bench.transmissions).toEqual([]);
    expect(JSON.stringify(bench.lcce.snapshot().connections.map(({ state }) => state))).toBe(before);
    expect(bench.lcce.hasNoConnections).toBe(true);
    expect(bench.discards).toEqual({ [wanted === 0 ? "unknown-peer" : "wrong-digest"]: 51 });
  });

  test("with a digest of each kind, and one twice: one HMAC for each kind", () => {
    const bench = many();
    const stranger = new Branch(bench, 1, from("203.0.113.66", 5000), "nobody", { hostName: name(7) });
    const key = (digestType: "hmac-sha1" | "hmac-md5") => ({
      digestType,
      secret: utf8.encode("guess"),
      nonces: new Uint8Array(0),
    });
    const kinds = [
      [key("hmac-sha1"), key("hmac-md5")],
      [key("hmac-sha1"), key("hmac-sha1")],
    ];
    const wanted = [2, 1];
    for (const [index, digest] of kinds.entries()) {
      const octets = stranger.compose("SCCRQ", stranger.openingAvps, { ns: 0, nr: 0, digest });
      stranger.deliver(octets);
      hmacs.count = 0;
      stranger.deliver(octets);
      expect(hmacs.count).toBe(wanted[index]);
    }
  });

  test("a long or hidden name finds no tunnel, and what is told of a failure is bounded", () => {
    const bench = many();
    const long = new Branch(bench, 1, from("203.0.113.66", 5000), "nobody", { hostName: "x".repeat(900) });
    long.say("SCCRQ", long.openingAvps);
    const wrong = new Branch(bench, 1, from("203.0.113.66", 5000), "nobody", { hostName: name(3) });
    wrong.say("SCCRQ", { ...wrong.openingAvps, vendorName: "v".repeat(900) });
    expect(bench.discards).toEqual({ "unknown-peer": 1, "wrong-digest": 1 });
    const told = JSON.stringify([bench.events, bench.lcce.snapshot().connections[3]]);
    expect(told).toContain("203.0.113.66");
    expect(told.length).toBeLessThan(2000);
  });
});

test("two branches behind one address have tunnels with secrets of their own on one port", () => {
  const bench = hub(
    anyPeer("left", { peerHostName: "left" }),
    anyPeer("right", { peerHostName: "right" }),
    peerSettings("configured", pathBetween(HUB, "203.0.113.7"), {
      role: "responder",
      authentication: digestAuthentication("secret of configured"),
    }),
  );
  const at = (port: number) => from("203.0.113.7", port);
  const left = new Branch(bench, 1, at(40_001), "left", { hostName: "left" });
  const right = new Branch(bench, 2, at(40_002), "right", { hostName: "right" });
  const third = new Branch(bench, 3, at(40_003), "configured", { hostName: "who" });
  for (const branch of [left, right, third]) branch.connect();
  expect(["left", "right", "configured"].map((name) => stateOf(bench, name))).toEqual(
    Array.from({ length: 3 }, () => "established"),
  );
  const ports = bench.lcce.snapshot().connections.map(({ path }) => path.remotePort);
  expect(ports).toEqual([40_001, 40_002, 40_003]);
});

test("several configured tunnels to one address and port are told apart by the peer's host name", () => {
  const path = pathBetween(HUB, "203.0.113.7");
  const peer = (name: string) =>
    peerSettings(name, path, {
      role: "responder",
      peerHostName: name,
      authentication: digestAuthentication(`secret of ${name}`),
    });
  const bench = hub(peer("left"), peer("right"));
  const right = new Branch(bench, 2, path, "right", { hostName: "right" });
  const left = new Branch(bench, 1, path, "left", { hostName: "left" });
  for (const branch of [right, left]) branch.connect();
  expect(["left", "right"].map((name) => stateOf(bench, name))).toEqual(["established", "established"]);
});

test("a tunnel of any address opens no connection itself, and says that it waits", () => {
  const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
  bench.advance(300_000);
  expect(bench.transmissions).toEqual([]);
  const [connection] = bench.lcce.snapshot().connections;
  expect(connection).toMatchObject({ state: "idle", whyNot: "waiting for the peer to connect" });
  expect(connection?.path.remoteAddress).toBe("0.0.0.0");
});

test("one that is not in the prefixes of its tunnel is not answered", () => {
  const bench = hub(anyPeer("branch", { peerHostName: "branch", from: ["198.51.100.0/24"] }));
  const branch = new Branch(bench, 1, from("203.0.113.7"), "branch", { hostName: "branch" });
  branch.say("SCCRQ", branch.openingAvps);
  expect([bench.transmissions, bench.discards]).toEqual([[], { "unknown-peer": 1 }]);
  branch.ns = 0;
  branch.at = from("198.51.100.9", 33_333);
  branch.connect();
  expect(addressOf(bench, "branch")).toBe("198.51.100.9");
});

test("a branch that comes back from elsewhere takes over; its old SCCRQ serves nobody", () => {
  const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
  const branch = new Branch(bench, 1, from("203.0.113.7", 40_000), "branch", { hostName: "branch" });
  const recording = branch.compose("SCCRQ", branch.openingAvps, { ns: 0, nr: 0 });
  branch.connect();
  for (let host = 1; host < 200; host += 1) branch.deliver(recording, from(`198.51.100.${host}`, host + 1));
  expect(bench.transmissions).toEqual([]);
  expect(bench.discards["replayed"]).toBeGreaterThan(190);
  expect(stateOf(bench, "branch")).toBe("established");

  const again = new Branch(bench, 2, from("203.0.113.99", 50_000), "branch", { hostName: "branch" });
  again.connect();
  expect([stateOf(bench, "branch"), addressOf(bench, "branch")]).toEqual(["established", "203.0.113.99"]);
  branch.deliver(recording);
  again.deliver(recording);
  expect(addressOf(bench, "branch")).toBe("203.0.113.99");
});

test("a stranger who copies every message, and is faster, does not keep the branch from being served", () => {
  const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
  bench.input({ kind: "open-session", peer: "branch", pseudowire: lan, circuitActive: true });
  const branch = new Branch(bench, 1, from("203.0.113.7", 40_000), "branch", { hostName: "branch" });
  const thief = from("198.51.100.66", 6666);
  const sayAfterThief = (name: Parameters<Branch["say"]>[0], avps: AvpValues = {}) => {
    const octets = branch.compose(name, avps);
    branch.ns += 1;
    branch.deliver(octets, thief);
    bench.transmissions = [];
    branch.deliver(octets);
    for (const { path } of bench.transmissions) expect(path).toEqual(branch.at);
  };
  sayAfterThief("SCCRQ", branch.openingAvps);
  branch.hear("SCCRP");
  sayAfterThief("SCCCN");
  branch.hear("ACK");
  expect(addressOf(bench, "branch")).toBe("203.0.113.7");
  // Its copy came first, and our answer went there; a retransmission reaches the branch.
  sayAfterThief("ICRQ", request());
  branch.heard();
  bench.advance(4000);
  expect(branch.names()).toContain("ICRP");
  branch.acknowledge();
  expect(addressOf(bench, "branch")).toBe("203.0.113.7");
});

test("a stranger's wrong digest changes nothing of its tunnel, awaited or there, and is told of him", () => {
  const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
  const stranger = new Branch(bench, 9, from("198.51.100.66"), "nobody", { hostName: "branch" });
  stranger.say("SCCRQ", stranger.openingAvps);
  expect(bench.connectionWhyNot).toBe("waiting for the peer to connect");
  const branch = new Branch(bench, 1, from("203.0.113.7", 40_000), "branch", { hostName: "branch" });
  branch.connect();
  const before = JSON.stringify(bench.lcce.snapshot().connections);
  const events = bench.events.length;
  stranger.say("SCCRQ", stranger.openingAvps, { ns: 0 });
  expect(JSON.stringify(bench.lcce.snapshot().connections)).toBe(before);
  expect(bench.events.slice(events)).toEqual([expect.objectContaining({ event: "unknown-peer" })]);
  expect(bench.lcce.snapshot().unknownPeers).toEqual([
    expect.objectContaining({ address: "198.51.100.66", sccrqs: 2, reason: "wrong-digest", peer: "branch" }),
  ]);
});

test("of 1000 tunnels of any address, two change names and one is removed", () => {
  const identity = { hostName: "hub", routerId: 1, vendorName: "Wirespan" };
  const lcce = new Lcce(identity, new SeededRandom(1));
  for (let index = 0; index < 1000; index += 1)
    lcce.handle({ kind: "open-connection", peer: anyPeer(`b${index}`, { peerHostName: `b${index}` }) }, 0);
  expect(lcce.snapshot().connections).toHaveLength(1000);
  lcce.handle(
    {
      kind: "rename-connections",
      newNames: new Map([
        ["b0", "b1"],
        ["b1", "b0"],
      ]),
    },
    0,
  );
  lcce.handle({ kind: "close-connection", peer: "b0", resultCode: 1 }, 0);
  expect(lcce.snapshot().connections.map(({ peer }) => peer)).not.toContain("b0");
});
describe("sessions of a branch that comes back from elsewhere", () => {
  const home = from("203.0.113.7", 40_000);
  const away = from("203.0.113.99", 50_000);

  /** A branch whose session forwards, and which begins anew from elsewhere: the new connection is up. */
  function returning() {
    const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
    bench.input({ kind: "open-session", peer: "branch", pseudowire: lan, circuitActive: true });
    const branch = new Branch(bench, 1, home, "branch", { hostName: "branch" });
    branch.connect();
    const before = call(branch, 0x0a01);
    const again = new Branch(bench, 2, away, "branch", { hostName: "branch" });
    again.connect();
    return { bench, again, before };
  }

  /** Calls for the pseudowire until its session is established; its id at the hub. */
  function call(branch: Branch, localSessionId: number): number {
    branch.say("ICRQ", request({ localSessionId }));
    const icrp = branch.heard().find(({ name }) => name === "ICRP");
    const remoteSessionId = icrp?.avps.localSessionId ?? 0;
    branch.say("ICCN", { localSessionId, remoteSessionId });
    branch.heard();
    return remoteSessionId;
  }

  const forwarded = (bench: Bench) => bench.forwarded.map(({ localSessionId }) => localSessionId);

  test("forward to its former place until the new one has a session, and change over at once", () => {
    const { bench, again, before } = returning();
    expect(forwarded(bench)).toEqual([before]);
    expect(bench.forwarded[0]?.path).toEqual(home);
    expect(bench.sessionState).toBe("established");
    bench.plane.length = 0;
    const after = call(again, 0x0b02);
    expect(bench.plane).toMatchObject([
      { kind: "forwarding-add", session: { localSessionId: after, path: away } },
      { kind: "forwarding-remove", localSessionId: before },
    ]);
    const established = bench.events.findLastIndex(
      (event) => event.event === "session" && event.to !== "idle",
    );
    const ended = bench.events.findLastIndex((event) => event.event === "session" && event.to === "idle");
    expect(ended).toBeGreaterThan(established);
    bench.advance(20_000);
    expect(bench.plane).toHaveLength(2);
  });

  test("end after a while where no session comes in their place", () => {
    const { bench, before } = returning();
    const downMs = () => bench.lcce.snapshot().pseudowires[0]?.downMs;
    bench.advance(70_000);
    expect([forwarded(bench), downMs()]).toEqual([[before], undefined]);
    bench.advance(2000);
    expect(forwarded(bench)).toEqual([]);
    expect(downMs()).toBeGreaterThan(70_000);
  });

  test("end with the pseudowire, with the tunnel, and by a failure of the plane", () => {
    for (const input of [
      { kind: "close-session", pseudowire: "lan" },
      { kind: "close-connection", peer: "branch", resultCode: 1 },
      { kind: "forwarding-failed", localSessionId: returning().before, problem: "no room" },
    ] as const) {
      const { bench } = returning();
      bench.input(input);
      expect(forwarded(bench)).toEqual([]);
      bench.advance(200_000);
      expect(forwarded(bench)).toEqual([]);
    }
  });

  test("are not touched by recordings from everywhere, each of which opens a connection at most once", () => {
    const bench = hub(anyPeer("branch", { peerHostName: "branch" }));
    bench.input({ kind: "open-session", peer: "branch", pseudowire: lan, circuitActive: true });
    const branch = new Branch(bench, 1, home, "branch", { hostName: "branch" });
    const recordings = Array.from({ length: 40 }, (_, index) => {
      const old = new Branch(bench, 100 + index, home, "branch", { hostName: "branch" });
      return old.compose(
        "SCCRQ",
        { ...old.openingAvps, controlMessageAuthenticationNonce: new Uint8Array(16).fill(index) },
        { ns: 0, nr: 0 },
      );
    });
    branch.connect();
    const id = call(branch, 0x0a01);
    bench.transmissions = [];
    let octetsIn = 0;
    for (let host = 1; host < 100; host += 1)
      for (const recording of recordings) {
        branch.deliver(recording, from(`198.51.100.${host}`, 1000 + host));
        octetsIn += recording.length;
      }
    const halfOpen = bench.events.reduce((count, event) => {
      if (event.event !== "control-connection") return count;
      return count + (event.to === "wait-ctl-conn" ? 1 : 0) - (event.from === "wait-ctl-conn" ? 1 : 0);
    }, 0);
    expect(halfOpen).toBe(limits.halfOpenConnections);
    const octetsOut = bench.transmissions.reduce((sum, { octets }) => sum + octets.length, 0);
    expect(octetsOut).toBeLessThanOrEqual(octetsIn);
    bench.transmissions = [];
    expect(forwarded(bench)).toEqual([id]);
    expect([stateOf(bench, "branch"), addressOf(bench, "branch")]).toEqual([
      "established",
      home.remoteAddress,
    ]);
    // In the midst of it the branch comes back from elsewhere, and is let in at its first attempt.
    const again = new Branch(bench, 2, away, "branch", { hostName: "branch" });
    again.connect();
    expect(addressOf(bench, "branch")).toBe(away.remoteAddress);
    bench.advance(200_000);
    expect(bench.lcce.snapshot().connections).toHaveLength(1);
  });
});
