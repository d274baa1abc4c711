import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { Effect, Input } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import { ChangeHistory, FLAPPING_DOWNS, FLAPPING_MS } from "../../src/daemon/change-history.ts";
import type { Log } from "../../src/daemon/log.ts";
import { PseudowireIndex } from "../../src/daemon/pseudowire-index.ts";
import { UpDownLog } from "../../src/daemon/up-down-log.ts";
import { UpDowns } from "../../src/daemon/up-downs.ts";
import { type Machine, pathBetween, peerSettings, pseudowireSettings, World } from "../simulation/world.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** A log that keeps what it is given. */
function keeping() {
  const lines: { level: string; text: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string) =>
    void lines.push({ level, text, fields });
  const log = { info: at("info"), warn: at("warn"), error: at("error") } as unknown as Log;
  return { log, lines };
}

const LAN = pseudowireSettings("lan");

/** An LCCE whose ups and downs are told, as the daemon tells them, and another one, with one pseudowire. */
class Watched {
  readonly world = new World(1);
  readonly lines: ReturnType<typeof keeping>["lines"];
  readonly upDowns: UpDownLog;
  readonly ours;
  readonly peer;
  problem: string | undefined;
  #tunnel = "hq";

  constructor() {
    const { log, lines } = keeping();
    this.lines = lines;
    const config = () =>
      ({ tunnels: [{ name: this.#tunnel, pseudowires: [{ name: "lan" }] }] }) as unknown as Config;
    this.upDowns = new UpDownLog(log, {
      pseudowires: new PseudowireIndex(config),
      circuitProblem: () => this.problem,
      forwarder: () => undefined,
    });
    const lcce = new Lcce({ hostName: "a", routerId: 1, vendorName: "Wirespan" }, new SeededRandom(2));
    this.ours = this.world.place("a", "192.0.2.1", this.#watched(lcce));
    this.peer = this.world.add("b", "192.0.2.2");
    this.open();
    this.openAtPeer();
  }

  /** Everything that happens to an LCCE is told, in the order that the daemon has. */
  #watched(lcce: Lcce): Machine {
    const told = (effects: readonly Effect[]) => {
      for (const effect of effects) this.upDowns.performed(effect, this.world.nowMs);
      return effects;
    };
    return {
      handle: (input, nowMs) => {
        const effects = told(lcce.handle(input, nowMs));
        this.upDowns.handled(input, nowMs);
        return effects;
      },
      expire: (nowMs) => told(lcce.expire(nowMs)),
      get deadlineMs() {
        return lcce.deadlineMs;
      },
    };
  }

  input(input: Input): void {
    this.world.input(this.ours, input);
  }

  open(): void {
    const quick = {
      delivery: { initialMs: 1000, capMs: 8000, limit: 10, receiveWindowSize: 8, silenceMs: 5000 },
    };
    const peer = peerSettings(this.#tunnel, pathBetween("192.0.2.1", "192.0.2.2"), {
      ...quick,
      helloIntervalMs: 5000,
    });
    this.input({ kind: "open-connection", peer });
    this.input({ kind: "open-session", peer: this.#tunnel, pseudowire: LAN, circuitActive: true });
  }

  openAtPeer(): void {
    const settings = peerSettings("a", pathBetween("192.0.2.2", "192.0.2.1"));
    this.world.input(this.peer, { kind: "open-connection", peer: settings });
    this.openSessionAtPeer();
  }

  openSessionAtPeer(): void {
    this.world.input(this.peer, { kind: "open-session", peer: "a", pseudowire: LAN, circuitActive: true });
  }

  rename(name: string): void {
    this.input({ kind: "rename-connections", newNames: new Map([[this.#tunnel, name]]) });
    this.#tunnel = name;
  }

  circuit(problem: string | undefined): void {
    this.problem = problem;
    this.input({ kind: "circuit-status", pseudowire: "lan", active: problem === undefined });
  }

  isUp(): boolean {
    return (
      this.upDowns.changes("pseudowire", "lan", this.world.nowMs).lastChange?.text.startsWith("up") === true
    );
  }

  /** Runs until the pseudowire is up or down. */
  until(isUp: boolean): void {
    expect(this.world.runUntil(() => this.isUp() === isUp, 300_000)).toBe(true);
  }

  pseudowire() {
    return this.upDowns.changes("pseudowire", "lan", this.world.nowMs);
  }

  tunnel() {
    return this.upDowns.changes("tunnel", this.#tunnel, this.world.nowMs);
  }

  texts(event: string): readonly string[] {
    return this.lines.filter(({ fields }) => fields["event"] === event).map(({ text }) => text);
  }
}

/** What brings a pseudowire down, and then lets it come up again. */
interface Cause {
  readonly name: string;
  readonly down: (watched: Watched) => void;
  readonly up?: (watched: Watched) => void;
  /** Whether the control connection goes down too. */
  readonly tunnel?: string;
  readonly cause: string;
  readonly reason: RegExp;
  readonly level?: "info";
}

/** TABLE: causes, by what is told of them. */
const causes: readonly Cause[] = [
  {
    name: "CDN of the peer",
    down: ({ world, peer }) => world.input(peer, { kind: "close-session", pseudowire: "lan" }),
    up: (watched) => watched.openSessionAtPeer(),
    cause: "cdn",
    reason: /^the peer disconnected it: closed by its operator \(result 3\); its words: "closed here"$/,
  },
  {
    name: "StopCCN of the peer",
    down: ({ world, peer }) => world.input(peer, { kind: "close-connection", peer: "a", resultCode: 6 }),
    up: (watched) => watched.openAtPeer(),
    tunnel: "stopccn",
    // It closes its sessions before.
    cause: "cdn",
    reason: /^the peer disconnected it: closed by its operator \(result 3\); its words: "closed here"$/,
  },
  {
    name: "silence of the peer",
    down: ({ world }) => {
      world.path = { ...world.path, loss: 1 };
    },
    up: ({ world }) => {
      world.path = { ...world.path, loss: 0 };
    },
    tunnel: "lost",
    cause: "connection-lost",
    reason: /^the control connection ended: the peer does not answer$/,
  },
  {
    name: "a pseudowire replaced by a reload",
    down: (watched) => watched.input({ kind: "close-session", pseudowire: "lan" }),
    up: (watched) =>
      watched.input({ kind: "open-session", peer: "hq", pseudowire: LAN, circuitActive: true }),
    cause: "close",
    reason: /^closed here$/,
    level: "info",
  },
  {
    name: "a tunnel replaced by a reload",
    down: (watched) => watched.input({ kind: "close-connection", peer: "hq", resultCode: 1 }),
    up: (watched) => watched.open(),
    tunnel: "close",
    cause: "close",
    reason: /^closed here$/,
    level: "info",
  },
  {
    name: "the circuit",
    down: (watched) => watched.circuit("eth1 is down"),
    up: (watched) => watched.circuit(undefined),
    cause: "circuit",
    reason: /^attachment circuit: eth1 is down$/,
  },
  {
    name: "the circuit at the other end",
    down: ({ world, peer }) =>
      world.input(peer, { kind: "circuit-status", pseudowire: "lan", active: false }),
    up: ({ world, peer }) => world.input(peer, { kind: "circuit-status", pseudowire: "lan", active: true }),
    cause: "remote-circuit",
    reason: /^the attachment circuit at the other end is down$/,
  },
  {
    name: "a plane that cannot carry it",
    down: (watched) => {
      const [session] = watched.ours.forwarding.values();
      const localSessionId = session?.localSessionId ?? 0;
      watched.input({ kind: "forwarding-failed", localSessionId, problem: "ENOMEM" });
    },
    cause: "forwarding-failed",
    reason: /^ENOMEM$/,
  },
  {
    name: "a new control connection of a peer that crashed",
    down: (watched) => {
      watched.world.restart(watched.peer);
      watched.openAtPeer();
    },
    tunnel: "retire",
    cause: "connection-lost",
    reason: /^the control connection ended: a newer control connection took over$/,
  },
];

describe.each(causes)("$name", ({ down, up, tunnel, cause, reason, level }) => {
  test("is told with cause, reason and times, and is the last change until there is another", () => {
    const watched = new Watched();
    watched.until(true);
    expect(watched.pseudowire()).toEqual({ lastChange: { agoMs: 0, text: "up" }, ups: 1, downs: 0 });
    expect(watched.tunnel()).toMatchObject({ ups: 1, downs: 0 });
    watched.world.run(60_000);
    down(watched);
    watched.until(false);
    const went = watched.lines.find(({ fields }) => fields["event"] === "pseudowire-down");
    expect(went?.level).toBe(level ?? "warn");
    expect(went?.fields).toMatchObject({ tunnel: "hq", pseudowire: "lan", cause });
    expect(went?.fields["reason"]).toMatch(reason);
    expect(went?.fields["wasUpMs"]).toBeGreaterThanOrEqual(60_000);
    const { lastChange, downs } = watched.pseudowire();
    expect(lastChange?.text).toBe(`down: ${went?.fields["reason"]}`);
    expect(downs).toBe(1);
    watched.world.run(3000);
    up?.(watched);
    watched.until(true);
    watched.world.run(1000);
    const after = watched.pseudowire();
    expect(after).toMatchObject({ ups: 2, downs: 1 });
    expect(after.lastChange?.agoMs).toBeGreaterThanOrEqual(1000);
    expect(after.lastChange?.text).toMatch(/^up again, was down for \d+ s: /);
    expect(after.lastChange?.text.endsWith(`: ${went?.fields["reason"]}`)).toBe(true);
    expect(watched.tunnel()).toMatchObject(
      tunnel === undefined ? { ups: 1, downs: 0 } : { ups: 2, downs: 1 },
    );
    const ofTunnel = watched.lines.find(
      ({ fields }) => fields["cause"] === tunnel && !("pseudowire" in fields),
    );
    if (tunnel !== undefined)
      expect(ofTunnel?.fields).toMatchObject({ event: tunnel === "retire" ? "tunnel-up" : "tunnel-down" });
  });

  test("again and again is flapping, in a bounded number of lines, until it is quiet", () => {
    const watched = new Watched();
    const times = 40;
    watched.until(true);
    for (let time = 1; time <= times; time += 1) {
      watched.world.run(15_000);
      down(watched);
      watched.until(false);
      up?.(watched);
      watched.until(true);
      watched.upDowns.close(watched.world.nowMs);
    }
    expect(watched.pseudowire()).toMatchObject({ ups: times + 1, downs: times, flapping: true });
    expect(watched.tunnel().flapping).toBe(tunnel === undefined ? undefined : true);
    const note = watched.upDowns.flappingNote("pseudowire", "lan", watched.world.nowMs);
    expect(note).toMatch(/^it is flapping: down \d+ times within .*; the last time: /);
    const told = watched.texts("flapping").filter((text) => text.startsWith("pseudowire"));
    expect(told.length).toBeLessThan(2 + watched.world.nowMs / FLAPPING_MS);
    expect(watched.lines.length).toBeLessThan(35);
    expect(watched.texts("flapping-over")).toEqual([]);
    watched.world.run(FLAPPING_MS);
    watched.upDowns.close(watched.world.nowMs);
    watched.upDowns.close(watched.world.nowMs);
    expect(watched.texts("flapping-over").filter((text) => text.startsWith("pseudowire"))).toEqual([
      expect.stringMatching(
        /^pseudowire lan of tunnel hq flaps no more: it stayed up for 10 min 0 s, after \d+ times down/,
      ),
    ]);
    expect(watched.pseudowire()).toMatchObject({ ups: times + 1, downs: times });
    expect(watched.pseudowire().flapping).toBeUndefined();
  });
});

test("a connection that takes the place of another one is one line: the tunnel is not down", () => {
  const watched = new Watched();
  watched.until(true);
  watched.world.restart(watched.peer);
  watched.openAtPeer();
  watched.world.run(10_000);
  expect(watched.texts("tunnel-down")).toEqual([]);
  expect(watched.texts("tunnel-up")).toEqual([
    "tunnel hq is up",
    "tunnel hq is up by another control connection: a newer control connection took over",
  ]);
});

test("a tunnel that a reload renames keeps its ups and downs; what is removed is forgotten", () => {
  const watched = new Watched();
  watched.until(true);
  watched.world.run(1000);
  watched.circuit("eth1 is down");
  watched.rename("lyon");
  expect(watched.tunnel()).toMatchObject({ ups: 1, downs: 0 });
  watched.circuit(undefined);
  expect(watched.texts("pseudowire-up").at(-1)).toMatch(
    /^pseudowire lan of tunnel lyon is up, was down for 0 s$/,
  );
  expect(watched.upDowns.changes("tunnel", "hq", 0)).toEqual({ ups: 0, downs: 0 });
  const left = { tunnels: [{ name: "lyon", pseudowires: [] }] } as unknown as Config;
  watched.upDowns.retain(left);
  expect(watched.pseudowire()).toEqual({ ups: 0, downs: 0 });
  expect(watched.tunnel()).toMatchObject({ ups: 1, downs: 0 });
});

/** TABLE: when something goes down, in minutes, and whether it flaps after the last of them. */
const times: readonly (readonly [readonly number[], boolean])[] = [
  [[0, 1, 2, 3], false],
  [[0, 1, 2, 3, 4], true],
  [[0, 2.5, 5, 7.5, 10], true],
  [[0, 3, 6, 9, 12], false],
  [[0, 20, 40, 60, 80, 100], false],
  [[0, 20, 21, 22, 23, 24], true],
];

test.each(times)("down at the minutes %j flaps: %s", (minutes, flaps) => {
  const history = new ChangeHistory();
  for (const minute of minutes) {
    history.wentUp(minute * 60_000 - 1);
    history.wentDown("a test", minute * 60_000);
  }
  expect([history.isFlapping, history.downs, FLAPPING_DOWNS]).toEqual([flaps, minutes.length, 5]);
});

test("one of many that flaps keeps the lines of the others in the log", () => {
  const { log, lines } = keeping();
  const upDowns = new UpDowns(log);
  const down = { cause: "cdn", reason: "a test", isPlanned: false };
  for (let time = 0; time < 1000; time += 1) {
    upDowns.wentUp("pseudowire", "bad", "hq", time * 10_000);
    upDowns.isDown("pseudowire", "bad", "hq", down, time * 10_000 + 5000);
    upDowns.close(time * 10_000 + 5000);
  }
  // Nearly three hours, with one line in ten minutes.
  expect(lines.length).toBeLessThan(30);
  lines.length = 0;
  for (let index = 0; index < 10; index += 1) upDowns.wentUp("pseudowire", `good-${index}`, "hq", 10_000_000);
  expect(lines.map(({ text }) => text)).toEqual(
    Array.from({ length: 10 }, (_, index) => `pseudowire good-${index} of tunnel hq is up`),
  );
});

test("10 000 pseudowires that go down at once are some lines, with how many were left out", () => {
  const { log, lines } = keeping();
  const upDowns = new UpDowns(log);
  const down = { cause: "connection-lost", reason: "a test", isPlanned: false };
  for (let index = 0; index < 10_000; index += 1) upDowns.wentUp("pseudowire", `p${index}`, "hq", 0);
  for (let index = 0; index < 10_000; index += 1) upDowns.isDown("pseudowire", `p${index}`, "hq", down, 1000);
  upDowns.close(1000);
  expect(lines).toHaveLength(42);
  expect(lines.slice(-2).map(({ fields }) => fields)).toEqual([
    { event: "pseudowire-up", more: 9980 },
    { event: "pseudowire-down", more: 9980 },
  ]);
  expect(upDowns.status("pseudowire", "p9999", 2000)).toEqual({
    ...{ ups: 1, downs: 1 },
    lastChange: { agoMs: 1000, text: "down: a test" },
  });
});
