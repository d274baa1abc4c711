import { expect, test } from "vitest";
import { answered, called, opening, received } from "../support/set-up.ts";

test("every change of a connection's state is reported, with the reason where it ends", () => {
  const { bench, peer } = opening();
  peer.say("SCCRP", peer.openingAvps);
  peer.say("StopCCN", { resultCode: { resultCode: 6 } });
  const localControlConnectionId = peer.lcceId;
  const of = { event: "control-connection", peer: "peer", localControlConnectionId };
  expect(bench.events).toEqual([
    { ...of, from: "idle", cause: "open", to: "wait-ctl-reply" },
    { ...of, from: "wait-ctl-reply", cause: "sccrp", to: "established" },
    {
      ...of,
      from: "established",
      cause: "stopccn",
      to: "idle",
      detail: "the peer stopped it: it goes out of service (result 6)",
      result: { resultCode: 6 },
    },
  ]);
});

test("every change of a session's state is reported, with the reason where it ends", () => {
  const { bench, peer, ids } = received();
  bench.events.length = 0;
  peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } });
  expect(bench.events).toEqual([
    {
      event: "session",
      peer: "peer",
      pseudowire: "lan",
      localSessionId: ids.remoteSessionId,
      from: "established",
      cause: "cdn",
      to: "idle",
      detail: "the peer disconnected it: closed by its operator (result 3)",
      result: { resultCode: 3 },
    },
  ]);
  const other = called();
  const told = other.bench.events.filter(({ event }) => event === "session");
  expect(told.map((event) => ("to" in event ? `${event.cause} ${event.to}` : ""))).toEqual([
    "open wait-reply",
    "icrp established",
  ]);
  expect(told.some((event) => "detail" in event)).toBe(false);
});

test("a message given up is reported and counted, with where it came from", () => {
  const { bench, peer } = answered();
  bench.events.length = 0;
  peer.say("HELLO", {}, { controlConnectionId: 5 });
  expect(bench.events).toEqual([
    { event: "discard", reason: "unknown-connection", path: bench.settings.path },
  ]);
});

test("RFC 3931 §4.4: data for a session that ended does not pass for a sign of life", () => {
  const { bench, peer, icrq, ids } = called();
  peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } });
  bench.input({ kind: "close-session", pseudowire: "lan" });
  peer.heard();
  for (let second = 0; second < 60; second += 10) {
    bench.advance(10_000);
    bench.input({ kind: "data-received", localSessionId: icrq.avps.localSessionId ?? 0 });
  }
  expect(peer.names()[0]).toBe("HELLO");
});

test("how things stand is told in numbers: messages sent, received and retransmitted", () => {
  const { bench, peer } = answered();
  expect(bench.lcce.snapshot().connections[0]).toMatchObject({
    peer: "peer",
    state: "established",
    localControlConnectionId: peer.lcceId,
    remoteControlConnectionId: peer.id,
    establishedMs: 0,
    whyNot: undefined,
    sent: 2,
    received: 2,
    retransmitted: 0,
  });
  bench.advance(60_000);
  expect(bench.lcce.snapshot().connections[0]?.retransmitted).toBeGreaterThan(0);
});

test("of a session that ends with its connection the cause of that is reported, and the peer's words", () => {
  const { bench, peer } = received();
  bench.events.length = 0;
  const resultCode = { resultCode: 2, errorCode: 6, errorMessage: "out of\n memory" };
  peer.say("StopCCN", { resultCode, assignedControlConnectionId: peer.id });
  const stopped = 'the peer stopped it: general error (result 2, error 6); its words: "out of memory"';
  expect(bench.events).toMatchObject([
    {
      event: "session",
      cause: "connection-lost",
      connectionCause: "stopccn",
      detail: `the control connection ended: ${stopped}`,
    },
    { cause: "stopccn", detail: stopped, result: { resultCode: 2, errorCode: 6, words: "out of memory" } },
  ]);
});
