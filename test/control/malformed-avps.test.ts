import { expect, test } from "vitest";
import { decodeAvps } from "../../src/wire/avp.ts";
import { digestAuthentication, pathBetween } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { circuitStatus, rawAvp, ScriptedPeer } from "../support/scripted-peer.ts";
import {
  answered,
  answering,
  called,
  calling,
  idsOf,
  opening,
  PEER_SESSION,
  received,
  request,
  ringing,
} from "../support/set-up.ts";

const two = (value: number) => new Uint8Array([value >> 8, value & 0xff]);
const active = { circuitStatus: circuitStatus(true) };

test.each([
  ["that wants numbers without a sublayer", { dataSequencing: 2 }, []],
  ["with an unknown mandatory AVP", {}, [rawAvp(5000)]],
  ["with a cookie of five octets", {}, [rawAvp(65, { value: new Uint8Array(5) })]],
] as const)(
  "RFC 3931 §5.4.4: the CDN that refuses an ICRP %s names its Local Session ID",
  (_name, avps, raw) => {
    const { peer, ids } = calling();
    peer.say("ICRP", { ...ids, ...active, ...avps }, { raw });
    expect(peer.hear("CDN").avps).toMatchObject({
      localSessionId: ids.remoteSessionId,
      remoteSessionId: PEER_SESSION,
    });
  },
);

test.each(["SLI", "OCRP", "WEN"] as const)(
  "RFC 3931 §5.4.4: the CDN that answers a bad %s ahead of the ICRP names its Local Session ID",
  (name) => {
    const { peer, ids } = calling();
    peer.say(name, { ...ids, ...active }, { raw: [rawAvp(5000)] });
    expect(peer.hear("CDN").avps.remoteSessionId).toBe(PEER_SESSION);
  },
);

test.each([0, 5, 24, 30])(
  "RFC 3931 §7.1: a WEN whose Circuit Errors AVP has %i octets, M=0, leaves the session as it is",
  (length) => {
    for (const setUp of [received, called]) {
      const { bench, peer, ids } = setUp();
      const raw = [rawAvp(34, { mandatory: false, value: new Uint8Array(length) })];
      peer.say("WEN", ids, { raw });
      peer.hear("ZLB");
      expect(bench.sessionState).toBe("established");
    }
  },
);

test.each([
  ["Data Sequencing 3", 70, 3],
  ["Data Sequencing 65535", 70, 65_535],
  ["L2-Specific Sublayer 9", 69, 9],
] as const)(
  "RFC 3931 §7.1: %s is out of range: with M=0 as if it were absent, with M=1 the session is refused",
  (_name, attributeType, value) => {
    for (const mandatory of [false, true]) {
      const raw = [rawAvp(attributeType, { mandatory, value: two(value) })];
      const one = answered();
      one.bench.openSession(lan);
      one.peer.say("ICRQ", request(), { raw });
      const other = calling();
      other.peer.say("ICRP", { ...other.ids, ...active }, { raw });
      const late = ringing();
      late.peer.say("ICCN", late.ids, { raw });
      const names = [one.peer.names(), other.peer.names(), late.peer.names()];
      expect(names).toEqual(mandatory ? [["CDN"], ["CDN"], ["CDN"]] : [["ICRP"], ["ICCN"], ["ZLB"]]);
    }
  },
);

test("RFC 3931 §7.1: Receive Window Size 0 with M=0 means 4, and with M=1 the connection is refused", () => {
  for (const mandatory of [false, true]) {
    const { bench, peer } = answering();
    const { receiveWindowSize: _absent, ...opening } = peer.openingAvps;
    const other = new ScriptedPeer(bench, 77);
    other.say(
      "SCCRQ",
      { ...opening, assignedControlConnectionId: 77 },
      { raw: [rawAvp(10, { mandatory, value: two(0) })] },
    );
    expect(other.names()).toEqual([mandatory ? "StopCCN" : "SCCRP"]);
  }
});

test("RFC 3931 §4.1.2.2: a responder's StopCCN from another UDP port is acknowledged to that port", () => {
  const { bench, peer } = opening();
  const path = { ...pathBetween("192.0.2.1", "192.0.2.2"), remotePort: 40_000 };
  const stop = peer.say(
    "StopCCN",
    { resultCode: { resultCode: 4 }, assignedControlConnectionId: peer.id },
    { path },
  );
  expect(peer.hear("ZLB").path).toEqual(path);
  peer.deliver(stop, path);
  expect(peer.hear("ZLB").path).toEqual(path);
  expect(bench.discards).toEqual({ duplicate: 1 });
});

test("RFC 3931 §5.2: an OCRQ with an unknown mandatory AVP is refused for that, by CDN 2/8", () => {
  const { peer } = answered();
  peer.say("OCRQ", request(), { raw: [rawAvp(5000)] });
  expect(peer.hear("CDN").avps.resultCode).toMatchObject({ resultCode: 2, errorCode: 8 });
});

test("RFC 3931 §5.4.4: an Assigned Cookie in an ICCN is ignored: ICRQ and ICRP assign it", () => {
  const { bench, peer, ids } = ringing(lan, { assignedCookie: Uint8Array.of(1, 2, 3, 4) });
  peer.say("ICCN", { ...ids, assignedCookie: Uint8Array.of(9, 9, 9, 9) });
  expect(bench.forwarded[0]?.transmitCookie).toEqual(Uint8Array.of(1, 2, 3, 4));
});

test.each([
  [["old", "new"], "new"],
  [["new", "old"], "new"],
  [["old", "new"], "old"],
] as const)(
  "RFC 3931 §5.4.1: while secrets change (%o here, %s there) AVPs are hidden with the one that the peer has",
  (ours, theirs) => {
    const secret = new TextEncoder().encode(theirs);
    const authentication = { ...digestAuthentication(...ours), hideAvps: true };
    const protection = {
      digestType: "hmac-sha1" as const,
      secrets: [secret],
      nonce: new Uint8Array(16).fill(7),
    };
    const { bench, peer, sccrq } = opening({ authentication }, protection);
    expect(sccrq.avps.assignedControlConnectionId).not.toBe(0);
    peer.say("SCCRP", peer.openingAvps);
    peer.hear("SCCCN");
    peer.acknowledge();
    bench.openSession(lan);
    const icrq = peer.hear("ICRQ");
    expect(icrq.avps.localSessionId).toBeGreaterThan(0);
    expect(decodeAvps(icrq.octets).some(({ hidden }) => hidden)).toBe(true);
    peer.say("ICRP", { ...idsOf(icrq.avps), ...active });
    expect(bench.sessionState).toBe("established");
  },
);
