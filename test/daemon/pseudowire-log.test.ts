import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { ReportedEvent } from "../../src/control/effects.ts";
import type { Log } from "../../src/daemon/log.ts";
import { PseudowireIndex } from "../../src/daemon/pseudowire-index.ts";
import { PseudowireLog } from "../../src/daemon/pseudowire-log.ts";
import { UpDowns } from "../../src/daemon/up-downs.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";

/** A log of pseudowires of the tunnel "east", of which "fixed" is static, and what it wrote. */
function logging(names: readonly string[]) {
  const written: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  const write = (fields: Readonly<Record<string, unknown>>, text: string) =>
    void written.push([text, fields]);
  const upDowns = new UpDowns({ info: write, warn: write } as unknown as Log);
  const configured = (name: string) => ({ name, ...(name === "fixed" ? { staticSession: {} } : {}) });
  const pseudowires = names.map(configured);
  let config = { tunnels: [{ name: "east", pseudowires }] } as unknown as Config;
  const problems = new Map<string, string>();
  const clock = { nowMs: 0 };
  let active: string | undefined;
  const ofAll = new PseudowireLog(upDowns, {
    pseudowires: new PseudowireIndex(() => config),
    circuitProblem: (pseudowire) => problems.get(pseudowire),
    forwarder: () => (active === undefined ? undefined : { members: [active, "lan"], active, standby: true }),
  });
  const forwarding = (
    kind: "forwarding-add" | "forwarding-update",
    pseudowire: string,
    localSessionId: number,
    isActive: boolean,
    standby = false,
  ) => {
    const allowed = { remoteCircuitActive: isActive, receiveAllowed: !standby };
    const session = { pseudowire, localSessionId, ...allowed } as unknown as SessionParameters;
    ofAll.performed({ kind, session }, clock.nowMs);
  };
  const session = (pseudowire: string, localSessionId: number, change: Partial<ReportedEvent>) => {
    const names = { event: "session", peer: "east", pseudowire, localSessionId } as const;
    const event = { ...names, from: "wait-reply", cause: "icrp", to: "established", ...change };
    ofAll.performed({ kind: "report", event: event as ReportedEvent }, clock.nowMs);
  };
  return {
    log: ofAll,
    upDowns,
    clock,
    establish: (name: string, id: number, isActive = true) => {
      forwarding("forwarding-add", name, id, isActive);
      session(name, id, {});
    },
    peerSays: (name: string, id: number, isActive: boolean, standby = false) =>
      forwarding("forwarding-update", name, id, isActive, standby),
    end: (name: string, id: number, detail: string) =>
      session(name, id, { from: "established", cause: "cdn", to: "idle", detail } as Partial<ReportedEvent>),
    circuit: (name: string, problem: string | undefined) => {
      if (problem === undefined) problems.delete(name);
      else problems.set(name, problem);
      ofAll.localChanged(name, clock.nowMs);
    },
    standBy: (name: string, preferred: string | undefined) => {
      active = preferred;
      ofAll.localChanged(name, clock.nowMs);
    },
    reload: (tunnel: string, left: readonly string[]) => {
      config = { tunnels: [{ name: tunnel, pseudowires: left.map(configured) }] } as never;
    },
    /** Without for how long it was up or down. */
    lines: () =>
      written.splice(0).map(([text]) => text.replace(/(, was down for 0 s| \(was up for 0 s\))$/, "")),
    fields: () => written.splice(0).map(([, fields]) => fields),
  };
}

const LAN = "pseudowire lan of tunnel east is";

test("each time a pseudowire goes up or down is one line, with its tunnel and the reason", () => {
  const { establish, peerSays, end, circuit, lines } = logging(["lan"]);
  circuit("lan", undefined);
  expect(lines()).toEqual([]);
  establish("lan", 1);
  expect(lines()).toEqual([`${LAN} up`]);
  peerSays("lan", 1, false);
  peerSays("lan", 1, false);
  expect(lines()).toEqual([`${LAN} down: the attachment circuit at the other end is down`]);
  peerSays("lan", 1, true);
  circuit("lan", "eth1 is down");
  circuit("lan", undefined);
  expect(lines()).toEqual([`${LAN} up`, `${LAN} down: attachment circuit: eth1 is down`, `${LAN} up`]);
  peerSays("lan", 1, true, true);
  expect(lines()).toEqual([`${LAN} down: standby at the other end: its circuit has another pseudowire`]);
  end("lan", 1, "the control connection is down");
  circuit("lan", "eth1 is down");
  expect(lines()).toEqual([`${LAN} down: the control connection is down`]);
  establish("lan", 2);
  circuit("lan", undefined);
  expect(lines()).toEqual([`${LAN} down: attachment circuit: eth1 is down`, `${LAN} up`]);
});

test("a pseudowire that stands by at our end is down while another one has its circuit", () => {
  const { establish, standBy, lines } = logging(["lan"]);
  standBy("lan", "main");
  establish("lan", 1);
  standBy("lan", undefined);
  expect(lines()).toEqual([
    `${LAN} down: standby: pseudowire main has the frames of the circuit`,
    `${LAN} up`,
  ]);
});

test("since when it is down is known, whatever the reasons were, until it is up", () => {
  const { log, clock, establish, peerSays, circuit, end } = logging(["lan", "fixed"]);
  expect(["lan", "fixed"].map((name) => log.downMs(name))).toEqual([undefined, undefined]);
  establish("lan", 1);
  for (const [nowMs, step, since] of [
    [1000, () => circuit("lan", "eth1 is down"), 1000],
    [2000, () => peerSays("lan", 1, false), 1000],
    [3000, () => circuit("lan", undefined), 1000],
    [4000, () => end("lan", 1, "closed"), 1000],
    [5000, () => establish("lan", 2), undefined],
    [6000, () => peerSays("lan", 2, false), 6000],
  ] as const) {
    clock.nowMs = nowMs;
    step();
    expect([nowMs, log.downMs("lan")]).toEqual([nowMs, since]);
  }
  circuit("fixed", "eth1 is down");
  expect(log.downMs("fixed")).toBe(6000);
});

test("fields say which tunnel, which pseudowire, up or down, and why", () => {
  const { establish, end, fields } = logging(["lan"]);
  establish("lan", 1, false);
  end("lan", 1, "closed");
  establish("lan", 2);
  end("lan", 2, "closed");
  const common = { tunnel: "east", pseudowire: "lan" };
  const down = { event: "pseudowire-down", ...common };
  const never = { wasUpMs: undefined };
  expect(fields()).toEqual([
    {
      ...{ ...down, ...never, cause: "remote-circuit" },
      reason: "the attachment circuit at the other end is down",
    },
    { ...down, ...never, cause: "cdn", reason: "closed" },
    { event: "pseudowire-up", ...common, wasDownMs: undefined },
    { ...down, wasUpMs: 0, cause: "cdn", reason: "closed" },
  ]);
});

test("a session that another one has replaced takes nothing down", () => {
  const { establish, end, lines } = logging(["lan"]);
  establish("lan", 1);
  establish("lan", 2);
  end("lan", 1, "replaced");
  expect(lines()).toEqual([`${LAN} up`]);
});

test("of a static session the circuit alone decides", () => {
  const { circuit, lines } = logging(["fixed"]);
  circuit("fixed", undefined);
  circuit("fixed", "eth1 is down");
  expect(lines()).toEqual([
    "pseudowire fixed of tunnel east is up",
    "pseudowire fixed of tunnel east is down: attachment circuit: eth1 is down",
  ]);
});

test("a static session that we close is down, and up again only by its circuit", () => {
  const { log, upDowns, circuit, clock, lines } = logging(["fixed"]);
  const isUp = () => [upDowns.history("pseudowire", "fixed")?.isUp, log.countUp()];
  circuit("fixed", undefined);
  expect(isUp()).toEqual([true, 1]);
  log.staticClosed("fixed", clock.nowMs);
  expect(isUp()).toEqual([false, 0]);
  circuit("fixed", undefined);
  expect(isUp()).toEqual([true, 1]);
  expect(lines()).toEqual([
    "pseudowire fixed of tunnel east is up",
    "pseudowire fixed of tunnel east is down: its static session was closed",
    "pseudowire fixed of tunnel east is up",
  ]);
});

test("a static pseudowire that a reload removes and another one brings back is seen to go up", () => {
  const { log, upDowns, circuit, clock, reload, lines } = logging(["fixed"]);
  circuit("fixed", undefined);
  reload("east", []);
  log.staticClosed("fixed", clock.nowMs);
  upDowns.retain({ tunnels: [] } as unknown as Config);
  reload("east", ["fixed"]);
  lines();
  circuit("fixed", undefined);
  expect(lines()).toEqual(["pseudowire fixed of tunnel east is up"]);
  expect(upDowns.history("pseudowire", "fixed")?.isUp).toBe(true);
});

test("after a reload that renames the tunnel, the line has the new name", () => {
  const { establish, peerSays, reload, lines } = logging(["lan"]);
  establish("lan", 1);
  reload("west", ["lan"]);
  peerSays("lan", 1, false);
  expect(lines().at(-1)).toMatch(/^pseudowire lan of tunnel west is down: /);
});

test("a pseudowire that the configuration no longer has goes down with the tunnel that it was of", () => {
  const { establish, end, reload, lines } = logging(["lan"]);
  establish("lan", 1);
  reload("east", []);
  end("lan", 1, "closed");
  expect(lines()).toEqual([`${LAN} up`, `${LAN} down: closed`]);
});

test("of many at once a few are written, and how many more there are", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `pw${index}`);
  const { upDowns, establish, end, lines } = logging(names);
  for (const [index, name] of names.entries()) establish(name, index + 1);
  for (const [index, name] of names.entries()) end(name, index + 1, "closed");
  expect(lines()).toHaveLength(40);
  upDowns.close(0);
  upDowns.close(0);
  expect(lines()).toEqual(
    ["up", "down"].map((way) => `980 more pseudowires went ${way}; for all see: wirespan status --json`),
  );
});
