import { expect, test } from "vitest";
import type { LcceSnapshot, PseudowireSnapshot } from "../../src/control/snapshot.ts";
import { AdministrativeStates } from "../../src/daemon/administrative-states.ts";
import type { ForwarderState } from "../../src/daemon/forwarders.ts";
import { reportStatus } from "../../src/daemon/report.ts";
import type { PseudowireStatus } from "../../src/daemon/status.ts";
import type { CircuitStatus } from "../../src/wire/avp-table.ts";
import type { ChannelStatus } from "../../src/wire/session-parameters.ts";
import { configOf, configText } from "../support/configuration.ts";
import { sessionParameters } from "../support/sessions.ts";

/** What the peer says of its circuit. */
function remote(active: boolean, standby: boolean): CircuitStatus {
  const faults = {
    receiveFault: false,
    transmitFault: false,
    psnReceiveFault: false,
    psnTransmitFault: false,
  };
  return { active, isNew: false, standby, ...faults };
}

/** The status of pseudowire `lan`, established but for what is given. */
function reported(
  snapshot: Partial<PseudowireSnapshot>,
  {
    forwarder,
    problem,
    channelStatus,
    downMs,
    flapping,
  }: {
    readonly forwarder?: ForwarderState;
    readonly problem?: string;
    readonly channelStatus?: ChannelStatus;
    readonly downMs?: number;
    readonly flapping?: string;
  } = {},
): PseudowireStatus | undefined {
  const pseudowire: PseudowireSnapshot = {
    peer: "branch",
    pseudowire: "lan",
    state: "established",
    circuitActive: true,
    remoteStatus: undefined,
    channelStatus: undefined,
    session: undefined,
    establishedMs: 0,
    downMs: undefined,
    whyNot: undefined,
    notes: [],
    nextCallMs: undefined,
    ...snapshot,
  };
  const lcce: LcceSnapshot = {
    connections: [],
    pseudowires: [pseudowire],
    discards: {} as LcceSnapshot["discards"],
    unknownPeers: [],
    otherUnknownPeers: 0,
  };
  return reportStatus({
    config: configOf(configText()),
    snapshot: lcce,
    counters: { sessions: [], discards: {} },
    ipControlDrops: 0,
    plane: { name: "userspace", reason: "a test" },
    nowMs: 0,
    startedMs: 0,
    forwardedBy: () => ({ plane: "userspace", reason: "a test" }),
    ends: () => undefined,
    peerMoves: () => undefined,
    endsProblem: () => undefined,
    peerName: () => undefined,
    waiting: () => undefined,
    administrative: new AdministrativeStates(),
    upDowns: {
      downMs: () => downMs,
      changes: () => ({ ups: 2, downs: 1, lastChange: { agoMs: 5, text: "up" } }),
      flappingNote: () => flapping,
    },
    circuits: {
      problem: () => problem,
      forwarderState: () => forwarder,
      heldDown: () => undefined,
      channelStatus: (localSessionId) => (localSessionId === 7 ? channelStatus : undefined),
    },
    sizeNote: () => undefined,
    deviceMtu: () => 1500,
    staticPathMtu: () => undefined,
    pathLimits: () => undefined,
    sendProblem: () => undefined,
    log: { lines: 0, reason: undefined, leftOut: 0 },
    bridges: [],
    http: [],
  }).pseudowires[0];
}

const down = "the attachment circuit at the other end is down";
const standsBy: ForwarderState = { members: ["other", "lan"], active: "other", standby: true };
const ours = "standby: pseudowire other has the frames of the circuit";

/** TABLE: the peer's A and S bits, whether we stand by, and why no frames pass. */
const reasons: readonly (readonly [boolean, boolean, boolean, string | undefined])[] = [
  [true, false, false, undefined],
  [true, true, false, "standby at the other end: its circuit has another pseudowire"],
  [false, false, false, down],
  [false, true, false, down],
  [true, false, true, ours],
  [true, true, true, ours],
  [false, false, true, down],
  [false, true, true, down],
];

test.each(reasons)("with A bit %s and S bit %s of the peer, and standby here %s: %s", (...row) => {
  const [active, standby, isOurs, whyNot] = row;
  const status = reported({ remoteStatus: remote(active, standby) }, isOurs ? { forwarder: standsBy } : {});
  expect(status?.whyNot).toBe(whyNot);
  expect(status?.remoteCircuit).toBe(`${active ? "up" : "down"}${standby ? " (standby)" : ""}`);
});

test("for how long it is down is told with a reason: by its session, or by its circuit", () => {
  const down = { whyNot: "no call yet", downMs: -2000 };
  expect(reported(down)?.downForMs).toBe(2000);
  expect(reported({}, { problem: "eth1 is down", downMs: -3000 })?.downForMs).toBe(3000);
  expect(reported(down, { problem: "eth1 is down", downMs: -3000 })?.downForMs).toBe(2000);
  expect(reported({}, { problem: "eth1 is down" })?.downForMs).toBeUndefined();
  expect(reported({}, { downMs: -3000 })?.downForMs).toBeUndefined();
});

test("what keeps frames from passing in any case is said before standby", () => {
  const forwarder = standsBy;
  expect(reported({ whyNot: "no call yet" }, { forwarder })?.whyNot).toBe("no call yet");
  expect(reported({}, { forwarder, problem: "eth1 is down" })?.whyNot).toBe(
    "attachment circuit: eth1 is down",
  );
});

test("how the forwarder stands is there where there is a choice", () => {
  expect(reported({})?.forwarder).toBeUndefined();
  expect(reported({}, { forwarder: standsBy })?.forwarder).toEqual(standsBy);
  const none = { ...standsBy, active: undefined };
  expect(reported({}, { forwarder: none })?.whyNot).toBe(
    "standby: pseudowire other of the same circuit is preferred",
  );
});

test("what the control channel says of a session is in the status; down is why frames do not pass", () => {
  const session = sessionParameters({ localSessionId: 7 });
  const says = (channelStatus: ChannelStatus, problem?: string) =>
    reported({ session }, { channelStatus, ...(problem === undefined ? {} : { problem }) });
  const lost = { state: "down", diagnostic: "nothing came" } as const;
  expect(says({ state: "up" })).toMatchObject({ channelStatus: { state: "up" }, whyNot: undefined });
  expect(says({ state: "admin-down" })).toMatchObject({ state: "established", whyNot: undefined });
  expect(says(lost)).toMatchObject({
    state: "established",
    channelStatus: lost,
    whyNot: "control channel: down (nothing came)",
  });
  expect(says(lost, "eth1 is down")?.whyNot).toBe("attachment circuit: eth1 is down");
  expect(reported({ session: undefined }, { channelStatus: lost })?.channelStatus).toBeUndefined();
});

test("its ups and downs are told, and that it flaps as a note", () => {
  const { ups, downs, lastChange, notes } = reported({}, { flapping: "it is flapping" }) ?? {};
  expect({ ups, downs, lastChange, notes }).toEqual({
    ...{ ups: 2, downs: 1, lastChange: { agoMs: 5, text: "up" } },
    notes: ["it is flapping"],
  });
});
