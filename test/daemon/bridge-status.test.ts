import { expect, test } from "vitest";
import { type BridgeStatusSources, bridgeStatus } from "../../src/daemon/bridge-status.ts";
import type { LinkState } from "../../src/os/links.ts";

const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

function link(name: string, index: number, more: Partial<LinkState>): LinkState {
  const none = { kind: undefined, kindData: undefined, portData: undefined, alias: undefined };
  const own = { isOn: true, link: undefined, isLinkElsewhere: false };
  return { name, index, up: true, mtu: 1500, master: undefined, ...none, ...own, ...more };
}

const bridge = link("lan", 5, {
  kind: "bridge",
  alias: "ours",
  // IFLA_BR_STP_STATE, IFLA_BR_FDB_N_LEARNED, IFLA_BR_FDB_MAX_LEARNED
  kindData: new Map([
    [5, u32(1)],
    [48, u32(3)],
    [49, u32(10)],
  ]),
});
// IFLA_BRPORT_STATE and IFLA_BRPORT_ISOLATED
const port = (state: number, isolated: number) =>
  new Map([
    [1, Uint8Array.of(state)],
    [33, Uint8Array.of(isolated)],
  ]);
const states = [
  bridge,
  link("pw1", 7, { master: 5, portData: port(4, 1) }),
  link("eth1", 8, { master: 5, portData: port(3, 0) }),
  link("eth2", 9, { master: 6, portData: port(3, 0) }),
];
const discards = { "broadcast-storm": 7, "multicast-storm": 0, "unknown-unicast-storm": 0 };
const storms = { limits: { broadcast: 100 }, discards };
const sources: BridgeStatusSources = {
  states,
  isMade: ({ alias }) => alias === "ours",
  problem: (name) => (name === "lan" ? undefined : "it is missing"),
  pseudowiresOn: (device) => (device === "pw1" ? ["a"] : []),
  storms: ({ name }) => (name === "pw1" ? storms : undefined),
};

test("a bridge has its own ports with their states, and what it learnt of its limit", () => {
  expect(bridgeStatus("lan", sources)).toEqual({
    ...{ name: "lan", made: true, problem: undefined, learnt: 3, limit: 10, stp: true },
    ...{ vlanFiltering: undefined, loops: undefined },
    ports: [
      { device: "pw1", pseudowires: ["a"], state: "blocking", isolated: true, storms },
      { device: "eth1", pseudowires: [], state: "forwarding", isolated: false, storms: undefined },
    ],
  });
});

test("a bridge that is missing, and what is none, says why and has no ports", () => {
  for (const name of ["other", "eth1"])
    expect(bridgeStatus(name, sources)).toMatchObject({ made: false, problem: "it is missing", ports: [] });
});

test("loops, pairs that lead to the same bridge, and storms are notes", () => {
  const current = [
    { reason: "broadcast-storm", limit: 100, frames: 1, forMs: 300 },
    { reason: "multicast-storm", limit: 1, frames: 7, forMs: 61_400 },
  ] as const;
  const none = { malformed: 0, stale: 0, "bad-digest": 0, repeated: 0 };
  const found = [
    { from: "pw1", by: "eth1", blocked: "pw1" },
    { from: "pw2", by: "pw2" },
  ];
  const loops = { policy: "block", loops: found, duplicates: [["pw1", "pw3"]], discards: none } as const;
  const { notes } = bridgeStatus("lan", {
    ...sources,
    loops,
    storms: ({ name }) => (name === "pw1" ? { ...storms, current } : undefined),
  });
  expect(notes).toEqual([
    "a loop: frames that leave by pw1 come back by eth1, pw1 is blocked",
    "a loop: frames that leave by pw2 come back by pw2",
    "pw1 and pw3 lead to the same bridge: frames come twice; remove one",
    "a storm at port pw1: 1 frame beyond 100 a second dropped in 1 s: broadcast-storm",
    "a storm at port pw1: 7 frames beyond 1 a second dropped in 61 s: multicast-storm",
  ]);
  expect(bridgeStatus("lan", { ...sources, loops: { ...loops, loops: [], duplicates: [] } }).notes).toBe(
    undefined,
  );
});

test.each([
  [9, 10, undefined],
  [10, 10, [expect.stringMatching(/^10 of at most 10 MAC addresses learnt: .*mac_limit/)]],
  [1, 1, [expect.stringMatching(/^1 of at most 1 MAC address learnt/)]],
  [500, 0, undefined],
])("%d learnt addresses with a limit of %d: a note only at the limit", (learnt, limit, notes) => {
  const kindData = new Map([
    [48, u32(learnt)],
    [49, u32(limit)],
  ]);
  const full = { ...bridge, kindData };
  expect(bridgeStatus("lan", { ...sources, states: [full] }).notes).toEqual(notes);
});
