import { expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import type { AuthenticationSettings } from "../../src/control/settings.ts";
import { decodeAvps } from "../../src/wire/avp.ts";
import { hasMessageDigest, verifyMessageDigest } from "../../src/wire/message-digest.ts";
import { Bench, lan } from "../support/bench.ts";
import { type Protection, ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, answering, idsOf, initiated, opening, request } from "../support/set-up.ts";

const secret = new TextEncoder().encode("correct horse");
const older = new TextEncoder().encode("battery staple");
const none = new Uint8Array(0);

function settings(changes: Partial<AuthenticationSettings> = {}) {
  const usual = { mode: "digest", digestType: "hmac-md5", secrets: [secret], hideAvps: false } as const;
  return { authentication: { ...usual, ...changes } };
}

function protection(changes: Partial<Protection> = {}): Protection {
  return { digestType: "hmac-md5", secrets: [secret], nonce: new Uint8Array(24).fill(7), ...changes };
}

const integrity = { mode: "integrity", secrets: [] } as const;

test.each([
  ["hmac-md5", 23],
  ["hmac-sha1", 27],
] as const)(
  "RFC 3931 §5.4.1: with %s every message carries a digest of Length %i after its Message Type",
  (digestType, length) => {
    const { bench, peer, sccrq } = opening(settings({ digestType }), protection({ digestType }));
    bench.openSession(lan);
    peer.say("SCCRP", peer.openingAvps);
    const heard = [sccrq, ...peer.heard()];
    peer.acknowledge();
    peer.say("HELLO");
    peer.say("ICRQ", request({ remoteEndId: Uint8Array.of(1) }));
    bench.advance(60_000);
    heard.push(...peer.heard());
    bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
    peer.acknowledge();
    heard.push(...peer.heard());
    expect(new Set(heard.map(({ name }) => name))).toEqual(
      new Set(["SCCRQ", "SCCCN", "ICRQ", "ACK", "CDN", "StopCCN"]),
    );
    for (const message of heard) {
      const [type, digest] = decodeAvps(message.octets);
      expect([type?.attributeType, type?.mandatory, digest?.attributeType]).toEqual([0, true, 59]);
      expect((digest?.value.length ?? 0) + 6).toBe(length);
      expect(peer.verifies(message), message.name).toBe(true);
    }
  },
);

test("RFC 3931 §4.3: nonces of 16 octets in SCCRQ and SCCRP, new for each connection", () => {
  const { bench, peer, sccrq } = opening(settings(), protection());
  bench.advance(600_000);
  const sccrqs = [sccrq, ...peer.heard()].map(({ avps }) => avps);
  const nonces = new Set(sccrqs.map((avps) => avps.controlMessageAuthenticationNonce?.join()));
  expect(nonces.size).toBe(new Set(sccrqs.map((avps) => avps.assignedControlConnectionId)).size);
  expect(nonces.size).toBeGreaterThan(3);
  const { sccrp } = answering(settings(), protection());
  expect(sccrp.avps.controlMessageAuthenticationNonce).toHaveLength(16);
});

test("RFC 3931 §6.15: with authentication on a ZLB is dropped, and our acknowledgements are ACKs", () => {
  const { bench, peer } = answered(settings(), protection());
  peer.say("HELLO");
  const ack = peer.hear("ACK");
  expect([peer.verifies(ack), ack.ns, ack.nr]).toEqual([true, 1, 3]);
  peer.deliver(
    Uint8Array.of(0xc8, 3, 0, 12, ...new Uint8Array(8)).map((octet, index) =>
      index < 4 || index > 7 ? octet : (peer.lcceId >>> (8 * (7 - index))) & 0xff,
    ),
  );
  expect(bench.discards).toEqual({ "missing-digest": 1 });
});

test("RFC 3931 §5.4.1: a message with a wrong digest is dropped, not acknowledged and not used", () => {
  const { bench, peer } = answered(settings(), protection());
  bench.advance(50_000);
  const wrong = peer.keysFor("HELLO").map((key) => ({ ...key, secret: older }));
  const before = bench.lcce.snapshot().connections;
  peer.say("HELLO", {}, { digest: wrong });
  peer.say("StopCCN", { resultCode: { resultCode: 1 } }, { digest: wrong });
  peer.say("HELLO", {}, { digest: [] });
  expect(peer.heard()).toEqual([]);
  expect(bench.discards).toEqual({ "wrong-digest": 2, "missing-digest": 1 });
  expect(bench.lcce.snapshot().connections).toEqual(before);
  bench.advance(10_000);
  expect(peer.names()[0]).toBe("HELLO");
});

test("RFC 3931 §5.4.1: an Nr that was not verified acknowledges nothing", () => {
  const { bench, peer } = initiated(settings(), protection());
  bench.openSession(lan);
  const icrq = peer.hear("ICRQ");
  const wrong = peer.keysFor("ACK").map((key) => ({ ...key, secret: older }));
  peer.say("ACK", {}, { digest: wrong });
  bench.advance(1000);
  expect(peer.hear("ICRQ").ns).toBe(icrq.ns);
});

test("RFC 3931 §4.2: a retransmission with another Nr carries a digest made anew", () => {
  const { bench, peer } = initiated(settings(), protection());
  bench.openSession(lan);
  const first = peer.hear("ICRQ");
  peer.say("HELLO", {}, { nr: 2 });
  peer.hear("ACK");
  bench.advance(1000);
  const again = peer.hear("ICRQ");
  expect([again.ns, again.nr]).toEqual([first.ns, first.nr + 1]);
  expect([peer.verifies(first), peer.verifies(again)]).toEqual([true, true]);
});

test("RFC 3931 §4.3: a repeated SCCRQ is answered by the SCCRP alone, whose nonce an ACK would need", () => {
  const { bench, peer } = answering(settings(), protection());
  const keys = peer.keysFor("SCCRQ");
  const sccrq = { ns: 0, nr: 0, controlConnectionId: 0, digest: keys };
  peer.say("SCCRQ", peer.openingAvps, sccrq);
  peer.hear("SCCRP");
  peer.say("SCCCN");
  peer.hear("ACK");
  peer.say("SCCRQ", peer.openingAvps, sccrq);
  peer.hear("ACK");
  expect(bench.discards).toEqual({ duplicate: 2 });
});

test("RFC 3931 §5.4.1: with two secrets both are tried, and our messages have a digest for each", () => {
  for (const theirs of [secret, older]) {
    const { bench, peer, sccrp } = answering(
      settings({ secrets: [secret, older] }),
      protection({ secrets: [theirs] }),
    );
    expect(decodeAvps(sccrp.octets).filter(({ attributeType }) => attributeType === 59)).toHaveLength(2);
    expect(peer.verifies(sccrp)).toBe(true);
    peer.say("SCCCN");
    peer.hear("ACK");
    expect(bench.connectionState).toBe("established");
  }
});

test("RFC 3931 §5.4.1: two secrets at the peer's end: one valid digest of two is enough", () => {
  for (const secrets of [
    [older, secret],
    [secret, older],
  ]) {
    const { bench } = answered(settings(), protection({ secrets, digestType: "hmac-sha1" }));
    expect(bench.connectionState).toBe("established");
  }
});

test("RFC 3931 §4.3: an SCCRQ with the wrong secret is dropped without answer, and reported", () => {
  const bench = new Bench({ role: "responder", ...settings() });
  const peer = new ScriptedPeer(bench, undefined, protection({ secrets: [older] }));
  bench.open();
  peer.say("SCCRQ", peer.openingAvps);
  expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-digest": 1 }]);
  expect(bench.connectionWhyNot).toContain("do both ends have the same secret?");
});

test("RFC 3931 §4.3: with a secret only at our end the SCCRQ gets no answer, and that is reported", () => {
  const bench = new Bench({ role: "responder", ...settings() });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps);
  expect([peer.heard(), bench.discards]).toEqual([[], { "missing-digest": 1 }]);
  expect(bench.connectionWhyNot).toContain("is a secret configured at its end?");
});

test("RFC 3931 §4.3: an SCCRQ with a nonce but without a digest is dropped", () => {
  const bench = new Bench({ role: "responder", ...settings() });
  const peer = new ScriptedPeer(bench, undefined, protection());
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { digest: [] });
  expect([peer.heard(), bench.discards]).toEqual([[], { "missing-digest": 1 }]);
});

test("RFC 3931 §4.3: a secret at the peer's end only: its digests fail, and that is told", () => {
  const { bench, peer } = opening();
  const keyed = [{ digestType: "hmac-md5" as const, secret, nonces: none }];
  peer.say("SCCRP", peer.openingAvps, { digest: keyed });
  expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-digest": 1 }]);
  expect(bench.connectionWhyNot).toContain("no secret is configured here");
});

test("RFC 3931 §4.3: an SCCRP without a digest to our keyed SCCRQ is dropped, and that is told", () => {
  const { bench, peer } = opening(settings(), protection());
  peer.say("SCCRP", peer.openingAvps, { digest: [] });
  expect([peer.heard(), bench.discards]).toEqual([[], { "missing-digest": 1 }]);
  expect(bench.connectionWhyNot).toContain("is a secret configured at its end?");
});

test("RFC 3931 §4.3: an SCCRP with a digest but without a nonce cannot go on, and gets StopCCN 4", () => {
  const { bench, peer, sccrq } = opening(settings(), protection());
  const ours = sccrq.avps.controlMessageAuthenticationNonce ?? none;
  const { controlMessageAuthenticationNonce: _nonce, ...bare } = peer.openingAvps;
  peer.say("SCCRP", bare, { digest: [{ digestType: "hmac-md5", secret, nonces: ours }] });
  expect(peer.hear("StopCCN").avps.resultCode?.resultCode).toBe(4);
  expect(bench.connectionState).toBe("idle");
});

test("RFC 3931 §5.4.1: our StopCCN for an SCCRQ is made with the peer's nonce, against replay", () => {
  const bench = new Bench({ role: "responder", peerHostName: "another", ...settings() });
  const peer = new ScriptedPeer(bench, undefined, protection());
  bench.open();
  peer.say("SCCRQ", peer.openingAvps);
  const stop = peer.hear("StopCCN");
  expect(verifyMessageDigest(stop.octets, [{ secret, nonces: protection().nonce }])).toBe(true);
});

test("RFC 3931 §5.4.1: a StopCCN for our SCCRQ is valid with our nonce alone, and with none", () => {
  for (const usesNonce of [true, false]) {
    const { bench, peer, sccrq } = opening(settings(), protection());
    const nonces = usesNonce ? (sccrq.avps.controlMessageAuthenticationNonce ?? none) : none;
    const digest = [{ digestType: "hmac-md5" as const, secret, nonces }];
    peer.say("StopCCN", { resultCode: { resultCode: 4 } }, { digest });
    expect(bench.connectionWhyNot).toContain("not authorized");
  }
});

test("RFC 3931 §5.4.3: our StopCCN is made with our nonce before an SCCRP, and after one with both", () => {
  const { bench, peer, sccrq } = opening(settings(), protection());
  const ours = sccrq.avps.controlMessageAuthenticationNonce ?? none;
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  const stop = peer.hear("StopCCN");
  expect(verifyMessageDigest(stop.octets, [{ secret, nonces: ours }])).toBe(true);

  const late = opening(settings(), protection());
  late.bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  late.peer.hear("StopCCN");
  late.peer.say("SCCRP", late.peer.openingAvps, { nr: 1 });
  late.peer.hear("ACK");
  late.bench.advance(1000);
  expect(late.peer.verifies(late.peer.hear("StopCCN"))).toBe(true);
});

test("RFC 3931 §5.4.3: the StopCCN of an initiator without our SCCRP is valid with its nonce alone", () => {
  const { bench, peer } = answering(settings(), protection());
  const stop = { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id };
  const digest = [{ digestType: "hmac-md5" as const, secret, nonces: protection().nonce }];
  peer.say("StopCCN", stop, { digest, controlConnectionId: 0, nr: 0 });
  peer.hear("ACK");
  expect(bench.connectionState).toBe("idle");
});

test("RFC 3931 §4.1.1.2: with an empty secret there are digests and nonces all the same", () => {
  const { bench, peer } = answered(settings({ secrets: [none] }), protection({ secrets: [none] }));
  peer.say("HELLO");
  const ack = peer.hear("ACK");
  expect([peer.verifies(ack), peer.verifies(ack, none)]).toEqual([true, false]);
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §4.3: an integrity check has digests without secret or nonce, and finds damage", () => {
  const bench = new Bench({ role: "responder", ...settings(integrity) });
  const peer = new ScriptedPeer(bench);
  const digest = [{ digestType: "hmac-md5" as const, secret: none, nonces: none }];
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { digest });
  const sccrp = peer.hear("SCCRP");
  expect(sccrp.avps.controlMessageAuthenticationNonce).toBeUndefined();
  expect(verifyMessageDigest(sccrp.octets, digest)).toBe(true);
  const scccn = peer.compose("SCCCN", {}, { digest });
  peer.deliver(concat(scccn.subarray(0, 40), Uint8Array.of(scccn[40] === 0 ? 1 : 0), scccn.subarray(41)));
  expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-digest": 1 }]);
  peer.deliver(scccn);
  const ack = peer.hear("ACK");
  expect([hasMessageDigest(ack.octets), bench.connectionState]).toEqual([true, "established"]);
});

test("RFC 3931 §5.3: hidden AVPs have a new Random Vector a message, and are never in an ACK", () => {
  const { bench, peer, sccrp } = answering(settings({ hideAvps: true }), protection());
  const vectors = new Set<string>();
  const hiddenOf = (octets: Uint8Array) =>
    decodeAvps(octets).flatMap(({ hidden, attributeType }) => (hidden ? [attributeType] : []));
  expect(hiddenOf(sccrp.octets)).toEqual([61, 62]);
  vectors.add(sccrp.avps.randomVector?.join() ?? "");
  expect(sccrp.avps.randomVector).toHaveLength(16);
  peer.say("SCCCN");
  expect(hiddenOf(peer.hear("ACK").octets)).toEqual([]);
  bench.openSession(lan);
  peer.say("ICRQ", request());
  const icrp = peer.hear("ICRP");
  expect(hiddenOf(icrp.octets)).toEqual([63, 64, 71, 65]);
  vectors.add(icrp.avps.randomVector?.join() ?? "");
  expect(vectors.size).toBe(2);
  peer.say("ICCN", idsOf(icrp.avps));
  expect(bench.forwarded[0]?.receiveCookie).toEqual(icrp.avps.assignedCookie);
});

test("RFC 3931 §5.4.3: our id is hidden, but not in a StopCCN that can be matched by it alone", () => {
  const hidden = (octets: Uint8Array) => decodeAvps(octets).some((avp) => avp.hidden);
  const early = opening(settings({ hideAvps: true }), protection());
  early.bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  expect(hidden(early.peer.hear("StopCCN").octets)).toBe(false);
  const later = answered(settings({ hideAvps: true }), protection());
  later.bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  expect(hidden(later.peer.hear("StopCCN").octets)).toBe(true);
});

test("RFC 3931 §5.3: without a secret nothing is hidden", () => {
  const { sccrq } = opening({
    authentication: { ...settings({ ...integrity, hideAvps: true }).authentication },
  });
  expect(decodeAvps(sccrq.octets).some(({ hidden }) => hidden)).toBe(false);
});
