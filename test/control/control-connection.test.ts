import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { decodeAvps } from "../../src/wire/avp.ts";
import { Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, answering, initiated, opening, request } from "../support/set-up.ts";

test("RFC 3931 §6.1: our SCCRQ has the five required AVPs, a window and a tie breaker, and Ns is 0", () => {
  const { bench, sccrq } = opening();
  expect(sccrq).toMatchObject({ controlConnectionId: 0, ns: 0, nr: 0 });
  expect(Object.keys(sccrq.avps)).toEqual([
    "hostName",
    "routerId",
    "assignedControlConnectionId",
    "pseudowireCapabilitiesList",
    "receiveWindowSize",
    "vendorName",
    "tieBreaker",
  ]);
  expect(sccrq.avps).toMatchObject({ hostName: "wirespan", routerId: 0xc0000201, receiveWindowSize: 8 });
  expect(bench.connectionState).toBe("wait-ctl-reply");
});

test("RFC 4719 §2.1: the Pseudowire Capabilities List has Ethernet (0x0005) and VLAN (0x0004)", () => {
  expect(opening().sccrq.avps.pseudowireCapabilitiesList).toEqual([5, 4]);
  expect(answering().sccrp.avps.pseudowireCapabilitiesList).toEqual([5, 4]);
});

test("RFC 3931 §6.2: our SCCRP carries the same five AVPs, and the peer's id is in its header", () => {
  const { bench, peer, sccrp } = answering();
  expect(sccrp).toMatchObject({ controlConnectionId: peer.id, ns: 0, nr: 1 });
  expect(Object.keys(sccrp.avps)).toEqual([
    "hostName",
    "routerId",
    "assignedControlConnectionId",
    "pseudowireCapabilitiesList",
    "receiveWindowSize",
    "vendorName",
  ]);
  expect(bench.connectionState).toBe("wait-ctl-conn");
});

test("RFC 3931 §6.3: an SCCCN with a Message Type alone establishes the connection, and ours is one", () => {
  expect(answered().bench.connectionState).toBe("established");
  const { bench, peer } = opening();
  peer.say("SCCRP", peer.openingAvps);
  const scccn = peer.hear("SCCCN");
  expect(scccn).toMatchObject({ controlConnectionId: peer.id, ns: 1, nr: 1 });
  expect(Object.keys(scccn.avps)).toEqual([]);
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §5.4.3: ids are never 0, and differ from one connection to the next", () => {
  const ids = new Set<number>();
  const bench = new Bench({ role: "responder" });
  bench.open();
  for (let index = 1; index <= 100; index += 1) {
    const peer = new ScriptedPeer(bench, index);
    peer.say("SCCRQ", peer.openingAvps);
    peer.hear("SCCRP");
    ids.add(peer.lcceId);
    peer.say("SCCCN");
    peer.heard();
  }
  expect(ids.size).toBe(100);
  expect(ids.has(0)).toBe(false);
});

test.each([
  ["without a known host", {}, { peerHostName: "another" }, 4, undefined],
  ["without a known router id", {}, { peerRouterId: 7 }, 4, undefined],
  ["with Assigned Control Connection ID 0", { assignedControlConnectionId: 0 }, {}, 2, 3],
  ["with Receive Window Size 0", { receiveWindowSize: 0 }, {}, 2, 3],
  [
    "with a Tunnel Recovery AVP",
    { tunnelRecovery: { reserved: 0, controlConnectionId: 1, remoteControlConnectionId: 2 } },
    {},
    2,
    8,
  ],
  [
    "with a nonce although no secret is configured",
    { controlMessageAuthenticationNonce: new Uint8Array(16) },
    {},
    4,
    undefined,
  ],
])(
  "RFC 3931 §7.2: an SCCRQ or SCCRP %s is refused by StopCCN and leaves idle",
  (_name, avps, settings, result, error) => {
    const bench = new Bench({ role: "responder", ...settings });
    const peer = new ScriptedPeer(bench);
    bench.open();
    peer.say("SCCRQ", { ...peer.openingAvps, ...avps });
    const refusal = peer.hear("StopCCN");
    expect(refusal).toMatchObject({ ns: 0, nr: 1, avps: { resultCode: { resultCode: result } } });
    if (error !== undefined) expect(refusal.avps.resultCode?.errorCode).toBe(error);
    expect([bench.connectionState, bench.lcce.hasNoConnections, bench.lcce.deadlineMs]).toEqual([
      "idle",
      true,
      undefined,
    ]);
    expect(bench.connectionWhyNot).toContain("refused the peer's SCCRQ");

    const other = opening(settings);
    other.peer.say("SCCRP", { ...other.peer.openingAvps, ...avps });
    expect(other.peer.hear("StopCCN").avps.resultCode?.resultCode).toBe(result);
    expect(other.bench.connectionState).toBe("idle");
  },
);

test("RFC 3931 §5.4.3: peers are told apart by Host Name and Router ID, 32 bits without meaning", () => {
  const { bench } = answered({ peerHostName: "peer", peerRouterId: 0xc0000202 });
  expect(bench.lcce.snapshot().connections[0]).toMatchObject({ hostName: "peer", routerId: 0xc0000202 });
  const { bench: other, peer } = opening();
  peer.say("SCCRP", { ...peer.openingAvps, routerId: 0, vendorName: "Some\u0007Vendor" });
  expect(other.lcce.snapshot().connections[0]).toMatchObject({ routerId: 0, vendorName: "Some\\x07Vendor" });
});

/** Says something in a state where it has no place; the LCCE must clear the connection. */
const outOfPlace = [
  ["wait-ctl-reply", "SCCCN", opening],
  ["wait-ctl-reply", "SCCRQ", opening],
  ["wait-ctl-reply", "HELLO", opening],
  ["wait-ctl-reply", "ICRQ", opening],
  ["wait-ctl-conn", "SCCRQ", answering],
  ["wait-ctl-conn", "SCCRP", answering],
  ["wait-ctl-conn", "ICRQ", answering],
  ["established", "SCCRQ", answered],
  ["established", "SCCRP", initiated],
  ["established", "SCCCN", answered],
] as const;

test.each(outOfPlace)(
  "RFC 3931 §7.2: in %s, a %s in sequence is answered by StopCCN 7",
  (state, name, setUp) => {
    const { bench, peer } = setUp();
    expect(bench.connectionState).toBe(state);
    peer.say(name, name === "ICRQ" ? request() : name === "HELLO" ? {} : peer.openingAvps);
    const stop = peer.hear("StopCCN");
    expect(stop.avps).toMatchObject({
      resultCode: { resultCode: 7 },
      assignedControlConnectionId: peer.lcceId,
    });
    expect(bench.connectionState).toBe("idle");
    peer.acknowledge();
    expect(bench.lcce.hasNoConnections).toBe(true);
  },
);

test("RFC 3931 §7.2: a HELLO ahead of the SCCCN is acknowledged and does no harm", () => {
  const { bench, peer } = answering();
  peer.say("HELLO");
  peer.hear("ZLB");
  peer.say("SCCCN");
  peer.hear("ZLB");
  expect(bench.connectionState).toBe("established");
});

test("RFC 3931 §3.3: a session message that overtakes the SCCCN waits for it", () => {
  const { bench, peer } = answering();
  bench.openSession(lan);
  const scccn = peer.compose("SCCCN");
  peer.say("ICRQ", request(), { ns: 2 });
  expect(peer.heard()).toEqual([]);
  peer.deliver(scccn);
  expect(peer.names()).toEqual(["ICRP"]);
});

test("RFC 3931 §7.2: an SCCRP or SCCCN that crosses our StopCCN is acknowledged, and opens nothing", () => {
  for (const name of ["SCCRP", "SCCCN", "HELLO", "ICRQ"] as const) {
    const { bench, peer } = answered();
    bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
    peer.hear("StopCCN");
    peer.say(name, name === "ICRQ" ? request() : {}, { nr: 1 });
    expect(peer.names()).toEqual(["ZLB"]);
    bench.advance(1000);
    peer.hear("StopCCN");
  }
});

test("RFC 3931 §7.2: a responder that gets an acknowledgement but no SCCCN sends StopCCN 7", () => {
  const { bench, peer } = answering();
  peer.acknowledge();
  bench.advance(limits.establishMs - 1);
  expect(peer.heard()).toEqual([]);
  bench.advance(1);
  expect(peer.hear("StopCCN").avps.resultCode).toMatchObject({ resultCode: 7 });
});

test("RFC 3931 §5.4.1: an unknown message type closes the connection if M=1, and is ignored if M=0", () => {
  const { bench, peer } = answered();
  const unknown = peer.compose("HELLO");
  new DataView(unknown.buffer).setUint16(18, 200);
  const optional = unknown.slice();
  optional[12] = 0;
  peer.deliver(optional);
  peer.ns += 1;
  peer.hear("ZLB");
  expect([bench.discards, bench.connectionState]).toEqual([{ "unknown-message": 1 }, "established"]);
  new DataView(unknown.buffer).setUint16(8, peer.ns);
  peer.deliver(unknown);
  expect(peer.hear("StopCCN").avps.resultCode).toEqual({
    resultCode: 2,
    errorCode: 8,
    errorMessage: "message type 200 is unknown here",
  });
  expect(bench.connectionState).toBe("idle");
});

test("RFC 3931 §5.2: what we send has the M bit where the RFC wants it, and no reserved bit", () => {
  const { sccrq } = opening();
  const { peer, bench } = answered();
  bench.openSession(lan);
  peer.say("ICRQ", request());
  for (const { octets } of [sccrq, peer.hear("ICRP")]) {
    let offset = 12;
    for (const { attributeType, mandatory, value } of decodeAvps(octets)) {
      // Vendor Name and Preferred Language are the ones that a peer may do without.
      expect(mandatory, `AVP ${attributeType}`).toBe(![8, 72].includes(attributeType));
      expect((octets[offset] ?? 0) & 0x3c).toBe(0);
      offset += 6 + value.length;
    }
    expect([octets[0], octets[1], offset]).toEqual([0xc8, 0x03, octets.length]);
  }
});
