import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { compareTieBreakers } from "../../src/control/tie-breaker.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { circuitStatus, ScriptedPeer } from "../support/scripted-peer.ts";
import { calling, idsOf, PEER_SESSION, request } from "../support/set-up.ts";

const lowest = new Uint8Array(8);
const highest = new Uint8Array(8).fill(0xff);

/** Our SCCRQ is outstanding, and the peer's comes with this tie breaker. */
function collision(tieBreaker: (ours: Uint8Array) => Uint8Array | undefined) {
  const bench = new Bench({ role: "either" });
  const asked = new ScriptedPeer(bench, 0x1111);
  const asking = new ScriptedPeer(bench, 0x2222);
  bench.open();
  const ours = asked.hear("SCCRQ").avps.tieBreaker ?? lowest;
  const theirs = tieBreaker(ours);
  asking.say("SCCRQ", { ...asking.openingAvps, ...(theirs === undefined ? {} : { tieBreaker: theirs }) });
  return { bench, asked, asking, ours };
}

test("RFC 3931 §5.4.3: tie breakers are compared as unsigned 64-bit numbers, and the lower wins", () => {
  const low = Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
  const high = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0);
  expect([
    compareTieBreakers(low, high),
    compareTieBreakers(high, low),
    compareTieBreakers(low, low.slice()),
  ]).toEqual(["won", "lost", "equal"]);
  expect(compareTieBreakers(highest, undefined)).toBe("won");
  expect(compareTieBreakers(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1), lowest)).toBe("lost");
});

test.each([
  ["a higher value", highest],
  ["none", undefined],
])(
  "RFC 3931 §5.4.3: against %s our SCCRQ wins; the peer's gets StopCCN 3 and ours goes on",
  (_name, theirs) => {
    const { bench, asked, asking } = collision(() => theirs);
    const stop = asking.hear("StopCCN");
    expect(stop).toMatchObject({
      controlConnectionId: asking.id,
      ns: 0,
      nr: 1,
      avps: { resultCode: { resultCode: 3 } },
    });
    asked.say("SCCRP", asked.openingAvps);
    asked.hear("SCCCN");
    expect(bench.connectionState).toBe("established");
  },
);

test.each([
  ["none, as of one that only dials", undefined, true],
  ["a higher one, as of one that was just later", highest, false],
])(
  "the refusal of a peer with a tie breaker of %s says role: responder where that is what helps",
  (_name, theirs, says) => {
    const { bench } = collision(() => theirs);
    const refusals = bench.events.filter(({ event }) => event === "refused");
    expect(refusals.map((event) => ("detail" in event ? event.detail : ""))).toEqual(
      says ? [expect.stringMatching(/ours is out.*if this peer only dials, set role: responder/)] : [],
    );
  },
);

test("RFC 3931 §5.4.3: against a lower value ours is forgotten, and the peer's SCCRQ is answered", () => {
  const { bench, asked, asking } = collision(() => lowest);
  expect(asking.names()).toEqual(["SCCRP"]);
  asking.say("SCCCN");
  expect(asking.names()).toEqual(["ZLB"]);
  expect(bench.connectionState).toBe("established");
  // What the winner says to our attempt comes too late and does no harm.
  asked.say("StopCCN", { resultCode: { resultCode: 3 } });
  bench.advance(30_000);
  expect(asked.heard()).toEqual([]);
  expect(bench.connectionState).toBe("established");
});

test("a peer that sent StopCCN and then SCCRQ is answered at once, whatever our own tie breaker is", () => {
  const bench = new Bench({ role: "either" });
  const before = new ScriptedPeer(bench, 0x1111);
  const after = new ScriptedPeer(bench, 0x2222);
  bench.open();
  before.hear("SCCRQ");
  before.say("SCCRP", before.openingAvps);
  before.say("StopCCN", { resultCode: { resultCode: 6 } });
  before.heard();
  bench.advance(1000);
  before.hear("SCCRQ");
  after.say("SCCRQ", { ...after.openingAvps, tieBreaker: highest });
  expect(after.names()).toEqual(["SCCRP"]);
  after.say("SCCCN");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §5.4.3: with equal values both are given up; we retry with a new one after a pause", () => {
  const { bench, asked, ours } = collision((value) => value.slice());
  expect(bench.connectionState).toBe("idle");
  expect(asked.heard()).toEqual([]);
  bench.advance(1000);
  const again = asked.hear("SCCRQ");
  expect(again.ns).toBe(0);
  expect(again.avps.tieBreaker).not.toEqual(ours);
  expect(again.avps.assignedControlConnectionId).not.toBe(0);
});

test("a tie lost to a peer that then is silent: after a pause our own SCCRQ goes on", () => {
  const { bench, asked, asking, ours } = collision(() => lowest);
  asking.hear("SCCRP");
  bench.advance(limits.tieLostMs - 1);
  expect(asked.heard()).toEqual([]);
  bench.advance(1);
  const again = asked.hear("SCCRQ");
  expect([again.ns, again.avps.tieBreaker]).toEqual([0, ours]);
  asked.say("SCCRP", asked.openingAvps);
  asked.hear("SCCCN");
  expect(bench.connectionState).toBe("established");
});

test("of two connections that the peer opens after it won, the one opened last stands", () => {
  const { bench, asking } = collision(() => lowest);
  asking.hear("SCCRP");
  const second = new ScriptedPeer(bench, 0x3333);
  second.say("SCCRQ", { ...second.openingAvps, tieBreaker: lowest });
  second.hear("SCCRP");
  second.say("SCCCN");
  second.hear("ZLB");
  asking.say("SCCCN");
  expect([second.heard(), asking.heard()]).toEqual([[], []]);
  expect(bench.connectionState).toBe("established");
});

const theirCall = (tieBreaker?: Uint8Array) => request(tieBreaker === undefined ? {} : { tieBreaker });

test.each([
  ["a higher value", highest],
  ["none", undefined],
])(
  "RFC 3931 §5.4.4: a call of the peer for the same Remote End ID with %s loses to ours and gets CDN 13",
  (_name, theirs) => {
    const { bench, peer, icrq } = calling();
    peer.say("ICRQ", theirCall(theirs));
    const cdn = peer.hear("CDN");
    expect(cdn.avps).toMatchObject({ resultCode: { resultCode: 13 }, remoteSessionId: PEER_SESSION });
    expect(cdn.avps.localSessionId).not.toBe(0);
    peer.say("ICRP", {
      ...idsOf(icrq.avps),
      localSessionId: 0x0a0a0002,
      circuitStatus: circuitStatus(true),
    });
    expect(peer.names()).toEqual(["ICCN"]);
    expect(bench.forwarded).toMatchObject([{ remoteSessionId: 0x0a0a0002 }]);
  },
);

test("RFC 3931 §7.3.1: against a lower value we drop our call without CDN, and answer the peer's", () => {
  const { bench, peer, icrq } = calling();
  peer.say("ICRQ", theirCall(lowest));
  const icrp = peer.hear("ICRP");
  expect(icrp.avps).toMatchObject({ remoteSessionId: PEER_SESSION });
  // The winner's CDN for ours finds nothing any more.
  peer.say("CDN", {
    resultCode: { resultCode: 13 },
    localSessionId: 5,
    remoteSessionId: icrq.avps.localSessionId ?? 0,
  });
  expect(bench.discards).toEqual({ "unknown-session": 1 });
  peer.say("ICCN", idsOf(icrp.avps));
  expect([bench.sessionState, peer.names()]).toEqual(["established", ["ZLB", "ZLB"]]);
});

test("RFC 3931 §5.4.4: with equal values both calls are given up, and we call again with a new one", () => {
  const { bench, peer, icrq } = calling();
  peer.say("ICRQ", theirCall(icrq.avps.tieBreaker));
  peer.hear("ZLB");
  expect(bench.sessionState).toBe("idle");
  bench.advance(1000);
  const again = peer.hear("ICRQ");
  expect(again.avps.tieBreaker).not.toEqual(icrq.avps.tieBreaker);
  expect(again.avps.localSessionId).not.toBe(icrq.avps.localSessionId);
});

test("RFC 3931 §5.4.4: calls for different Remote End IDs are no tie", () => {
  const { bench, peer } = calling();
  bench.openSession({ ...lan, name: "other", remoteEndId: Uint8Array.of(0, 0, 0, 100) });
  peer.say("ICRQ", request({ tieBreaker: lowest, remoteEndId: Uint8Array.of(0, 0, 0, 100) }));
  const heard = peer.heard();
  expect(heard.map(({ name }) => name)).toContain("ICRQ");
  expect(bench.sessionState).toBe("wait-reply");
});

test("RFC 3931 §5.4.4: a call of ours that was not sent is no tie: the peer's is accepted", () => {
  const { bench, peer } = calling();
  for (const name of ["one", "two", "other"]) bench.openSession(pseudowireSettings(name));
  // Three may be in flight by now: the call for "other" waits.
  expect(peer.names()).toEqual(["ICRQ", "ICRQ"]);
  const { remoteEndId } = pseudowireSettings("other");
  peer.say("ICRQ", request({ remoteEndId, tieBreaker: highest }));
  const icrp = peer.hear("ICRP");
  peer.say("ICCN", idsOf(icrp.avps));
  expect(bench.forwarded).toMatchObject([{ pseudowire: "other", remoteSessionId: PEER_SESSION }]);
  bench.advance(50_000);
  expect(peer.names()).toEqual(["ZLB"]);
});
