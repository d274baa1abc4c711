import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { Bench } from "../support/bench.ts";
import { type Heard, ScriptedPeer } from "../support/scripted-peer.ts";
import {
  answered,
  answering,
  called,
  calling,
  idsOf,
  opening,
  received,
  request,
} from "../support/set-up.ts";

const numbersOf = ({ name, ns, nr }: Heard) => `${name} ${ns} ${nr}`;

test("RFC 3931 §4.2: a duplicate is not delivered but acknowledged, by a ZLB without authentication", () => {
  const { bench, peer } = answered();
  const hello = peer.say("HELLO");
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 1 3");
  for (let copy = 0; copy < 3; copy += 1) {
    peer.deliver(hello);
    expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 1 3");
  }
  expect(bench.discards).toEqual({ duplicate: 3 });
});

test("RFC 3931 §4.2: a repeated SCCRQ opens no connection; until SCCCN it gets the same SCCRP", () => {
  const { bench, peer } = answering();
  const sccrq = peer.compose("SCCRQ", peer.openingAvps, { ns: 0, nr: 0, controlConnectionId: 0 });
  peer.deliver(sccrq);
  expect(numbersOf(peer.hear("SCCRP"))).toBe("SCCRP 0 1");
  peer.say("SCCCN");
  peer.hear("ZLB");
  // Now it may be a peer with a constant id that started anew.
  peer.deliver(sccrq);
  expect(numbersOf(peer.hear("SCCRP"))).toBe("SCCRP 0 1");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.2: messages out of order are held and handled in order, once", () => {
  const { bench, peer } = answered();
  bench.openSession(pseudowireSettings("lan"));
  const icrq = peer.compose("ICRQ", request(), { ns: 2 });
  peer.say("HELLO", {}, { ns: 3 });
  peer.say("HELLO", {}, { ns: 3 });
  expect(peer.heard()).toEqual([]);
  expect(bench.discards).toEqual({ duplicate: 1 });
  peer.deliver(icrq);
  expect(numbersOf(peer.hear("ICRP"))).toBe("ICRP 1 4");
});

test("RFC 3931 §4.2: what lies beyond our Receive Window Size is dropped without an acknowledgement", () => {
  const { bench, peer } = answered();
  peer.say("HELLO", {}, { ns: 2 + 8 });
  expect(peer.heard()).toEqual([]);
  peer.say("HELLO", {}, { ns: 2 + 7 });
  expect(bench.discards).toEqual({ "ahead-of-window": 1 });
});

test("RFC 3931 §4.2: a message with an Nr beyond our last Ns is discarded and not acknowledged", () => {
  const { bench, peer } = answered();
  peer.say("HELLO", {}, { ns: 2, nr: 2 });
  expect(peer.heard()).toEqual([]);
  expect(bench.discards).toEqual({ "beyond-nr": 1 });
  peer.say("HELLO");
  peer.hear("ZLB");
});

test("RFC 3931 §4.2: a lost message comes again after 1 s with its Ns and the Nr of now", () => {
  const { bench, peer } = calling();
  peer.say("HELLO", {}, { nr: 2 });
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 3 2");
  bench.advance(999);
  expect(peer.heard()).toEqual([]);
  bench.advance(1);
  expect(numbersOf(peer.hear("ICRQ"))).toBe("ICRQ 2 2");
});

test("RFC 3931 Appendix B: a lost ICRP gives the numbers of the RFC's example", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open(pseudowireSettings("lan"));
  peer.say("SCCRQ", peer.openingAvps);
  expect(numbersOf(peer.hear("SCCRP"))).toBe("SCCRP 0 1");
  peer.say("SCCCN");
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 1 2");
  const icrq = peer.say("ICRQ", request());
  expect(peer.ns).toBe(3);
  const icrp = peer.hear("ICRP");
  expect(numbersOf(icrp)).toBe("ICRP 1 3");
  peer.deliver(icrq);
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 2 3");
  bench.advance(1000);
  expect(numbersOf(peer.hear("ICRP"))).toBe("ICRP 1 3");
  peer.say("ICCN", idsOf(icrp.avps));
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 2 4");
  expect(bench.sessionState).toBe("established");
});

test("RFC 3931 §6.15: ACK and ZLB are accepted, take no Ns, cause no event and get no answer", () => {
  const { bench, peer } = calling();
  const before = bench.events.length;
  for (const ns of [peer.ns, 0, 40_000]) {
    peer.acknowledge({ ns });
    peer.say("ACK", {}, { ns });
    peer.say("ACK");
  }
  expect(peer.heard()).toEqual([]);
  expect(bench.events.length).toBe(before);
  bench.advance(20_000);
  expect(peer.heard()).toEqual([]);
  peer.say("HELLO");
  expect(numbersOf(peer.hear("ZLB"))).toBe("ZLB 3 2");
});

test("RFC 3931 §4.2: an acknowledgement rides on the answer where there is one", () => {
  const { icrp } = received();
  expect(numbersOf(icrp)).toBe("ICRP 1 3");
  const { iccn } = called();
  expect(numbersOf(iccn)).toBe("ICCN 3 2");
});

test("RFC 3931 §4.2: a peer that sends requests but no acknowledgements is ignored beyond a limit", () => {
  const { bench, peer } = answered();
  const asked = limits.queuedMessages + 1000;
  for (let count = 0; count < asked; count += 1) {
    peer.say("ICRQ", request(), { ns: 2 + count, nr: 1 });
    if (count % 100 === 0) bench.transmissions = [];
  }
  expect(bench.discards).toEqual({ backlog: 1000 });
  peer.acknowledge({ nr: 2 });
  peer.say("ICRQ", request(), { ns: 2 + limits.queuedMessages, nr: 2 });
  expect(bench.discards).toEqual({ backlog: 1000 });
});

test.each([
  [1, 1],
  [2, 2],
  [undefined, 4],
  [30, 30],
])("RFC 3931 §5.4.3: a Receive Window Size of %s lets %i messages be under way, no more", (size, most) => {
  const { bench, peer } = opening();
  const { receiveWindowSize: _usual, ...avps } = peer.openingAvps;
  peer.say("SCCRP", size === undefined ? avps : { ...avps, receiveWindowSize: size });
  peer.hear("SCCCN");
  for (let index = 0; index < 200; index += 1) bench.openSession(pseudowireSettings(`lan ${index}`));
  let widest = 0;
  for (let nr = 2; nr < 150; nr += 1) {
    peer.acknowledge({ nr });
    peer.heard();
    widest = Math.max(widest, peer.nr - nr);
  }
  expect(widest).toBe(most);
});
