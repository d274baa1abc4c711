import { expect, test } from "vitest";
import { limits } from "../../src/control/settings.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { type Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import {
  answered,
  answering,
  called,
  idsOf,
  initiated,
  opening,
  received,
  request,
} from "../support/set-up.ts";

test.each([1, 6] as const)(
  "RFC 3931 §6.4: closing says StopCCN %i with our Assigned Control Connection ID",
  (resultCode) => {
    const { bench, peer } = answered();
    bench.input({ kind: "close-connection", peer: "peer", resultCode });
    const stop = peer.hear("StopCCN");
    expect(Object.keys(stop.avps)).toEqual(["resultCode", "assignedControlConnectionId"]);
    expect(stop).toMatchObject({
      controlConnectionId: peer.id,
      avps: { resultCode: { resultCode }, assignedControlConnectionId: peer.lcceId },
    });
  },
);

test("RFC 3931 §4.2: the sender of a StopCCN retransmits until it is acknowledged, or a whole cycle", () => {
  const { bench, peer } = answered();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  bench.advance(70_000);
  expect(peer.names()).toEqual(Array(11).fill("StopCCN"));
  expect(bench.lcce.hasNoConnections).toBe(false);
  bench.advance(1000);
  expect([bench.lcce.hasNoConnections, bench.lcce.deadlineMs, peer.names()]).toEqual([true, undefined, []]);

  const other = answered();
  other.bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  other.peer.hear("StopCCN");
  other.peer.acknowledge();
  expect([other.bench.lcce.hasNoConnections, other.bench.lcce.deadlineMs]).toEqual([true, undefined]);
});

test("a StopCCN that crosses ours is as good as an acknowledgement for who wants to leave", () => {
  const { bench, peer } = answered();
  expect(bench.lcce.isDrained).toBe(false);
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  expect(bench.lcce.isDrained).toBe(false);
  peer.say("StopCCN", { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id });
  expect([bench.lcce.isDrained, bench.lcce.hasNoConnections]).toEqual([true, false]);
});

test.each([
  ["wait-ctl-reply", opening],
  ["wait-ctl-conn", answering],
  ["established", answered],
] as const)(
  "RFC 3931 §3.3.2: a StopCCN in %s is acknowledged, again for 31 s if repeated, and ends in idle",
  (state, setUp) => {
    const { bench, peer } = setUp({ reconnectInitialMs: 600_000, reconnectCapMs: 600_000 });
    expect(bench.connectionState).toBe(state);
    const stop = peer.say("StopCCN", { resultCode: { resultCode: 1 }, assignedControlConnectionId: peer.id });
    expect(peer.hear("ZLB").controlConnectionId).toBe(peer.id);
    expect(bench.connectionState).toBe("idle");
    expect(bench.connectionWhyNot).toContain("closed by its operator");
    bench.advance(limits.lingerMs - 1);
    peer.deliver(stop);
    peer.hear("ZLB");
    bench.advance(1);
    expect(bench.lcce.hasNoConnections).toBe(true);
    peer.deliver(stop);
    expect(peer.heard()).toEqual([]);
  },
);

test("RFC 3931 §5.4.3: a StopCCN for our SCCRQ without an id gets no ACK, which none could match", () => {
  const { bench, peer } = opening({ reconnectInitialMs: 600_000, reconnectCapMs: 600_000 });
  peer.say("StopCCN", { resultCode: { resultCode: 3 } }, { ns: 0 });
  expect(peer.heard()).toEqual([]);
  expect(bench.connectionState).toBe("idle");
});

test("RFC 3931 §6.4: a StopCCN ends all sessions without CDNs", () => {
  const { bench, peer } = received();
  expect(bench.forwarded).toHaveLength(1);
  peer.say("StopCCN", { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id });
  peer.hear("ZLB");
  expect([bench.forwarded, bench.sessionState]).toEqual([[], "wait-control-conn"]);
  expect(bench.sessionWhyNot).toBe(
    "the control connection ended: the peer stopped it: it goes out of service (result 6)",
  );
});

test("RFC 3931 §5.4.3: a StopCCN before any SCCRP has only our id; a late SCCRP adds the peer's", () => {
  const { bench, peer } = opening();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  expect(peer.hear("StopCCN")).toMatchObject({
    controlConnectionId: 0,
    ns: 1,
    nr: 0,
    avps: { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.lcceId },
  });

  const late = opening();
  late.bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  late.peer.hear("StopCCN");
  late.peer.say("SCCRP", late.peer.openingAvps, { nr: 1 });
  expect(late.peer.hear("ZLB")).toMatchObject({ controlConnectionId: late.peer.id, nr: 1 });
  late.bench.advance(1000);
  expect(late.peer.hear("StopCCN")).toMatchObject({ controlConnectionId: late.peer.id, ns: 1, nr: 1 });
});

test("RFC 3931 §5.4.3: a StopCCN with id 0 is matched by its Assigned Control Connection ID", () => {
  const { bench, peer } = answering();
  const stop = { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id };
  const stranger = new ScriptedPeer(bench, 99);
  stranger.say("StopCCN", { ...stop, assignedControlConnectionId: 99 }, { ns: 1, controlConnectionId: 0 });
  expect([bench.connectionState, bench.discards]).toEqual(["wait-ctl-conn", { "unknown-connection": 1 }]);
  peer.say("StopCCN", stop, { controlConnectionId: 0, nr: 0 });
  peer.hear("ZLB");
  expect(bench.connectionState).toBe("idle");
});

test("RFC 3931 §5.4.3: a StopCCN for our SCCRQ that has its sender's id is acknowledged to that id", () => {
  const { peer } = opening();
  peer.say("StopCCN", { resultCode: { resultCode: 4 }, assignedControlConnectionId: peer.id });
  expect(peer.hear("ZLB").controlConnectionId).toBe(peer.id);
});

test("RFC 3931 §7.2: StopCCNs that cross are both acknowledged", () => {
  const { bench, peer } = answered();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  peer.hear("StopCCN");
  const stop = peer.say("StopCCN", { resultCode: { resultCode: 1 }, assignedControlConnectionId: peer.id });
  peer.hear("ZLB");
  bench.advance(10_000);
  peer.deliver(stop);
  peer.hear("ZLB");
  bench.advance(60_000);
  expect([peer.heard(), bench.lcce.hasNoConnections]).toEqual([[], true]);
});

/** What the LCCE says until it falls silent, each message acknowledged. */
function lastWords({ bench, peer }: { bench: Bench; peer: ScriptedPeer }): readonly string[] {
  const names: string[] = [];
  for (let round = 0; round < 200 && !bench.lcce.hasNoConnections; round += 1) {
    names.push(...peer.names());
    peer.acknowledge();
  }
  return names;
}

test("RFC 3931 §3.4.3: closing sends CDN for up to 64 sessions, StopCCN, and nothing that is queued", () => {
  const { bench, peer } = answered();
  for (let index = 1; index <= 100; index += 1) {
    const { name, remoteEndId } = pseudowireSettings(`lan ${index}`);
    bench.openSession(pseudowireSettings(name));
    peer.say("ICRQ", request({ localSessionId: index, remoteEndId }));
    const icrp = peer.heard().find(({ name: said }) => said === "ICRP");
    peer.say("ICCN", { ...idsOf(icrp?.avps ?? {}), localSessionId: index });
  }
  peer.heard();
  peer.acknowledge();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  const names = lastWords({ bench, peer });
  expect(names).toEqual([...Array(limits.disconnectedSessions).fill("CDN"), "StopCCN"]);
});

test("RFC 3931 §6.12: closing says no CDN for calls that were never transmitted", () => {
  const { bench, peer } = initiated();
  for (let index = 0; index < 100; index += 1) bench.openSession(pseudowireSettings(`lan ${index}`));
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  expect(lastWords({ bench, peer })).toEqual(["ICRQ", "ICRQ", "ICRQ", "CDN", "CDN", "CDN", "StopCCN"]);
});

test("RFC 3931 §4.2: after the last retransmission all is cleared, and nothing is sent", () => {
  const { bench, peer } = called();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  bench.advance(70_999);
  expect(peer.names()).toEqual(Array(11).fill("SLI"));
  expect(bench.forwarded).toHaveLength(1);
  bench.advance(1);
  expect([bench.forwarded, bench.sessionState, peer.names()]).toEqual([[], "wait-control-conn", []]);
  expect(bench.connectionWhyNot).toBe("the peer does not answer");
});

test("RFC 3931 §5.4.2: why a peer stopped is told in words, with whatever its Result Code holds", () => {
  const told = (resultCode?: { resultCode: number; errorCode?: number; errorMessage?: string }) => {
    const { bench, peer } = answered();
    const { assignedControlConnectionId } = peer.openingAvps;
    peer.say("StopCCN", {
      ...(resultCode === undefined ? {} : { resultCode }),
      assignedControlConnectionId: assignedControlConnectionId ?? 0,
    });
    return bench.connectionWhyNot;
  };
  expect(told({ resultCode: 3 })).toBe("the peer stopped it: a control connection already exists (result 3)");
  expect(told({ resultCode: 5, errorCode: 3 })).toContain(
    "protocol version not supported (result 5, error 3)",
  );
  expect(told({ resultCode: 99, errorCode: 0, errorMessage: "tsch\u00fcss\u001b[31m" })).toBe(
    'the peer stopped it: unnamed reason (result 99); its words: "tsch\u00fcss\\x1b[31m"',
  );
  expect(told()).toBe("the peer stopped it without a reason");
});

test("a connection closed is not opened again, and what was never opened cannot be closed", () => {
  const { bench, peer } = initiated();
  bench.openSession(lan);
  peer.hear("ICRQ");
  peer.acknowledge();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 1 });
  bench.input({ kind: "close-session", pseudowire: "lan" });
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  bench.input({ kind: "update-connection", peer: bench.settings });
  bench.openSession(lan);
  expect(peer.names()).toEqual(["CDN", "StopCCN"]);
  peer.acknowledge();
  bench.advance(3_600_000);
  expect(peer.heard()).toEqual([]);
});
