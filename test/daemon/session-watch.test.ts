import { expect, test } from "vitest";
import type { Log } from "../../src/daemon/log.ts";
import { SessionWatch } from "../../src/daemon/session-watch.ts";
import type { ForwardedBy, SessionCounters } from "../../src/forwarding/plane.ts";
import type { ChannelStatus } from "../../src/wire/session-parameters.ts";

/** A watch, and what it wrote. */
function watching(statuses = new Map<number, ChannelStatus>()) {
  const lines: string[] = [];
  const write = (level: string) => (_fields: object, text: string) => void lines.push(`${level} ${text}`);
  const log = { info: write("info"), warn: write("warn") } as unknown as Log;
  let planesOf = new Map<number, ForwardedBy>();
  const watch = new SessionWatch(log, {
    pseudowireOfSession: (id) => (id === 99 ? undefined : `pw${id}`),
    tunnelOf: (pseudowire) => (pseudowire === "pw7" ? "west" : "east"),
    forwardedBy: (id) => planesOf.get(id) as ForwardedBy,
    channelStatus: (id) => statuses.get(id),
  });
  const look = (sessions: readonly (readonly [number, Record<string, number>, ForwardedBy])[], nowMs = 0) => {
    const counters = sessions.map(
      ([localSessionId, discards]) => ({ localSessionId, discards }) as unknown as SessionCounters,
    );
    planesOf = new Map(sessions.map(([id, , forwarded]) => [id, forwarded]));
    watch.compare(counters, nowMs);
    return lines.splice(0);
  };
  return look;
}

const ebpf: ForwardedBy = { plane: "ebpf" };
const noRoute: ForwardedBy = { plane: "userspace", reason: "look up a route: ENETUNREACH" };

test("a session that another plane forwards now is logged at each change, with the reason", () => {
  const look = watching();
  expect(look([[1, {}, ebpf]])).toEqual([]);
  expect(look([[1, {}, noRoute]])).toEqual([
    "info pseudowire pw1: moved from plane ebpf to plane userspace: look up a route: ENETUNREACH",
  ]);
  expect(look([[1, {}, noRoute]])).toEqual([]);
  expect(look([[1, {}, ebpf]])).toEqual(["info pseudowire pw1: moved from plane userspace to plane ebpf"]);
});

test("a failed call of the kernel is a warning, of a session that is new too", () => {
  const look = watching();
  const failed: ForwardedBy = { plane: "userspace", reason: "attach: EMFILE", isFailure: true };
  expect(look([[1, {}, failed]])).toEqual(["warn pseudowire pw1: on plane userspace: attach: EMFILE"]);
  expect(look([[1, {}, failed]])).toEqual([]);
  expect(look([[1, {}, ebpf]])).toEqual(["info pseudowire pw1: moved from plane userspace to plane ebpf"]);
  expect(look([[1, {}, failed]])).toEqual([
    "warn pseudowire pw1: moved from plane ebpf to plane userspace: attach: EMFILE",
  ]);
});

test("of one that stays with its plane, only the reason is told that is another one", () => {
  const look = watching();
  look([[1, {}, noRoute]]);
  expect(look([[1, {}, { plane: "userspace", reason: "another" }]])).toEqual([
    "info pseudowire pw1: still on plane userspace, for a new reason: another",
  ]);
});

test.each(["wrong-cookie", "wrong-peer", "path-mtu", "psn-error"])(
  "frames that begin to be discarded as %s are told, and when none are any more, each time",
  (reason) => {
    const look = watching();
    expect(look([[1, { [reason]: 0 }, ebpf]])).toEqual([]);
    expect(look([[1, { [reason]: 3 }, ebpf]], 1000)).toEqual([
      `warn pseudowire pw1: frames are discarded as ${reason} (3 so far); see docs/discards.md`,
    ]);
    expect(look([[1, { [reason]: 500 }, ebpf]], 5000)).toEqual([]);
    expect(look([[1, { [reason]: 500 }, ebpf]], 34_999)).toEqual([]);
    expect(look([[1, { [reason]: 500 }, ebpf]], 35_000)).toEqual([
      `info pseudowire pw1: no more frames are discarded as ${reason}: none for 30 s, ` +
        "after 500 frames in 4 s",
    ]);
    expect(look([[1, { [reason]: 501 }, ebpf]], 90_000)).toEqual([
      `warn pseudowire pw1: frames are discarded as ${reason} (1 so far); see docs/discards.md`,
    ]);
    expect(look([], 91_000)).toEqual([
      `info pseudowire pw1: no more frames are discarded as ${reason}: their session is gone, ` +
        "after 1 frame in 1 s",
    ]);
    expect(look([], 200_000)).toEqual([]);
  },
);

test("reasons that are everyday are not told, nor sessions that no pseudowire has", () => {
  const look = watching();
  expect(
    look([
      [1, { "not-established": 9, oversize: 1 }, ebpf],
      [99, { "wrong-cookie": 5 }, ebpf],
    ]),
  ).toEqual([]);
});

test("what segments GSO packets is logged once for each tunnel, and at each change", () => {
  const look = watching();
  const by = (name: string): ForwardedBy => ({
    plane: "ebpf",
    gso: { choice: "segment", reason: `${name} is virtual` },
  });
  const whole: ForwardedBy = { plane: "ebpf", gso: { choice: "offload", reason: "eth0 segments them" } };
  const all = (forwarded: ForwardedBy) => Array.from({ length: 3 }, (_, id) => [id, {}, forwarded] as const);
  expect(look(all(by("veth0")))).toEqual(["info GSO packets of tunnel east: segment (veth0 is virtual)"]);
  expect(look(all(by("veth0")))).toEqual([]);
  expect(look([...all(by("veth0")), [7, {}, whole]])).toEqual([
    "info GSO packets of tunnel west: offload (eth0 segments them)",
  ]);
  expect(look(all(whole))).toEqual(["info GSO packets of tunnel east: offload (eth0 segments them)"]);
  expect(look(all(by("veth0")))).toEqual(["info GSO packets of tunnel east: segment (veth0 is virtual)"]);
});

test("many sessions at once write a few lines, and say how many were left out", () => {
  const look = watching();
  const all = (forwarded: ForwardedBy) =>
    Array.from({ length: 1000 }, (_, id) => [id, {}, forwarded] as const).filter(([id]) => id !== 99);
  look(all(ebpf));
  const lines = look(all(noRoute));
  expect([lines.length, lines.at(-1)]).toEqual([
    6,
    "info 994 more pseudowires with another plane; see: wirespan status",
  ]);
  const wrong = look(all(ebpf).map(([id, , forwarded]) => [id, { "wrong-cookie": 1 }, forwarded] as const));
  expect(wrong.at(-1)).toBe(
    "warn frames of 994 more pseudowires are discarded as wrong-cookie; see wirespan status",
  );
});

test("what the control channel of a session says is told at each change", () => {
  const statuses = new Map<number, ChannelStatus>();
  const look = watching(statuses);
  expect(look([[1, {}, ebpf]])).toEqual([]);
  const says = (status: ChannelStatus) => {
    statuses.set(1, status);
    return look([[1, {}, ebpf]]);
  };
  expect(says({ state: "up" })).toEqual(["info pseudowire pw1: control channel: up"]);
  expect(says({ state: "up" })).toEqual([]);
  expect(says({ state: "down", diagnostic: "nothing came" })).toEqual([
    "warn pseudowire pw1: control channel: down (nothing came)",
  ]);
  expect(says({ state: "down", diagnostic: "nothing came" })).toEqual([]);
  expect(says({ state: "admin-down" })).toEqual(["info pseudowire pw1: control channel: admin-down"]);
  statuses.clear();
  expect(look([[1, {}, ebpf]])).toEqual([]);
});

test("of control channels that say something else at once, a few are told, and how many more", () => {
  const statuses = new Map<number, ChannelStatus>();
  const look = watching(statuses);
  const all = Array.from({ length: 50 }, (_, index) => [index + 100, {}, ebpf] as const);
  for (const [id] of all) statuses.set(id, { state: "down" });
  const lines = look(all);
  expect(lines.length).toBe(6);
  expect(lines.at(-1)).toBe(
    "info 45 more pseudowires whose control channel says something else; see: wirespan status --json",
  );
});
