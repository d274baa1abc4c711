import { expect, test } from "vitest";
import { decodeAvps } from "../../src/wire/avp.ts";
import type { CircuitStatus } from "../../src/wire/avp-table.ts";
import type { ChannelStatus } from "../../src/wire/session-parameters.ts";
import { pseudowireSettings } from "../simulation/world.ts";
import { lan } from "../support/bench.ts";
import { circuitStatus, rawAvp } from "../support/scripted-peer.ts";
import {
  answered,
  called,
  calling,
  idsOf,
  initiated,
  received,
  request,
  ringing,
} from "../support/set-up.ts";

const down = { active: false, isNew: false, receiveFault: true, transmitFault: true, standby: false };

function status(changes: Partial<CircuitStatus>): CircuitStatus {
  return { ...circuitStatus(true), ...changes };
}

test("RFC 4719 §2.3.2: each change of our circuit is sent by SLI, also faults, for which A is 0", () => {
  const { bench, peer } = received();
  const change = (active: boolean) => bench.input({ kind: "circuit-status", pseudowire: "lan", active });
  change(false);
  expect(peer.hear("SLI").avps.circuitStatus).toMatchObject(down);
  peer.acknowledge();
  change(false);
  expect(peer.heard()).toEqual([]);
  change(true);
  expect(peer.hear("SLI").avps.circuitStatus).toEqual(circuitStatus(true));
  expect(bench.sessionState).toBe("established");
});

test("RFC 5641 §2: standby of our end goes out by SLI, and by the ICCN of a call that is not up yet", () => {
  const { bench, peer } = received();
  const change = (standby: boolean) =>
    bench.input({ kind: "pseudowire-standby", pseudowire: "lan", standby });
  change(false);
  expect(peer.heard()).toEqual([]);
  change(true);
  expect(peer.hear("SLI").avps.circuitStatus).toEqual(status({ standby: true }));
  peer.acknowledge();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  expect(peer.hear("SLI").avps.circuitStatus).toMatchObject({ ...down, standby: true });

  const caller = initiated();
  caller.bench.openSession(lan);
  caller.bench.input({ kind: "pseudowire-standby", pseudowire: "lan", standby: true });
  const icrq = caller.peer.hear("ICRQ");
  caller.peer.say("ICRP", { ...idsOf(icrq.avps), circuitStatus: circuitStatus(true) });
  expect(caller.peer.hear("ICCN").avps.circuitStatus).toEqual(status({ standby: true }));
});

test("RFC 4719 §2.3.2: a port that goes down is told on each of its pseudowires", () => {
  const { bench, peer } = answered();
  const other = pseudowireSettings("other");
  const localIds = [lan, other].map((pseudowire, index) => {
    const localSessionId = index + 1;
    bench.openSession(pseudowire);
    peer.say("ICRQ", request({ localSessionId, remoteEndId: pseudowire.remoteEndId }));
    peer.say("ICCN", { ...idsOf(peer.hear("ICRP").avps), localSessionId });
    peer.hear("ZLB");
    return localSessionId;
  });
  for (const { name } of [lan, other])
    bench.input({ kind: "circuit-status", pseudowire: name, active: false });
  const told = peer.heard().map(({ name, avps }) => [name, avps.remoteSessionId]);
  expect(told).toEqual(localIds.map((id) => ["SLI", id]));
});

test("RFC 3931 §5.4.5: ICRQ, ICRP and ICCN tell the circuit's condition of the moment", () => {
  const { bench, peer } = initiated();
  bench.openSession(lan, false);
  const icrq = peer.hear("ICRQ");
  expect(icrq.avps.circuitStatus).toMatchObject(down);
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: true });
  peer.say("ICRP", { ...idsOf(icrq.avps), circuitStatus: circuitStatus(true) });
  expect(peer.hear("ICCN").avps.circuitStatus).toEqual(circuitStatus(true));

  const answering = answered();
  answering.bench.openSession(lan, false);
  answering.peer.say("ICRQ", request());
  expect(answering.peer.hear("ICRP").avps.circuitStatus).toMatchObject(down);
});

test("RFC 4719 §2.3.2: a change between ICRP and ICCN is told by SLI once the session stands", () => {
  const { bench, peer, ids } = ringing();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  expect(peer.heard()).toEqual([]);
  peer.say("ICCN", ids);
  expect(peer.hear("SLI").avps.circuitStatus).toMatchObject(down);
});

test("RFC 5641 §3: a session that its control channel says is down is a fault of the network, A is 0", () => {
  const { bench, peer, ids } = received();
  const { remoteSessionId: localSessionId } = ids;
  const says = (state: ChannelStatus["state"], id = localSessionId) =>
    bench.input({ kind: "channel-status", localSessionId: id, status: { state } });
  const channelStatus = () => bench.lcce.snapshot().pseudowires[0]?.channelStatus;
  says("up");
  says("down", localSessionId + 1);
  expect([peer.heard(), channelStatus()]).toEqual([[], { state: "up" }]);
  says("down");
  expect(peer.hear("SLI").avps.circuitStatus).toEqual(status({ active: false, psnReceiveFault: true }));
  peer.acknowledge();
  says("down");
  expect([peer.heard(), channelStatus()]).toEqual([[], { state: "down" }]);
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  expect(peer.hear("SLI").avps.circuitStatus).toEqual(status({ ...down, psnReceiveFault: true }));
  peer.acknowledge();
  says("admin-down");
  expect(peer.hear("SLI").avps.circuitStatus).toEqual(status(down));
  expect([bench.sessionState, bench.plane.length]).toEqual(["established", 1]);
});

test("what a control channel says of a session that is not up yet, or has gone, does no harm", () => {
  const { bench, peer, ids } = ringing();
  const { remoteSessionId: localSessionId } = ids;
  const says = () => bench.input({ kind: "channel-status", localSessionId, status: { state: "down" } });
  says();
  peer.say("ICCN", ids);
  expect(bench.lcce.snapshot().pseudowires[0]?.channelStatus).toBeUndefined();
  says();
  peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } });
  says();
  expect(bench.lcce.snapshot().pseudowires[0]?.channelStatus).toBeUndefined();
});

test.each([
  ["A=0", { active: false }, false],
  ["A=0 with faults", { active: false, receiveFault: true, psnTransmitFault: true }, false],
  ["A=1 with S", { standby: true }, false],
  ["A=1 with N", { isNew: true }, true],
  ["A=1", {}, true],
] as const)(
  "RFC 5641 §3: with %s from the peer, data towards it is as allowed as that says",
  (_name, changes, allowed) => {
    const { bench, peer, ids } = received();
    peer.say("SLI", { ...ids, circuitStatus: circuitStatus(false) });
    expect(bench.forwarded).toMatchObject([{ transmitAllowed: false }]);
    peer.say("SLI", { ...ids, circuitStatus: status(changes) });
    expect(bench.forwarded).toMatchObject([{ transmitAllowed: allowed }]);
    expect(bench.lcce.snapshot().pseudowires[0]?.remoteStatus).toEqual(status(changes));
  },
);

test.each([
  ["A=1", {}, true],
  ["A=0", { active: false }, true],
  ["A=1 with S", { standby: true }, false],
  ["A=0 with S", { active: false, standby: true }, false],
] as const)(
  "C-236 RFC 5641 §2: with %s from the peer, what it sends goes to the circuit as that says",
  (_name, changes, allowed) => {
    for (const other of [{ standby: !allowed }, { active: false, standby: !allowed }, { standby: allowed }]) {
      const { bench, peer, ids } = received();
      peer.say("SLI", { ...ids, circuitStatus: status(other) });
      peer.say("SLI", { ...ids, circuitStatus: status(changes) });
      expect(bench.forwarded).toMatchObject([{ receiveAllowed: allowed }]);
    }
    const circuitStatus = status(changes);
    expect(received(lan, { circuitStatus }).bench.forwarded).toMatchObject([{ receiveAllowed: allowed }]);
    expect(called(lan, { circuitStatus }).bench.forwarded).toMatchObject([{ receiveAllowed: allowed }]);
  },
);

/** All that a peer may say of its circuit by the A and the S bit. */
const bits = [
  { active: true, standby: false },
  { active: true, standby: true },
  { active: false, standby: false },
  { active: false, standby: true },
];

test.each(bits.flatMap((from) => bits.map((to) => ({ from, to }))))(
  "RFC 5641 §2: active and standby of the peer are independent: from $from to $to",
  ({ from, to }) => {
    const parametersOf = ({ active, standby }: (typeof bits)[number]) => ({
      remoteCircuitActive: active,
      receiveAllowed: !standby,
      transmitAllowed: active && !standby,
    });
    const { bench, peer, ids } = received(lan, { circuitStatus: status(from) });
    expect(bench.forwarded).toMatchObject([parametersOf(from)]);
    peer.say("SLI", { ...ids, circuitStatus: status(to) });
    expect(bench.forwarded).toMatchObject([parametersOf(to)]);
  },
);

test.each(["receiveFault", "transmitFault", "psnReceiveFault", "psnTransmitFault"] as const)(
  "RFC 5641 §3: A beside a fault (%s) does not mean that the circuit is up",
  (fault) => {
    const { bench, peer, ids } = received();
    peer.say("SLI", { ...ids, circuitStatus: status({ active: true, [fault]: true }) });
    expect(bench.forwarded).toMatchObject([{ remoteCircuitActive: false, transmitAllowed: false }]);
    peer.say("SLI", { ...ids, circuitStatus: status({ active: true }) });
    expect(bench.forwarded).toMatchObject([{ remoteCircuitActive: true, transmitAllowed: true }]);
  },
);

test("RFC 3931 §5.4.5: the status in ICRQ, ICRP and ICCN holds from the start; absent is active", () => {
  expect(received(lan, { circuitStatus: circuitStatus(false) }).bench.forwarded[0]?.transmitAllowed).toBe(
    false,
  );
  expect(called(lan, { circuitStatus: circuitStatus(false) }).bench.forwarded[0]?.transmitAllowed).toBe(
    false,
  );
  const { circuitStatus: _gone, ...bare } = request();
  const { bench, peer } = answered();
  bench.openSession(lan);
  peer.say("ICRQ", bare);
  peer.say("ICCN", idsOf(peer.hear("ICRP").avps));
  expect(bench.forwarded[0]?.transmitAllowed).toBe(true);
});

test("RFC 4719 §2.3.2: an SLI right after the set-up, at any time, or without a status does no harm", () => {
  const { bench, peer, ids } = calling();
  peer.say("SLI", { ...ids, circuitStatus: circuitStatus(false) });
  peer.hear("ZLB");
  expect(bench.sessionState).toBe("wait-reply");
  peer.say("ICRP", ids);
  peer.hear("ICCN");
  expect(bench.forwarded[0]?.transmitAllowed).toBe(false);
  peer.say("SLI", ids);
  peer.say("SLI", { ...ids, circuitStatus: circuitStatus(true) });
  expect(peer.names()).toEqual(["ZLB", "ZLB"]);
  expect(bench.plane.map(({ kind }) => kind)).toEqual(["forwarding-add", "forwarding-update"]);
});

test("RFC 3931 §5.4.5: an SLI that changes nothing does not trouble the plane", () => {
  const { bench, peer, ids } = received();
  peer.say("SLI", { ...ids, circuitStatus: circuitStatus(true) });
  expect(bench.plane.map(({ kind }) => kind)).toEqual(["forwarding-add"]);
});

test("RFC 3931 §5.4.5: undefined bits of a Circuit Status are ignored, and sent 0", () => {
  const { bench, peer, ids } = received();
  const status = rawAvp(71, { value: Uint8Array.of(0xff, 0x81) });
  peer.say("SLI", ids, { raw: [status] });
  expect(bench.lcce.snapshot().pseudowires[0]?.remoteStatus).toEqual(circuitStatus(true));
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  const sli = decodeAvps(peer.heard().at(-1)?.octets ?? new Uint8Array(0));
  expect(sli.find(({ attributeType }) => attributeType === 71)?.value).toEqual(Uint8Array.of(0, 0x0c));
});
