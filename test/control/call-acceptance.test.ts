import { expect, test } from "vitest";
import { pseudowireSettings } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { circuitStatus } from "../support/scripted-peer.ts";
import { answered, calling, idsOf, opening, PEER_SESSION, request, ringing } from "../support/set-up.ts";

const vlan = pseudowireSettings("vlan", { type: "ethernet-vlan" });

test.each([
  ["for no pseudowire of ours", { remoteEndId: Uint8Array.of(9) }, 24, undefined],
  ["of a pseudowire type we do not list", { pseudowireType: 6 }, 14, undefined],
  ["of the other Ethernet type than configured", { pseudowireType: 4 }, 14, undefined],
  ["with Local Session ID 0", { localSessionId: 0 }, 2, 3],
  ["that wants numbers without a sublayer", { dataSequencing: 1 }, 15, undefined],
  ["with an unknown sublayer", { l2SpecificSublayer: 9 }, 2, 3],
  ["with an unknown sequencing level", { l2SpecificSublayer: 1, dataSequencing: 3 }, 2, 3],
] as const)(
  "RFC 3931 §7.3.2: an ICRQ %s is refused with its CDN",
  (_name, changes, resultCode, errorCode) => {
    const { bench, peer } = answered();
    bench.openSession(lan);
    peer.say("ICRQ", request(changes));
    const cdn = peer.hear("CDN");
    expect(cdn.avps.resultCode?.resultCode).toBe(resultCode);
    if (errorCode !== undefined) expect(cdn.avps.resultCode?.errorCode).toBe(errorCode);
    expect(cdn.avps.remoteSessionId).toBe("localSessionId" in changes ? 0 : PEER_SESSION);
    expect(cdn.avps.localSessionId).not.toBe(0);
    expect([bench.sessionState, bench.connectionState]).toEqual(["idle", "established"]);
  },
);

test("a refused call is told of, unless a session stands", () => {
  const { bench, peer } = answered();
  bench.openSession(lan);
  peer.say("ICRQ", request({ pseudowireType: 4 }));
  expect(bench.sessionWhyNot).toContain("pseudowire type 4 was asked for, this end has type 5");
  const other = ringing();
  other.peer.say("ICRQ", request({ localSessionId: 5, pseudowireType: 4 }));
  expect(other.bench.lcce.snapshot().pseudowires[0]).toMatchObject({
    state: "wait-connect",
    whyNot: "no call yet",
  });
});

test.each([
  ["with Local Session ID 0", { localSessionId: 0 }, 2],
  ["that wants numbers without a sublayer", { dataSequencing: 2 }, 15],
  ["with an unknown sublayer", { l2SpecificSublayer: 9 }, 2],
] as const)("RFC 3931 §7.3.1: an ICRP %s is refused with its CDN", (_name, changes, resultCode) => {
  const { bench, peer, ids } = calling();
  peer.say("ICRP", { ...ids, circuitStatus: circuitStatus(true), ...changes });
  expect(peer.hear("CDN").avps.resultCode?.resultCode).toBe(resultCode);
  expect(bench.sessionState).toBe("idle");
});

test("RFC 3931 §7.3.2: an ICCN that asks for numbers without a sublayer is refused with CDN 15", () => {
  const { bench, peer, ids } = ringing();
  peer.say("ICCN", { ...ids, dataSequencing: 2 });
  expect(peer.hear("CDN").avps.resultCode?.resultCode).toBe(15);
  expect(bench.sessionState).toBe("idle");
});

test("RFC 3931 §5.4.4: no call is made for a pseudowire type that the peer does not list", () => {
  const { bench, peer } = opening();
  peer.say("SCCRP", { ...peer.openingAvps, pseudowireCapabilitiesList: [5] });
  peer.hear("SCCCN");
  bench.openSession(vlan);
  bench.openSession(lan);
  peer.acknowledge();
  expect(peer.hear("ICRQ").avps.pseudowireType).toBe(5);
  expect(bench.sessionWhyNot).toBe("the peer does not list pseudowire type 4 (ethernet-vlan)");
});

test("RFC 3931 §6.6: an ICRQ without Remote End ID means the only pseudowire, and none of two", () => {
  const { remoteEndId: _gone, ...bare } = request();
  const { bench, peer } = answered();
  bench.openSession(lan);
  peer.say("ICRQ", bare);
  expect(peer.hear("ICRP").avps.remoteSessionId).toBe(PEER_SESSION);
  const two = answered();
  two.bench.openSession(lan);
  two.bench.openSession(vlan);
  two.peer.say("ICRQ", bare);
  expect(two.peer.hear("CDN").avps.resultCode?.resultCode).toBe(24);
});

test("RFC 3931 §6.9: an outgoing call is refused with CDN 5", () => {
  const { bench, peer } = answered();
  bench.openSession(lan);
  peer.say("OCRQ", request());
  expect(peer.hear("CDN").avps).toMatchObject({
    resultCode: { resultCode: 5 },
    remoteSessionId: PEER_SESSION,
  });
});

test("RFC 4719 §2.2: several pseudowires are told apart by their Remote End IDs", () => {
  const { bench, peer } = answered();
  bench.openSession(lan);
  bench.openSession(vlan);
  peer.say("ICRQ", request({ localSessionId: 2, pseudowireType: 4, remoteEndId: vlan.remoteEndId }));
  const icrp = peer.hear("ICRP");
  peer.say("ICCN", { ...idsOf(icrp.avps), localSessionId: 2 });
  expect(bench.forwarded).toMatchObject([{ pseudowire: "vlan", pseudowireType: "ethernet-vlan" }]);
});
