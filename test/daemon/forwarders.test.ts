import { expect, test } from "vitest";
import type { ForwarderConfig } from "../../src/config/config.ts";
import { Forwarders } from "../../src/daemon/forwarders.ts";
import { sessionParameters } from "../support/sessions.ts";

const circuit = { kind: "interface", device: "eth1", linkLocal: "forward", allowHostUse: false } as const;
const redundant: ForwarderConfig = {
  circuit,
  mode: "redundant",
  members: [
    { pseudowire: "primary", priority: 1 },
    { pseudowire: "backup", priority: 2 },
  ],
};

function forwardersOf(...configs: readonly ForwarderConfig[]) {
  const done: string[] = [];
  const forwarders = new Forwarders({
    bind: async (localSessionId) => void done.push(`bind ${localSessionId}`),
    signal: (pseudowire, standby) => done.push(`${pseudowire} ${standby ? "stands by" : "works"}`),
  });
  forwarders.configure(configs);
  return { forwarders, take: () => done.splice(0) };
}

function session(pseudowire: string, localSessionId: number, changes = {}) {
  return { ...sessionParameters({ localSessionId }), pseudowire, ...changes };
}

test("RFC 4664 §3.4: a pseudowire of no forwarder has its circuit alone, in each session", async () => {
  const { forwarders, take } = forwardersOf();
  forwarders.attach("lan", circuit);
  await forwarders.sessionAdded(session("lan", 7));
  await forwarders.sessionUpdated(session("lan", 7, { transmitAllowed: false }));
  expect(take()).toEqual(["bind 7"]);
  await forwarders.sessionAdded(session("lan", 7));
  expect(take()).toEqual(["bind 7"]);
  await forwarders.sessionRemoved(7);
  forwarders.detach("lan");
  expect(take()).toEqual([]);
});

test("RFC 6718: a backup signals standby first, and is active while the peer's circuit is down", async () => {
  const { forwarders, take } = forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  expect(take()).toEqual(["backup stands by"]);
  expect(["primary", "backup"].map((name) => forwarders.isStandby(name))).toEqual([false, true]);
  await forwarders.sessionAdded(session("primary", 1));
  await forwarders.sessionAdded(session("backup", 2));
  expect(take()).toEqual(["bind 1"]);
  await forwarders.sessionUpdated(session("primary", 1, { transmitAllowed: false }));
  expect(take()).toEqual(["bind 2", "primary stands by", "backup works"]);
  await forwarders.sessionUpdated(session("primary", 1));
  expect(take()).toEqual(["bind 1", "primary works", "backup stands by"]);
});

test("RFC 5641 §2: what the peer stands by on has an active circuit, and keeps ours", async () => {
  const { forwarders, take } = forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  await forwarders.sessionAdded(session("primary", 1));
  await forwarders.sessionAdded(session("backup", 2));
  take();
  await forwarders.sessionUpdated(session("primary", 1, { transmitAllowed: false, receiveAllowed: false }));
  expect(take()).toEqual([]);
});

test("a member that is attached again is in one forwarder with the other one", async () => {
  const { forwarders, take } = forwardersOf(redundant);
  forwarders.attach("primary", circuit);
  forwarders.attach("backup", circuit);
  await forwarders.sessionAdded(session("backup", 2));
  forwarders.detach("primary");
  take();
  forwarders.attach("primary", circuit);
  await forwarders.sessionAdded(session("primary", 3));
  expect(take()).toEqual(["bind 3", "primary works", "backup stands by"]);
});
