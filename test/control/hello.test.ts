import { expect, test } from "vitest";
import { Bench } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, called } from "../support/set-up.ts";

test("RFC 3931 §4.4: HELLO is sent after 60 s of silence, less up to a tenth, and is empty", () => {
  const { bench, peer } = answered();
  bench.advance(53_999);
  expect(peer.heard()).toEqual([]);
  bench.advance(6_001);
  const [hello] = peer.heard();
  expect(hello).toMatchObject({ name: "HELLO", ns: 1, nr: 2, avps: {} });
});

test("RFC 3931 §4.4: the interval is configurable, and 0 sends none", () => {
  const { bench, peer } = answered({ helloIntervalMs: 5000 });
  bench.advance(5000);
  expect(peer.names()[0]).toBe("HELLO");
  const quiet = answered({ helloIntervalMs: 0 });
  quiet.bench.advance(86_400_000);
  expect([quiet.peer.heard(), quiet.bench.lcce.deadlineMs]).toEqual([[], undefined]);
  quiet.bench.input({ kind: "update-connection", peer: { ...quiet.bench.settings, helloIntervalMs: 5000 } });
  quiet.bench.advance(0);
  expect(quiet.peer.names()).toEqual(["HELLO"]);
});

test("RFC 3931 §4.4: control messages and data of the peer start the interval anew", () => {
  const { bench, peer, icrq } = called();
  const localSessionId = icrq.avps.localSessionId ?? 0;
  for (let minute = 0; minute < 10; minute += 1) {
    bench.advance(50_000);
    if (minute % 2 === 0) bench.input({ kind: "data-received", localSessionId });
    else peer.say("HELLO");
  }
  expect(new Set(peer.names())).toEqual(new Set(["ZLB"]));
  bench.input({ kind: "data-received", localSessionId: 12345 });
  bench.advance(60_000);
  expect(peer.names()[0]).toBe("HELLO");
});

test("RFC 3931 §4.4: no HELLO while another message is unacknowledged: its ACK is enough", () => {
  const { bench, peer } = called();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  bench.advance(65_000);
  expect(new Set(peer.names())).toEqual(new Set(["SLI"]));
});

test("RFC 3931 §4.4: an unacknowledged HELLO brings the connection and its sessions down", () => {
  const { bench, peer } = called();
  bench.advance(60_000 + 71_000);
  expect(peer.names().slice(0, 11)).toEqual(Array(11).fill("HELLO"));
  expect([bench.forwarded, bench.connectionWhyNot]).toEqual([[], "the peer does not answer"]);
});

test("RFC 3931 §4.4: a HELLO is acknowledged at once and changes nothing", () => {
  const { bench, peer } = answered();
  peer.say("HELLO");
  peer.hear("ZLB");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.4: connections with the same peer do not send their HELLOs at the same moment", () => {
  const moments = new Set<number>();
  for (let seed = 0; seed < 20; seed += 1) {
    const bench = new Bench({ role: "responder" }, seed);
    const peer = new ScriptedPeer(bench);
    bench.open();
    peer.say("SCCRQ", peer.openingAvps);
    peer.heard();
    peer.say("SCCCN");
    peer.heard();
    moments.add(bench.lcce.deadlineMs ?? 0);
  }
  expect(moments.size).toBeGreaterThan(15);
  for (const moment of moments) expect(moment).toBeGreaterThan(53_999);
});
