import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Forwarder,
  type ForwarderEffect,
  type ForwarderInput,
  type ForwarderSettings,
} from "../../src/control/forwarder.ts";
import { assertProperty } from "../support/seeds.ts";

const active = { active: true, standby: false };
const down = { active: false, standby: false };
const standby = { active: true, standby: true };

const redundant: ForwarderSettings = {
  mode: "redundant",
  members: [
    { pseudowire: "backup", priority: 2 },
    { pseudowire: "primary", priority: 1 },
  ],
};

function up(pseudowire: string, localSessionId: number, peer = active): ForwarderInput {
  return { kind: "session-up", pseudowire, localSessionId, peer };
}

function says(localSessionId: number, peer: typeof active): ForwarderInput {
  return { kind: "peer-status", localSessionId, peer };
}

function gone(localSessionId: number): ForwarderInput {
  return { kind: "session-down", localSessionId };
}

const settings = (changed: ForwarderSettings): ForwarderInput => ({ kind: "settings", settings: changed });
const bind = (localSessionId: number): ForwarderEffect => ({ kind: "bind", localSessionId });
const signal = (pseudowire: string, isStandby: boolean): ForwarderEffect => ({
  kind: "signal",
  pseudowire,
  standby: isStandby,
});

describe("a single forwarder, as today's files make them", () => {
  const single: ForwarderSettings = { mode: "single", members: [{ pseudowire: "lan", priority: 0 }] };

  test("RFC 4664 §3.4: the circuit is bound to each session of its pseudowire; nothing is signalled", () => {
    const forwarder = new Forwarder(single);
    expect(forwarder.start()).toEqual([]);
    expect(forwarder.handle(up("lan", 1))).toEqual([bind(1)]);
    expect(forwarder.handle(says(1, down))).toEqual([]);
    expect(forwarder.handle(says(1, standby))).toEqual([]);
    expect(forwarder.active).toBe("lan");
    expect(forwarder.handle(gone(1))).toEqual([]);
    expect(forwarder.active).toBeUndefined();
    expect(forwarder.handle(up("lan", 2))).toEqual([bind(2)]);
  });

  test("a session that comes up again under its id is bound again", () => {
    const forwarder = new Forwarder(single);
    forwarder.handle(up("lan", 1));
    expect(forwarder.handle(up("lan", 1))).toEqual([bind(1)]);
  });

  test("a session that replaces another before that ended keeps the circuit when it ends", () => {
    const forwarder = new Forwarder(single);
    forwarder.handle(up("lan", 1));
    expect(forwarder.handle(up("lan", 2))).toEqual([bind(2)]);
    expect(forwarder.handle(gone(1))).toEqual([]);
    expect(forwarder.active).toBe("lan");
  });
});

test("a single forwarder gives the circuit to its preferred member alone, and none stands by", () => {
  const forwarder = new Forwarder({ ...redundant, mode: "single" });
  expect(forwarder.start()).toEqual([]);
  expect(forwarder.handle(up("backup", 2))).toEqual([]);
  expect(forwarder.handle(up("primary", 1))).toEqual([bind(1)]);
  expect(forwarder.handle(says(1, down))).toEqual([]);
  expect(forwarder.handle(gone(1))).toEqual([]);
  expect(forwarder.active).toBeUndefined();
});

describe("other settings of a forwarder", () => {
  const single = (pseudowire: string): ForwarderSettings => ({
    mode: "single",
    members: [{ pseudowire, priority: 0 }],
  });

  test("a member that joins stands by, and the one that is there keeps the circuit", () => {
    const forwarder = new Forwarder(single("primary"));
    forwarder.start();
    forwarder.handle(up("primary", 1));
    expect(forwarder.handle(settings(redundant))).toEqual([signal("backup", true)]);
    expect(forwarder.handle(up("backup", 2))).toEqual([]);
    expect([forwarder.members, forwarder.active]).toEqual([["primary", "backup"], "primary"]);
  });

  test("when the active member leaves, the other one has the circuit and signals so", () => {
    const forwarder = new Forwarder(redundant);
    forwarder.start();
    forwarder.handle(up("primary", 1));
    forwarder.handle(up("backup", 2));
    expect(forwarder.handle(settings(single("backup")))).toEqual([bind(2), signal("backup", false)]);
    expect(forwarder.handle(gone(1))).toEqual([]);
    expect(forwarder.isStandby("primary")).toBe(false);
  });

  test("the same settings again change nothing", () => {
    const forwarder = new Forwarder(redundant);
    forwarder.start();
    forwarder.handle(up("backup", 2));
    expect(forwarder.handle(settings({ ...redundant }))).toEqual([]);
  });

  test("one that follows its peer from now on goes where the peer is not in standby", () => {
    const forwarder = new Forwarder(redundant);
    forwarder.start();
    forwarder.handle(up("primary", 1, standby));
    forwarder.handle(up("backup", 2));
    expect(forwarder.active).toBe("primary");
    forwarder.handle(settings({ ...redundant, follows: "peer" }));
    expect(forwarder.active).toBe("backup");
  });
});

describe("a redundant forwarder (RFC 6718)", () => {
  test("before any session all members but the preferred one stand by", () => {
    expect(new Forwarder(redundant).start()).toEqual([signal("backup", true)]);
  });

  /** TABLE: what happens, in order, and what the forwarder does then. */
  const stories: readonly (readonly [string, readonly (readonly [ForwarderInput, ForwarderEffect[]])[]])[] = [
    [
      "the preferred member comes up first",
      [
        [up("primary", 1), [bind(1)]],
        [up("backup", 2), []],
      ],
    ],
    [
      "the other one comes up first, and is replaced",
      [
        [up("backup", 2), [bind(2), signal("primary", true), signal("backup", false)]],
        [up("primary", 1), [bind(1), signal("primary", false), signal("backup", true)]],
      ],
    ],
    [
      "the preferred one goes, and comes again",
      [
        [up("primary", 1), [bind(1)]],
        [up("backup", 2), []],
        [gone(1), [bind(2), signal("primary", true), signal("backup", false)]],
        [up("primary", 3), [bind(3), signal("primary", false), signal("backup", true)]],
      ],
    ],
    [
      "the peer's circuit of the preferred one goes down: RFC 5641 §2",
      [
        [up("primary", 1), [bind(1)]],
        [up("backup", 2), []],
        [says(1, down), [bind(2), signal("primary", true), signal("backup", false)]],
        [says(2, down), [bind(1), signal("primary", false), signal("backup", true)]],
      ],
    ],
    [
      "the peer's standby bit alone does not change our choice: RFC 6870 §5.1",
      [
        [up("primary", 1), [bind(1)]],
        [up("backup", 2), []],
        [says(1, standby), []],
      ],
    ],
    [
      "all go: the preferred one is signalled again until there is another session",
      [
        [up("backup", 2), [bind(2), signal("primary", true), signal("backup", false)]],
        [gone(2), [signal("primary", false), signal("backup", true)]],
      ],
    ],
  ];

  test.each(stories)("%s", (_name, steps) => {
    const forwarder = new Forwarder(redundant);
    forwarder.start();
    for (const [input, effects] of steps) {
      const order = (all: readonly ForwarderEffect[]) => all.map((effect) => JSON.stringify(effect)).sort();
      expect(order(forwarder.handle(input))).toEqual(order(effects));
    }
  });

  test("RFC 6870 §5.2: one that follows its peer uses the member where the peer is not in standby", () => {
    const forwarder = new Forwarder({ ...redundant, follows: "peer" });
    forwarder.start();
    forwarder.handle(up("primary", 1, standby));
    expect(forwarder.active).toBe("primary");
    forwarder.handle(up("backup", 2));
    expect(forwarder.active).toBe("backup");
    forwarder.handle(up("primary", 1));
    expect(forwarder.active).toBe("primary");
  });
});

test("any events and members: exactly one is not in standby, and is bound if it has a session", () => {
  const names = ["a", "b", "c"];
  const inputs = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant("session-up" as const),
        pseudowire: fc.constantFrom(...names),
        localSessionId: fc.integer({ min: 1, max: 6 }),
        peer: fc.record({ active: fc.boolean(), standby: fc.boolean() }),
      }),
      fc.record({
        kind: fc.constant("peer-status" as const),
        localSessionId: fc.integer({ min: 1, max: 6 }),
        peer: fc.record({ active: fc.boolean(), standby: fc.boolean() }),
      }),
      fc.record({
        kind: fc.constant("session-down" as const),
        localSessionId: fc.integer({ min: 1, max: 6 }),
      }),
      fc
        .tuple(fc.shuffledSubarray(names, { minLength: 1 }), fc.constantFrom("single", "redundant"))
        .map(([chosen, mode]): ForwarderInput => {
          const members = chosen.map((pseudowire, priority) => ({ pseudowire, priority }));
          return { kind: "settings", settings: { mode, members } };
        }),
    ),
    { maxLength: 20 },
  );
  assertProperty(
    fc.property(inputs, fc.constantFrom("own" as const, "peer" as const), (story, follows) => {
      const members = names.map((pseudowire, priority) => ({ pseudowire, priority }));
      const forwarder = new Forwarder({ mode: "redundant", members, follows });
      const isStandby = new Map(names.map((name) => [name, false]));
      const sessions = new Map<string, number>();
      let bound: number | undefined;
      let now: ForwarderSettings = { mode: "redundant", members };
      const perform = (effects: readonly ForwarderEffect[]) => {
        for (const effect of effects) {
          if (effect.kind === "bind") bound = effect.localSessionId;
          else isStandby.set(effect.pseudowire, effect.standby);
        }
      };
      perform(forwarder.start());
      for (const input of story) {
        // An id belongs to one pseudowire as long as its session lives.
        const owner =
          input.kind === "settings"
            ? undefined
            : [...sessions].find(([, id]) => id === input.localSessionId)?.[0];
        const isMember = (name: string) => now.members.some(({ pseudowire }) => pseudowire === name);
        if (input.kind === "settings") {
          now = input.settings;
          for (const name of names.filter((one) => !isMember(one))) {
            isStandby.set(name, false);
            sessions.delete(name);
          }
        } else if (input.kind === "session-up") {
          if (!isMember(input.pseudowire)) continue;
          if (owner !== undefined && owner !== input.pseudowire) continue;
          sessions.set(input.pseudowire, input.localSessionId);
        } else if (input.kind === "session-down" && owner !== undefined) sessions.delete(owner);
        perform(forwarder.handle(input));
        const working = forwarder.members.filter((name) => isStandby.get(name) === false);
        expect(working).toHaveLength(now.mode === "single" ? now.members.length : 1);
        const [only = ""] = working;
        expect(forwarder.active).toBe(sessions.has(only) ? only : undefined);
        if (sessions.has(only)) expect(bound).toBe(sessions.get(only));
        else if (now.mode === "redundant") expect(sessions.size).toBe(0);
      }
    }),
    { seed: 1, runs: 500 },
  );
});
