import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { decodeAvps } from "../../src/wire/avp.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { circuitStatus } from "../support/scripted-peer.ts";
import {
  answered,
  called,
  calling,
  idsOf,
  initiated,
  PEER_SESSION,
  received,
  request,
  ringing,
} from "../support/set-up.ts";

const cookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const removed = (result: number) => ({ resultCode: { resultCode: result } });

test("RFC 3931 §6.6: our ICRQ carries what it must, with Remote Session ID 0 on the wire", () => {
  const { icrq } = calling();
  expect(icrq.avps).toMatchObject({ remoteSessionId: 0, pseudowireType: 5, serialNumber: 1 });
  expect(icrq.avps.localSessionId).not.toBe(0);
  expect(icrq.avps.circuitStatus?.active).toBe(true);
  expect(icrq.avps.tieBreaker).toHaveLength(8);
  const numbers = decodeAvps(icrq.octets).map(({ attributeType }) => attributeType);
  expect(numbers).toEqual([0, 63, 64, 15, 68, 66, 71, 5, 65]);
});

test("RFC 4719 §2.1: the ICRQ of a VLAN pseudowire has type 0x0004 and a Remote End ID of 4 octets", () => {
  const { icrq } = calling(
    pseudowireSettings("vlan", { type: "ethernet-vlan", remoteEndId: Uint8Array.of(0, 0, 0, 100) }),
  );
  expect(icrq.avps).toMatchObject({ pseudowireType: 4, remoteEndId: Uint8Array.of(0, 0, 0, 100) });
});

test("RFC 3931 §6.6: an ICRQ has AVPs for cookie, sublayer and sequencing only where configured", () => {
  const plain = calling(pseudowireSettings("lan", { cookieOctets: 0 })).icrq.avps;
  expect([plain.assignedCookie, plain.l2SpecificSublayer, plain.dataSequencing]).toEqual(
    Array(3).fill(undefined),
  );
  const full = pseudowireSettings("lan", { cookieOctets: 4, sublayer: "default", sequencing: "all" });
  expect(calling(full).icrq.avps).toMatchObject({ l2SpecificSublayer: 1, dataSequencing: 2 });
  expect(ringing(full).icrp.avps).toMatchObject({ l2SpecificSublayer: 1, dataSequencing: 2 });
  expect(ringing(full).icrp.avps.assignedCookie).toHaveLength(4);
});

test("RFC 3931 §8.2: a cookie has 64 bits unless configured otherwise, and differs for each session", () => {
  const { bench, peer } = initiated();
  const cookies = new Set<string>();
  for (let index = 0; index < 20; index += 1) {
    bench.openSession(pseudowireSettings(`lan ${index}`));
    const { assignedCookie } = peer.hear("ICRQ").avps;
    expect(assignedCookie).toHaveLength(8);
    cookies.add(assignedCookie?.join() ?? "");
    peer.acknowledge();
  }
  expect(cookies.size).toBe(20);
});

test("RFC 3931 §7.3.1: an ICRP establishes the session; our ICCN has both ids, the plane parameters", () => {
  const { bench, icrq, iccn } = called(lan, { assignedCookie: cookie });
  expect(iccn.avps).toMatchObject({
    localSessionId: icrq.avps.localSessionId,
    remoteSessionId: PEER_SESSION,
    circuitStatus: { active: true },
  });
  expect(bench.plane).toMatchObject([
    {
      kind: "forwarding-add",
      session: {
        pseudowire: "lan",
        localSessionId: icrq.avps.localSessionId,
        remoteSessionId: PEER_SESSION,
        receiveCookie: icrq.avps.assignedCookie,
        transmitCookie: cookie,
        receiveSublayer: "none",
        transmitSublayer: "none",
        transmitAllowed: true,
      },
    },
  ]);
  expect(bench.sessionState).toBe("established");
});

test("RFC 3931 §7.3.2: an ICRQ is answered by ICRP, and only the ICCN establishes the session", () => {
  const { bench, peer, icrp, ids } = ringing(lan, { assignedCookie: cookie });
  expect(icrp.avps).toMatchObject({ remoteSessionId: PEER_SESSION, circuitStatus: { active: true } });
  expect([bench.sessionState, bench.plane]).toEqual(["wait-connect", []]);
  peer.say("ICCN", ids);
  peer.hear("ZLB");
  expect(bench.forwarded).toMatchObject([
    { remoteSessionId: PEER_SESSION, receiveCookie: icrp.avps.assignedCookie, transmitCookie: cookie },
  ]);
});

test("RFC 3931 §5.4.4: an absent cookie and one of no octets both mean none", () => {
  for (const changes of [{}, { assignedCookie: new Uint8Array(0) }]) {
    expect(received(lan, changes).bench.forwarded[0]?.transmitCookie).toHaveLength(0);
  }
});

test("RFC 3931 §5.4.4: sublayer and sequencing hold for one direction each, as its receiver asked", () => {
  const { bench } = received(pseudowireSettings("lan"), { l2SpecificSublayer: 1, dataSequencing: 1 });
  expect(bench.forwarded).toMatchObject([
    {
      receiveSublayer: "none",
      transmitSublayer: "default",
      receiveSequencing: "none",
      transmitSequencing: "non-ip",
    },
  ]);
  const other = received(pseudowireSettings("lan", { sublayer: "default", sequencing: "all" }));
  expect(other.bench.forwarded).toMatchObject([
    {
      receiveSublayer: "default",
      transmitSublayer: "none",
      receiveSequencing: "all",
      transmitSequencing: "none",
    },
  ]);
});

test("RFC 3931 §5.4.4: the ICCN may change sublayer, sequencing and circuit status, no more", () => {
  const { bench, peer, ids } = ringing(lan, { l2SpecificSublayer: 1, dataSequencing: 2 });
  peer.say("ICCN", { ...ids, dataSequencing: 0, circuitStatus: circuitStatus(false) });
  expect(bench.forwarded).toMatchObject([
    { transmitSublayer: "default", transmitSequencing: "none", transmitAllowed: false },
  ]);
});

test("RFC 3931 §5.4.4: the first Local Session ID of a peer counts for the life of the session", () => {
  const { bench, peer, ids } = ringing();
  peer.say("ICCN", { ...ids, localSessionId: 0x90500000 });
  expect(bench.forwarded[0]?.remoteSessionId).toBe(PEER_SESSION);
});

test("RFC 3931 §4.1: session ids are unique in the node, static ones included", () => {
  const { bench, peer } = initiated();
  for (let localSessionId = 1; localSessionId < 100; localSessionId += 1)
    bench.input({ kind: "reserve-session-id", localSessionId });
  bench.input({ kind: "release-session-id", localSessionId: 1 });
  const seen = new Set<number>();
  for (let index = 0; index < 50; index += 1) {
    bench.openSession(pseudowireSettings(`lan ${index}`));
    seen.add(peer.hear("ICRQ").avps.localSessionId ?? 0);
    peer.acknowledge();
  }
  expect([seen.size, seen.has(0)]).toEqual([50, false]);
});

test.each([
  ["wait-reply", calling, "ICCN", false],
  ["wait-connect", ringing, "ICRP", true],
  ["established", called, "ICRP", true],
  ["established", received, "ICCN", true],
  ["established", received, "OCCN", true],
  ["wait-connect", ringing, "OCRP", true],
] as const)("RFC 3931 §7.3: in %s (%o) an %s ends the session", (state, setUp, name, saysCdn) => {
  const { bench, peer, ids } = setUp();
  expect(bench.sessionState).toBe(state);
  peer.say(name, { ...ids, circuitStatus: circuitStatus(true) });
  const [answer] = peer.heard();
  if (saysCdn) expect(answer).toMatchObject({ name: "CDN", avps: { resultCode: { resultCode: 16 } } });
  else expect(answer?.name).toBe("ZLB");
  expect([bench.sessionState, bench.connectionState, bench.forwarded]).toEqual(["idle", "established", []]);
});

test("RFC 3931 §7.3.2: an ICRQ again for a session in use ends it with CDN 16", () => {
  for (const setUp of [ringing, received, called]) {
    const { bench, peer } = setUp();
    peer.say("ICRQ", request());
    expect(peer.hear("CDN").avps).toMatchObject({ ...removed(16), remoteSessionId: PEER_SESSION });
    expect(bench.sessionState).toBe("idle");
  }
});

test("RFC 3931 §7.3.2: a new call for a pseudowire in use replaces the session that the peer lost", () => {
  const { bench, peer } = received();
  peer.say("ICRQ", request({ localSessionId: 0x0b0b0002 }));
  const [cdn, icrp] = peer.heard();
  expect(cdn).toMatchObject({ name: "CDN", avps: { remoteSessionId: PEER_SESSION } });
  expect(icrp).toMatchObject({ name: "ICRP", avps: { remoteSessionId: 0x0b0b0002 } });
  peer.say("ICCN", { localSessionId: 0x0b0b0002, remoteSessionId: icrp?.avps.localSessionId ?? 0 });
  expect(bench.forwarded).toMatchObject([{ remoteSessionId: 0x0b0b0002 }]);
});

test.each([
  ["wait-reply", calling],
  ["wait-connect", ringing],
  ["established", received],
] as const)(
  "RFC 3931 §7.3: a CDN in %s ends the session with an acknowledgement and nothing more",
  (state, setUp) => {
    const { bench, peer, ids } = setUp();
    expect(bench.sessionState).toBe(state);
    peer.say("CDN", { ...removed(1), ...ids });
    expect(peer.hear("ZLB").nr).toBe(peer.ns);
    expect([bench.sessionState, bench.forwarded]).toEqual(["idle", []]);
    expect(bench.sessionWhyNot).toBe("the peer disconnected it: circuit disconnected (result 1)");
  },
);

test.each([
  ["wait-reply", calling, 0],
  ["wait-connect", ringing, PEER_SESSION],
  ["established", received, PEER_SESSION],
] as const)("RFC 3931 §7.3: closing in %s says CDN 3", (_state, setUp, remoteSessionId) => {
  const { bench, peer, ids } = setUp();
  peer.acknowledge();
  bench.input({ kind: "close-session", pseudowire: "lan" });
  expect(peer.hear("CDN").avps).toMatchObject({
    ...removed(3),
    localSessionId: ids.remoteSessionId,
    remoteSessionId,
  });
  expect([bench.lcce.snapshot().pseudowires, bench.forwarded]).toEqual([[], []]);
});

test("RFC 3931 §5.4.4: CDN, SLI or WEN with Remote Session ID 0 is matched by its Local Session ID", () => {
  const byTheirs = { localSessionId: PEER_SESSION, remoteSessionId: 0 };
  const { bench, peer } = ringing();
  peer.say("SLI", { ...byTheirs, circuitStatus: circuitStatus(false) });
  expect(bench.lcce.snapshot().pseudowires[0]?.remoteStatus?.active).toBe(false);
  const counters = { hardwareOverruns: 1, bufferOverruns: 2, timeoutErrors: 3, alignmentErrors: 4 };
  peer.say("WEN", { ...byTheirs, circuitErrors: counters });
  expect(bench.sessionState).toBe("wait-connect");
  peer.say("CDN", { ...removed(3), localSessionId: PEER_SESSION + 1, remoteSessionId: 0 });
  peer.say("CDN", { ...removed(3), localSessionId: 0, remoteSessionId: 0 });
  expect([bench.sessionState, bench.discards]).toEqual(["wait-connect", { "unknown-session": 2 }]);
  peer.say("CDN", { ...removed(3), ...byTheirs });
  expect(bench.sessionState).toBe("idle");
});

test("RFC 3931 §6.12: a CDN with a wrong Local Session ID is matched by its Remote Session ID", () => {
  const { bench, peer, ids } = received();
  peer.say("CDN", { ...removed(3), ...ids, localSessionId: 0x90500000 });
  expect([peer.names(), bench.sessionState]).toEqual([["ZLB"], "idle"]);
});

test("RFC 3931 §7.3.2: an ICRP for no session gets a CDN, an ICCN for none nothing", () => {
  const { bench, peer } = answered();
  const ids = { localSessionId: PEER_SESSION, remoteSessionId: 77 };
  peer.say("ICCN", ids);
  peer.hear("ZLB");
  peer.say("ICRP", { ...ids, circuitStatus: circuitStatus(true) });
  expect(peer.hear("CDN").avps).toMatchObject({ ...removed(16), remoteSessionId: PEER_SESSION });
  expect(bench.discards).toEqual({ "unknown-session": 2 });
});

test("RFC 3931 §7.3: an acknowledged ICRQ without ICRP, or ICRP without ICCN, ends in CDN 16", () => {
  for (const setUp of [calling, ringing]) {
    const { bench, peer } = setUp();
    peer.acknowledge();
    bench.advance(limits.establishMs - 1);
    expect(peer.names()).not.toContain("CDN");
    peer.acknowledge();
    bench.advance(1);
    expect(peer.hear("CDN").avps).toMatchObject(removed(16));
    expect(bench.sessionWhyNot).toBe("the peer acknowledged but did not answer");
  }
});

test("RFC 3931 §4.2: the wait for an answer begins when our ICRQ or ICRP is acknowledged", () => {
  for (const setUp of [calling, ringing]) {
    const { bench, peer } = setUp();
    bench.advance(60_000);
    expect(new Set(peer.names())).toEqual(new Set([setUp === calling ? "ICRQ" : "ICRP"]));
    peer.acknowledge();
    bench.advance(limits.establishMs - 1);
    expect(peer.names()).not.toContain("CDN");
    peer.acknowledge();
    bench.advance(1);
    expect(peer.hear("CDN").avps).toMatchObject(removed(16));
  }
});

test("RFC 3931 §7.3.1: few calls wait for their ICRP at a time; each answer lets another be sent", () => {
  const { bench, peer } = initiated();
  const most = limits.outstandingCalls;
  for (let index = 0; index < most + 10; index += 1) bench.openSession(pseudowireSettings(`lan ${index}`));
  const states = () => bench.lcce.snapshot().pseudowires.map(({ state }) => state);
  expect(states().filter((state) => state === "wait-reply")).toHaveLength(most);
  const [first] = peer.heard();
  peer.say("ICRP", { ...idsOf(first?.avps ?? {}), circuitStatus: circuitStatus(true) });
  expect(states().filter((state) => state === "wait-reply")).toHaveLength(most);
  expect(states().filter((state) => state === "established")).toHaveLength(1);
  bench.input({ kind: "close-session", pseudowire: `lan ${most + 9}` });
  expect(bench.lcce.snapshot().pseudowires).toHaveLength(most + 9);
});

test("RFC 3931 §6.8, §6.12, §6.14: an ICCN, CDN or SLI overtakes calls that were never sent", () => {
  const { bench, peer, icrq } = calling();
  for (let index = 0; index < 20; index += 1) bench.openSession(pseudowireSettings(`lan ${index}`));
  peer.say("ICRP", { ...idsOf(icrq.avps), circuitStatus: circuitStatus(true) });
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  bench.input({ kind: "close-session", pseudowire: "lan" });
  const names = [...peer.names()];
  for (let round = 0; round < 3; round += 1) {
    peer.acknowledge();
    names.push(...peer.names());
  }
  expect(names.slice(0, 7)).toEqual(["ICRQ", "ICRQ", "ICCN", "ICRQ", "SLI", "CDN", "ICRQ"]);
});

test("RFC 3931 §6.12: nothing is said of a call that was closed before it was transmitted", () => {
  const { bench, peer } = calling();
  for (const name of ["one", "two", "other"]) bench.openSession(pseudowireSettings(name));
  bench.input({ kind: "close-session", pseudowire: "other" });
  expect(peer.names()).toEqual(["ICRQ", "ICRQ"]);
  peer.acknowledge();
  expect(peer.heard()).toEqual([]);
});

test("RFC 3931 §5.4.2: a session that a plane cannot forward ends by CDN 4, and is requested again", () => {
  const { bench, peer, icrq } = called();
  const localSessionId = icrq.avps.localSessionId ?? 0;
  bench.input({ kind: "forwarding-failed", localSessionId: 1, problem: "no such session" });
  bench.input({ kind: "forwarding-failed", localSessionId, problem: "out of memory" });
  const cdn = peer.hear("CDN");
  // Why is for our operator, and not for the peer's.
  const errorMessage = "it cannot forward the frames; its log says why";
  expect(cdn.avps.resultCode).toEqual({ resultCode: 4, errorCode: 0, errorMessage });
  expect([bench.forwarded, bench.sessionWhyNot]).toEqual([[], "out of memory"]);
  peer.acknowledge();
  bench.advance(1000);
  expect(peer.hear("ICRQ").avps.localSessionId).not.toBe(localSessionId);
});

test.each(["our", "the peer's"])("calls pause longer and longer where %s plane cannot forward", (whose) => {
  const { bench, peer, icrq } = called();
  let localSessionId = icrq.avps.localSessionId ?? 0;
  const pausesMs: number[] = [];
  for (let round = 1; round <= 4; round += 1) {
    if (whose === "our") {
      bench.input({ kind: "forwarding-failed", localSessionId, problem: "out of memory" });
      peer.hear("CDN");
      peer.acknowledge();
    } else {
      const ids = { localSessionId: PEER_SESSION + round - 1, remoteSessionId: localSessionId };
      peer.say("CDN", { ...removed(4), ...ids });
      peer.hear("ZLB");
    }
    const endedMs = bench.nowMs;
    while (bench.sessionState === "idle") bench.advance(100);
    pausesMs.push(bench.nowMs - endedMs);
    localSessionId = peer.hear("ICRQ").avps.localSessionId ?? 0;
    const ids = { localSessionId: PEER_SESSION + round, remoteSessionId: localSessionId };
    peer.say("ICRP", { ...ids, circuitStatus: circuitStatus(true) });
    peer.hear("ICCN");
    peer.acknowledge();
  }
  const [first = 0, second = 0, third = 0, fourth = 0] = pausesMs;
  expect(first).toBeLessThanOrEqual(1000);
  for (const [shorter, longer] of [
    [first, second],
    [second, third],
    [third, fourth],
  ] as const)
    expect(longer).toBeGreaterThan(shorter);
});

test("RFC 3931 §7.3: a plane's failure before or after the life of the session changes nothing", () => {
  const { bench, peer, icrp } = ringing();
  const localSessionId = icrp.avps.localSessionId ?? 0;
  bench.input({ kind: "forwarding-failed", localSessionId, problem: "late" });
  expect([peer.heard(), bench.sessionState]).toEqual([[], "wait-connect"]);
});

test("RFC 3931 §5.4.2: a peer's reason to disconnect is reported with all that its Result Code has", () => {
  const told = (resultCode: { resultCode: number; errorCode?: number; errorMessage?: string }) => {
    const { bench, peer, ids } = received();
    peer.say("CDN", { resultCode, ...ids });
    return bench.sessionWhyNot;
  };
  expect(told({ resultCode: 24 })).toBe("the peer disconnected it: it has no such pseudowire (result 24)");
  expect(told({ resultCode: 2, errorCode: 8, errorMessage: "AVP 5\n" })).toBe(
    'the peer disconnected it: general error (result 2, error 8); its words: "AVP 5"',
  );
  const long = "word ".repeat(30);
  expect(told({ resultCode: 4, errorMessage: long })).toMatch(/; its words: "(word )+word\.\.\."$/);
  expect(told({ resultCode: 4, errorMessage: "x".repeat(200) })).toMatch(/; its words: "x{117}\.\.\."$/);
  expect(told({ resultCode: 99 })).toContain("unnamed reason (result 99)");
  const { bench, peer, ids } = received();
  peer.say("CDN", ids);
  expect(bench.sessionWhyNot).toBe("CDN without resultCode");
});

test("RFC 3931 §6.12: the ids in a session's messages are those of the set-up", () => {
  const { bench, peer, icrq } = called();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  const { localSessionId, remoteSessionId } = peer.hear("SLI").avps;
  expect({ localSessionId, remoteSessionId }).toEqual({
    localSessionId: icrq.avps.localSessionId,
    remoteSessionId: idsOf({}).localSessionId,
  });
});
