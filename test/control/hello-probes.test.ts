import { describe, expect, test } from "vitest";
import type { PeerSettings } from "../../src/control/settings.ts";
import { decodeControlMessage, encodeControlMessage } from "../../src/wire/message.ts";
import { splitControlMessage } from "../../src/wire/raw-message.ts";
import { type Bench, lan } from "../support/bench.ts";
import { type Heard, ScriptedPeer } from "../support/scripted-peer.ts";
import { called, initiated } from "../support/set-up.ts";

/** Headers of IPv4 and UDP. */
const HEADERS = 28;
const limits = { interfaceOctets: 1500, reportedOctets: undefined };

/** A connection whose path is searched, and the peer's answers to what fits `takes`. */
function searched(changes: Partial<PeerSettings> = {}) {
  const { bench, peer } = initiated({ helloIntervalMs: 60_000, ...changes });
  bench.input({ kind: "path-limits", peer: "peer", limits });
  return { bench, peer };
}

const sizesOf = (messages: readonly Heard[]) => messages.map(({ octets }) => octets.length + HEADERS);

/** Answers, for so long, each message that fits the path, as any peer does. */
function answer(bench: Bench, peer: ScriptedPeer, takes: number, forMs: number): readonly Heard[] {
  const endMs = bench.nowMs + forMs;
  const all: Heard[] = [];
  while (bench.nowMs < endMs) {
    const nr = peer.nr;
    const heard = peer.heard();
    all.push(...heard);
    const lost = heard.find(({ octets }) => octets.length + HEADERS > takes);
    if (lost !== undefined) peer.nr = nr;
    else if (heard.length > 0) peer.acknowledge();
    bench.advance(10);
  }
  return all;
}

const pathMtuOf = (bench: Bench) => bench.lcce.snapshot().connections[0]?.pathMtu;

test("RFC 8899: HELLOs padded to BASE and to the interface's MTU find a path that takes it", () => {
  const { bench, peer } = searched();
  const heard = answer(bench, peer, 1500, 1000);
  expect(sizesOf(heard)).toEqual([1200, 1500]);
  expect(heard.every(({ name }) => name === "HELLO")).toBe(true);
  expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: 1500 });
  expect(bench.events).toContainEqual(
    expect.objectContaining({ event: "path-mtu", octets: 1500, peer: "peer" }),
  );
});

test("RFC 3931 §6.5: what is lost is repeated with the same Ns and without padding", () => {
  const { bench, peer } = searched();
  peer.heard();
  peer.acknowledge();
  const [probe] = peer.heard();
  const nr = peer.nr;
  peer.nr -= 1;
  bench.advance(999);
  expect(peer.heard()).toEqual([]);
  bench.advance(5);
  const [again] = peer.heard();
  expect([probe?.octets.length, again?.octets.length]).toEqual([1500 - HEADERS, 20]);
  expect([again?.name, again?.ns]).toEqual(["HELLO", probe?.ns]);
  peer.nr = nr;
  peer.acknowledge();
  expect(pathMtuOf(bench)).toMatchObject({ state: "searching", octets: undefined });
});

test.each([
  [1492, undefined],
  [1492, 1],
  [1400, 8],
])("a path of %d is found, and the connection outlives it, retransmit_limit %s", (takes, limit) => {
  const delivery = { initialMs: 200, capMs: 8000, limit: limit ?? 10, silenceMs: 1000, receiveWindowSize: 4 };
  const { bench, peer } = searched({ delivery });
  answer(bench, peer, takes, 60_000);
  expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: takes });
  expect(bench.connectionState).toBe("established");
  expect(bench.lcce.snapshot().connections[0]?.retransmitted).toBe(0);
});

test("a peer that drops long messages loses no connection, and the path MTU stays unknown", () => {
  const { bench, peer } = searched();
  answer(bench, peer, 600, 120_000);
  expect(bench.connectionState).toBe("established");
  expect(pathMtuOf(bench)).toMatchObject({ state: "error", octets: undefined });
});

/** Establishes the connection that the LCCE opens next. */
function connectedAgain(bench: Bench, id: number): ScriptedPeer {
  const next = new ScriptedPeer(bench, id);
  next.nr = 1;
  next.lcceId = bench.lcce.snapshot().connections[0]?.localControlConnectionId ?? 0;
  next.say("SCCRP", next.openingAvps);
  next.hear("SCCCN");
  next.acknowledge();
  return next;
}

/** The peer closes the connection, and is connected with again. */
function again({ bench, peer }: { readonly bench: Bench; readonly peer: ScriptedPeer }): ScriptedPeer {
  peer.say("StopCCN", { resultCode: { resultCode: 2 }, assignedControlConnectionId: peer.id });
  peer.heard();
  while (!peer.names().includes("SCCRQ")) bench.advance(100);
  return connectedAgain(bench, peer.id + 1);
}

describe("a peer that closes the control connection upon a padded HELLO", () => {
  const notesOf = (bench: Bench) => bench.lcce.snapshot().connections[0]?.notes;
  const kindsOf = (bench: Bench) => {
    const names = bench.transmissions.map(({ octets }) => (octets.length > 1000 ? "padded" : "short"));
    const echoes = bench.plane.filter(({ kind }) => kind === "echo-request");
    return { isPadded: names.includes("padded"), echoes: echoes.length };
  };

  test.each(["with its acknowledgement", "right after it", "without one"])("%s", (how) => {
    const { bench, peer } = searched();
    const [probe] = peer.heard();
    expect(probe?.octets.length).toBe(1200 - HEADERS);
    if (how === "without one") peer.nr -= 1;
    if (how === "right after it") {
      peer.acknowledge();
      bench.advance(50);
    }
    again({ bench, peer });
    expect(kindsOf(bench)).toEqual({ isPadded: false, echoes: 2 });
    expect(notesOf(bench)).toEqual([expect.stringMatching(/upon a padded HELLO/)]);
    // Another configuration, or a day, and it is tried once more.
    bench.input({ kind: "update-connection", peer: { ...bench.settings, helloIntervalMs: 50_000 } });
    bench.input({ kind: "path-limits", peer: "peer", limits });
    expect(notesOf(bench)).toEqual([]);
  });

  test("it is remembered by the peer for a day", () => {
    const { bench, peer } = searched({ helloIntervalMs: 0 });
    peer.heard();
    const next = again({ bench, peer });
    bench.advance(23 * 3_600_000);
    expect(notesOf(bench)).toHaveLength(1);
    expect(next.heard()).toEqual([]);
    bench.advance(2 * 3_600_000);
    expect(notesOf(bench)).toEqual([]);
  });

  test("one that closes at another time is not such a peer", () => {
    const { bench, peer } = searched();
    answer(bench, peer, 1500, 1000);
    again({ bench, peer });
    expect(notesOf(bench)).toEqual([]);
    expect(kindsOf(bench)).toEqual({ isPadded: true, echoes: 0 });
  });

  test("path_mtu echo sends it none from the start", () => {
    const { bench } = searched({ pathMtu: "echo" });
    expect(kindsOf(bench)).toEqual({ isPadded: false, echoes: 2 });
  });
});

describe("what was measured of a path is where the next search of it begins", () => {
  const TAKES = 1400;

  /** The tunnel is replaced: the daemon says what the path took, and what limits it. */
  function replaced({ bench, peer }: ReturnType<typeof searched>): ScriptedPeer {
    const { path } = bench.settings;
    const { octets = 0, by = "echo", measuredMs = 0 } = pathMtuOf(bench) ?? {};
    bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
    peer.heard();
    peer.acknowledge();
    const formerPathMtu = { path, octets, by, measuredMs };
    const settings = { ...bench.settings, pathLimits: limits, formerPathMtu };
    bench.input({ kind: "open-connection", peer: settings });
    const next = new ScriptedPeer(bench, peer.id + 1);
    next.hear("SCCRQ");
    return connectedAgain(bench, peer.id + 1);
  }

  test.each([
    ["the next connection", again],
    ["the tunnel that replaces it", replaced],
  ] as const)("%s", (_, next) => {
    const { bench, peer } = searched();
    answer(bench, peer, TAKES, 60_000);
    expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: TAKES });
    const newer = next({ bench, peer });
    expect(pathMtuOf(bench)).toMatchObject({ octets: TAKES, by: "hello" });
    expect(sizesOf(newer.heard())).toEqual([TAKES]);
    newer.acknowledge();
    bench.events.length = 0;
    answer(bench, newer, TAKES, 60_000);
    expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: TAKES });
    expect(bench.events.filter(({ event }) => event === "path-mtu")).toEqual([]);
  });
});

test("a reply to an echo request counts by its nonce", () => {
  const { bench } = searched({ pathMtu: "echo" });
  for (let index = 0; index < 4; index += 1)
    for (const effect of bench.plane.splice(0))
      if (effect.kind === "echo-request") bench.input({ ...effect, kind: "echo-reply" });
  expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: 1500, by: "echo" });
});

test("no probe: with path_mtu none, without limits, and before the peer has our SCCCN", () => {
  const none = searched({ pathMtu: "none" });
  expect(answer(none.bench, none.peer, 1500, 50_000)).toEqual([]);
  const { bench, peer } = initiated({ helloIntervalMs: 60_000 });
  expect(answer(bench, peer, 1500, 50_000)).toEqual([]);
});

test("a message that the window has no room for does not wait for a probe", () => {
  const { bench, peer } = called();
  bench.input({ kind: "path-limits", peer: "peer", limits });
  const [probe] = peer.heard();
  peer.nr -= 1;
  expect(probe?.octets.length).toBe(1200 - HEADERS);
  // More messages than the window takes, of which the last went out at once all the same.
  for (let change = 0; change < 12; change += 1)
    bench.input({ kind: "circuit-status", pseudowire: "lan", active: change % 2 === 1 });
  const names = peer.heard().map(({ name, octets }) => `${name} ${octets.length > 1000 ? "long" : "short"}`);
  expect(names).toContain("HELLO short");
  expect(names).not.toContain("HELLO long");
});

test("another MTU of the interface is followed", () => {
  const { bench, peer } = searched();
  answer(bench, peer, 1500, 1000);
  expect(pathMtuOf(bench)?.octets).toBe(1500);
  bench.input({ kind: "path-limits", peer: "peer", limits: { ...limits, interfaceOctets: 1400 } });
  answer(bench, peer, 1500, 1000);
  expect(pathMtuOf(bench)?.octets).toBe(1400);
});

test.each([0, 20, 41, 42, 43, 1023, 1042, 1043, 1044, 1064, 1065, 2066, 2090, 8972, 65_000])(
  "padding makes a HELLO of exactly %d octets, that decodes",
  (paddedTo) => {
    const numbers = { controlConnectionId: 1, ns: 2, nr: 3 };
    const octets = encodeControlMessage(numbers, { name: "HELLO", avps: {} }, { paddedTo });
    expect(octets.length).toBe(paddedTo < 42 ? 20 : paddedTo);
    expect(splitControlMessage(octets).avps.every(({ value }) => value.length >= 2)).toBe(true);
    expect(decodeControlMessage(octets)).toMatchObject({ message: { name: "HELLO" } });
  },
);

describe("RFC 5085 §6.2.1: in a session that agreed on ICMP echo", () => {
  const settings = { ...lan, sublayer: "default", vccv: "echo" } as const;
  const offered = {
    l2SpecificSublayer: 1,
    vccvCapability: { controlChannelTypes: 1, connectivityVerificationTypes: 1 },
  } as const;
  /** Answers what of the echo requests asks for no more octets. */
  function answerEchoes(bench: Bench, most: number): readonly string[] {
    const requests = bench.plane.splice(0).filter(({ kind }) => kind === "echo-request");
    return requests.map((effect) => {
      if (effect.kind !== "echo-request") return "";
      if (effect.octets <= most) bench.input({ ...effect, kind: "echo-reply" });
      return `${effect.by} ${effect.session?.localSessionId}: ${effect.octets}`;
    });
  }

  test("probes go by its channel; without it, and when it ends, as padded HELLOs", () => {
    const { bench, peer, ids } = called(settings, offered);
    bench.plane.splice(0);
    bench.input({ kind: "path-limits", peer: "peer", limits });
    expect(peer.heard()).toEqual([]);
    const first = answerEchoes(bench, 1500);
    expect(first).toEqual([`vccv ${ids.remoteSessionId}: 1200`, `vccv ${ids.remoteSessionId}: 160`]);
    for (let index = 0; index < 4; index += 1) answerEchoes(bench, 1500);
    expect(pathMtuOf(bench)).toMatchObject({ state: "search-complete", octets: 1500, by: "vccv" });
    const silent = called({ ...settings, vccv: "off" }, offered);
    silent.bench.plane.splice(0);
    silent.bench.input({ kind: "path-limits", peer: "peer", limits });
    expect(answerEchoes(silent.bench, 1500)).toEqual([]);
    expect(silent.peer.heard()).toHaveLength(1);
  });

  test("a session that went is asked no more", () => {
    const { bench, peer, ids } = called(settings, offered);
    peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } });
    peer.heard();
    bench.plane.splice(0);
    bench.input({ kind: "path-limits", peer: "peer", limits });
    expect(answerEchoes(bench, 1500)).toEqual([]);
  });
});
