import { describe, expect, test } from "vitest";
import type { ForwarderConfig } from "../../src/config/config.ts";
import { Forwarders } from "../../src/daemon/forwarders.ts";
import type { ChannelStatus } from "../../src/wire/session-parameters.ts";
import { sessionParameters } from "../support/sessions.ts";

const circuit = {
  kind: "interface",
  device: "eth1",
  linkLocal: "forward",
  followPeer: "none",
  allowHostUse: false,
} as const;
const redundant: ForwarderConfig = {
  circuit,
  mode: "redundant",
  members: [
    { pseudowire: "primary", priority: 1 },
    { pseudowire: "backup", priority: 2 },
  ],
};

const single = (pseudowire: string): ForwarderConfig => ({
  circuit,
  mode: "single",
  members: [{ pseudowire, priority: 0 }],
});

async function forwardersOf(...configs: readonly ForwarderConfig[]) {
  const done: string[] = [];
  const forwarders = new Forwarders({
    bind: async (localSessionId) => void done.push(`bind ${localSessionId}`),
    signal: (pseudowire, standby) => done.push(`${pseudowire} ${standby ? "stands by" : "works"}`),
  });
  await forwarders.configure(configs);
  return { forwarders, take: () => done.splice(0) };
}

/** The redundant forwarder with a session of each member, and nothing to take yet. */
async function redundantUp(ofPrimary = {}) {
  const { forwarders, take } = await forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  await forwarders.sessionAdded(session("primary", 1, ofPrimary));
  await forwarders.sessionAdded(session("backup", 2));
  take();
  return { forwarders, take };
}

function session(pseudowire: string, localSessionId: number, changes = {}) {
  return { session: { ...sessionParameters({ localSessionId }), pseudowire, ...changes } };
}

/** What the A and the S bit of the peer make of a session's parameters. */
function peerSays(active: boolean, standby: boolean) {
  return { transmitAllowed: active && !standby, remoteCircuitActive: active, receiveAllowed: !standby };
}

test("RFC 4664 §3.4: a pseudowire of no forwarder has its circuit alone, in each session", async () => {
  const { forwarders, take } = await forwardersOf();
  forwarders.attach("lan", circuit);
  await forwarders.sessionAdded(session("lan", 7));
  await forwarders.sessionUpdated(session("lan", 7, peerSays(false, false)));
  expect(take()).toEqual(["bind 7"]);
  await forwarders.sessionAdded(session("lan", 7));
  expect(take()).toEqual(["bind 7"]);
  await forwarders.sessionRemoved(7);
  forwarders.detach("lan");
  expect(take()).toEqual([]);
});

test("RFC 6718: a backup signals standby first, and is active while the peer's circuit is down", async () => {
  const { forwarders, take } = await forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  // Nobody is told anything before it is opened: it asks then.
  expect(take()).toEqual([]);
  expect(["primary", "backup"].map((name) => forwarders.isStandby(name))).toEqual([false, true]);
  await forwarders.sessionAdded(session("primary", 1));
  await forwarders.sessionAdded(session("backup", 2));
  expect(take()).toEqual(["bind 1"]);
  await forwarders.sessionUpdated(session("primary", 1, peerSays(false, false)));
  expect(take()).toEqual(["bind 2", "primary stands by", "backup works"]);
  expect(forwarders.stateOf("primary")).toEqual({
    ...{ members: ["primary", "backup"], active: "backup", standby: true },
  });
  await forwarders.sessionUpdated(session("primary", 1));
  expect(take()).toEqual(["bind 1", "primary works", "backup stands by"]);
});

/** TABLE: the A and the S bit of the preferred member's peer, and whether it keeps the circuit. */
const statuses: readonly (readonly [boolean, boolean, boolean])[] = [
  [true, false, true],
  [true, true, true],
  [false, false, false],
  [false, true, false],
];

test.each(statuses)(
  "RFC 5641 §2: with A bit %s and S bit %s of the peer, the member keeps the circuit: %s",
  async (active, standby, stays) => {
    for (const from of statuses) {
      const { forwarders, take } = await redundantUp(peerSays(from[0], from[1]));
      await forwarders.sessionUpdated(session("primary", 1, peerSays(active, standby)));
      expect(forwarders.stateOf("primary")?.active).toBe(stays ? "primary" : "backup");
      expect(take()[0]).toBe(from[2] === stays ? undefined : stays ? "bind 1" : "bind 2");
    }
  },
);

describe("a reload", () => {
  test("a backup that is added joins the forwarder of the member that is there", async () => {
    const { forwarders, take } = await forwardersOf(single("primary"));
    forwarders.attach("primary", circuit);
    await forwarders.sessionAdded(session("primary", 1));
    expect(take()).toEqual(["bind 1"]);
    expect(forwarders.stateOf("primary")).toBeUndefined();
    await forwarders.configure([redundant]);
    forwarders.attach("backup", circuit);
    expect(forwarders.isStandby("backup")).toBe(true);
    await forwarders.sessionAdded(session("backup", 2));
    expect(take()).toEqual([]);
    await forwarders.sessionRemoved(1);
    expect(take()).toEqual(["bind 2", "primary stands by", "backup works"]);
  });

  test("a preferred one that is added takes the circuit when it has a session", async () => {
    const { forwarders, take } = await forwardersOf(single("backup"));
    forwarders.attach("backup", circuit);
    await forwarders.sessionAdded(session("backup", 2));
    await forwarders.configure([redundant]);
    forwarders.attach("primary", circuit);
    expect(take()).toEqual(["bind 2"]);
    expect(forwarders.isStandby("primary")).toBe(true);
    await forwarders.sessionAdded(session("primary", 1));
    expect(take()).toEqual(["bind 1", "primary works", "backup stands by"]);
  });

  test("the member that is left has the circuit at once, and no longer stands by", async () => {
    const { forwarders, take } = await redundantUp();
    await forwarders.configure([single("backup")]);
    expect(take()).toEqual(["bind 2", "backup works"]);
    await forwarders.sessionRemoved(1);
    forwarders.detach("primary");
    expect(take()).toEqual([]);
    expect(forwarders.stateOf("backup")).toBeUndefined();
  });

  test("priorities that are exchanged move the circuit", async () => {
    const { forwarders, take } = await redundantUp();
    const members = redundant.members.map((member) => ({ ...member, priority: -member.priority }));
    await forwarders.configure([{ ...redundant, members }]);
    expect(take()).toEqual(["bind 2", "backup works", "primary stands by"]);
  });

  test("a member from another circuit is told by the one alone that it is attached to", async () => {
    const other = { ...circuit, device: "eth2" };
    const { forwarders, take } = await forwardersOf(single("primary"), {
      ...single("backup"),
      circuit: other,
    });
    forwarders.attach("primary", circuit);
    forwarders.attach("backup", other);
    await forwarders.sessionAdded(session("primary", 1));
    await forwarders.sessionAdded(session("backup", 2));
    take();
    await forwarders.configure([redundant]);
    expect(take()).toEqual([]);
    await forwarders.sessionRemoved(2);
    forwarders.detach("backup");
    forwarders.attach("backup", circuit);
    expect(forwarders.isStandby("backup")).toBe(true);
    await forwarders.sessionAdded(session("backup", 3));
    expect(take()).toEqual([]);
  });

  test("circuits on other VLANs of one interface are apart", async () => {
    const vlan = (id: number) => ({
      ...circuit,
      vlan: { id, idOnPseudowire: id, protocol: 0x8100 } as const,
    });
    const { forwarders, take } = await forwardersOf(
      { ...single("a"), circuit: vlan(10) },
      { ...single("b"), circuit: vlan(20) },
    );
    forwarders.attach("a", vlan(10));
    forwarders.attach("b", vlan(20));
    await forwarders.sessionAdded(session("a", 1));
    await forwarders.sessionAdded(session("b", 2));
    expect(take()).toEqual(["bind 1", "bind 2"]);
  });
});

test("RFC 6718: a backup is active while the primary is down, as its control channel says", async () => {
  const { forwarders, take } = await redundantUp();
  const says = (state: ChannelStatus["state"]) => ({
    ...session("primary", 1),
    channelStatus: { state },
  });
  const toBackup = ["bind 2", "primary stands by", "backup works"];
  const toPrimary = ["bind 1", "primary works", "backup stands by"];
  await forwarders.sessionUpdated(says("down"));
  expect(take()).toEqual(toBackup);
  await forwarders.sessionAdded(says("down"));
  expect(take()).toEqual([]);
  await forwarders.sessionUpdated(says("up"));
  expect(take()).toEqual(toPrimary);
  await forwarders.sessionUpdated(says("down"));
  expect(take()).toEqual(toBackup);
  await forwarders.sessionUpdated(says("admin-down"));
  expect(take()).toEqual(toPrimary);
});

test("a member that is attached again is in one forwarder with the other one", async () => {
  const { forwarders, take } = await forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  await forwarders.sessionAdded(session("backup", 2));
  forwarders.detach("primary");
  take();
  forwarders.attach("primary", circuit);
  await forwarders.sessionAdded(session("primary", 3));
  expect(take()).toEqual(["bind 3", "primary works", "backup stands by"]);
});
