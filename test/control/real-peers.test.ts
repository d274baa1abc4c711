import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, called, idsOf, opening, PEER_SESSION, received, request } from "../support/set-up.ts";

const highest = { tieBreaker: new Uint8Array(8).fill(0xff) };
const operator = { resultCode: { resultCode: 3 } };

/** An LCCE of ours that dials, and a peer that dials as well. */
function dialling() {
  const bench = new Bench({ role: "either" });
  const deaf = new ScriptedPeer(bench, 0x1111);
  const dialler = new ScriptedPeer(bench, 0x2222);
  bench.open(lan);
  deaf.hear("SCCRQ");
  return { bench, deaf, dialler };
}

test.each([
  ["no tie breaker", {}],
  ["the highest one", highest],
])("an SCCRQ with %s loses to ours, but is taken once ours went twice without any answer", (_name, tie) => {
  const { bench, deaf, dialler } = dialling();
  dialler.say("SCCRQ", { ...dialler.openingAvps, ...tie });
  dialler.hear("StopCCN");
  expect(bench.connectionWhyNot).toContain("the peer dials too");
  bench.advance(1000);
  deaf.hear("SCCRQ");
  const again = new ScriptedPeer(bench, 0x3333);
  again.say("SCCRQ", { ...again.openingAvps, ...tie });
  again.hear("SCCRP");
  expect(bench.connectionWhyNot).toBe("the peer dials too and does not answer our SCCRQ; taking its call");
  again.say("SCCCN");
  again.hear("ZLB");
  again.say("ICRQ", request());
  again.say("ICCN", idsOf(again.hear("ICRP").avps));
  bench.advance(4000);
  expect([bench.sessionState, deaf.heard()]).toEqual(["established", []]);
});

test("a peer's first SCCRQ is accepted at once after a whole attempt of ours went unanswered", () => {
  const { bench, dialler } = dialling();
  bench.advance(71_000 + limits.firstPauseMs);
  bench.transmissions = [];
  dialler.say("SCCRQ", { ...dialler.openingAvps, ...highest });
  expect(dialler.names()).toContain("SCCRP");
});

test("when the peer answers our SCCRQ late, its own that lost the tie is forgotten: one connection", () => {
  const { bench, deaf, dialler } = dialling();
  bench.advance(1000);
  deaf.hear("SCCRQ");
  dialler.say("SCCRQ", { ...dialler.openingAvps, ...highest });
  dialler.hear("SCCRP");
  deaf.say("SCCRP", deaf.openingAvps);
  deaf.hear("SCCCN");
  dialler.say("SCCCN");
  expect([dialler.heard(), bench.discards]).toEqual([[], { "unknown-connection": 1 }]);
  expect(bench.lcce.snapshot().connections[0]?.remoteControlConnectionId).toBe(deaf.id);
});

test("after a first unanswered attempt we pause for 30 s, once: the peer may hold an old connection", () => {
  const { bench, peer } = opening();
  bench.advance(71_000);
  peer.heard();
  expect(bench.connectionWhyNot).toContain("in case it holds a connection from before");
  bench.advance(limits.firstPauseMs - 1);
  expect(peer.heard()).toEqual([]);
  bench.advance(1);
  peer.hear("SCCRQ");
  bench.advance(71_000 + 2000);
  expect(peer.heard().length).toBeGreaterThan(11);
});

test("after StopCCN a peer holds no connection: the pause after an unanswered attempt is the backoff", () => {
  const { bench, peer } = opening();
  peer.say("SCCRP", peer.openingAvps);
  peer.say("StopCCN", { resultCode: { resultCode: 6 } });
  peer.heard();
  bench.advance(1000);
  new ScriptedPeer(bench, 9).hear("SCCRQ");
  bench.advance(71_000);
  bench.transmissions = [];
  bench.advance(2000);
  expect(bench.transmissions).not.toEqual([]);
});

test("a responder calls as well where no call came for a while, and gives way to one that comes", () => {
  const { bench, peer } = answered();
  bench.openSession(lan);
  bench.advance(limits.responderGraceMs - 1);
  expect(peer.heard()).toEqual([]);
  bench.advance(1);
  expect(peer.hear("ICRQ").avps.tieBreaker).toEqual(highest.tieBreaker);
  peer.say("ICRQ", request({ tieBreaker: new Uint8Array([255, 255, 255, 255, 255, 255, 255, 240]) }));
  const icrp = peer.hear("ICRP");
  peer.say("ICCN", idsOf(icrp.avps));
  expect(bench.sessionState).toBe("established");
});

test("a session that the peer's operator closed is requested at once, unless it has just come up", () => {
  const steady = called();
  steady.bench.advance(limits.steadySessionMs);
  steady.peer.say("CDN", { ...operator, ...steady.ids });
  steady.bench.advance(0);
  expect(steady.peer.names()).toContain("ICRQ");

  const fresh = called();
  fresh.peer.say("CDN", { ...operator, ...fresh.ids });
  fresh.bench.advance(0);
  expect(fresh.peer.names()).toEqual(["ZLB"]);
});

test("the same where the peer had opened the connection and the session, with a role of either", () => {
  const bench = new Bench({ role: "either" });
  const peer = new ScriptedPeer(bench);
  bench.input({ kind: "open-connection", peer: { ...bench.settings, role: "responder" } });
  bench.openSession(lan);
  peer.say("SCCRQ", peer.openingAvps);
  peer.hear("SCCRP");
  bench.input({ kind: "update-connection", peer: bench.settings });
  peer.say("SCCCN");
  peer.say("ICRQ", request());
  const icrp = peer.heard().find(({ name }) => name === "ICRP");
  const ids = idsOf(icrp?.avps ?? {});
  peer.say("ICCN", ids);
  bench.advance(5000);
  peer.heard();
  peer.say("CDN", { ...operator, ...ids });
  bench.advance(0);
  expect(peer.names()).toContain("ICRQ");
});

test("what our operator changes is called for at once by us, whoever opened the connection", () => {
  const bench = new Bench({ role: "either" });
  const peer = new ScriptedPeer(bench);
  bench.input({ kind: "open-connection", peer: { ...bench.settings, role: "responder" } });
  peer.say("SCCRQ", peer.openingAvps);
  peer.hear("SCCRP");
  bench.input({ kind: "update-connection", peer: bench.settings });
  peer.say("SCCCN");
  peer.hear("ZLB");
  bench.openSession(lan);
  peer.hear("ICRQ");
});

test("a responder leaves it to the peer to call again", () => {
  const { bench, peer, ids } = received();
  bench.advance(5000);
  peer.say("CDN", { ...operator, ...ids });
  peer.hear("ZLB");
  bench.advance(limits.responderGraceMs - 1);
  expect(peer.heard()).toEqual([]);
  peer.say("ICRQ", request({ localSessionId: PEER_SESSION + 1 }));
  peer.hear("ICRP");
});
