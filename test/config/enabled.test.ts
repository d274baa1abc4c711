import { expect, test } from "vitest";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { formatPlan, planChange } from "../../src/config/plan.ts";
import { configOf, linesOf } from "../support/configuration.ts";

const tunnel = (name: string, keys: string, pseudowires: string) =>
  `  ${name}: { local: 192.0.2.1, remote: 192.0.2.2${keys}, pseudowires: { ${pseudowires} } }\n`;
const off = ", enabled: false";

/** Two tunnels with the same ends, and circuits as given. */
const fileOf = (
  keysOfA: string,
  keysOfB: string,
  circuitA = "tap: t",
  circuitB = "tap: t",
  more = ["", ""],
) =>
  `tunnels:\n${tunnel("a", keysOfA, `al: { circuit: { ${circuitA} }${more[0]} }`)}` +
  tunnel("b", keysOfB, `bl: { circuit: { ${circuitB} }${more[1]} }`);

test("what is disabled is not among tunnels, pseudowires and circuits, and is there to be shown", () => {
  const config = configOf(
    `tunnels:\n${tunnel("a", "", `al: { circuit: { tap: t }${off} }, am: { circuit: { tap: t } }`)}` +
      tunnel("b", off, "bl: { circuit: { tap: t, bridge: br } }"),
  );
  expect(config.tunnels.map(({ name, pseudowires }) => [name, pseudowires.map((one) => one.name)])).toEqual([
    ["a", ["am"]],
  ]);
  expect(config.forwarders.map(({ members }) => members.map(({ pseudowire }) => pseudowire))).toEqual([
    ["am"],
  ]);
  expect(config.bridges).toEqual([]);
  expect(config.disabled.tunnels.map(({ name, pseudowires }) => [name, pseudowires.length])).toEqual([
    ["b", 1],
  ]);
  expect(config.disabled.pseudowires.map((one) => [one.tunnel, one.pseudowire.name])).toEqual([["a", "al"]]);
});

/** TABLE: what two tunnels may share while one of them is disabled; all of it is refused of enabled ones. */
const shared: readonly (readonly [string, readonly [string, string], readonly [string, string]])[] = [
  ["ends and a circuit", ["tap: t", "tap: t"], ["", ""]],
  ["a port, and a VLAN of it", ["interface: eth1", "interface: eth1, vlan: 5"], ["", ""]],
  ["a device of two kinds", ["interface: t", "tap: t"], ["", ""]],
  ["a device in two bridges", ["tap: t, bridge: one", "tap: t, bridge: two"], ["", ""]],
  ["a bridge with two MTUs", ["tap: t, bridge: lan", "tap: u, bridge: lan"], ["", ", mtu: 1400"]],
];

test.each(shared)("%s", (_name, [a, b], more) => {
  const bridges = "bridges: { lan: {} }\n";
  const both = linesOf(bridges + fileOf("", "", a, b, [...more]));
  expect(both.length).toBeGreaterThan(0);
  for (const [ofA, ofB, morePseudowires] of [
    [off, "", more],
    ["", off, more],
    [off, off, more],
  ] as const)
    configOf(bridges + fileOf(ofA, ofB, a, b, [...morePseudowires]));
  // A pseudowire that is off by itself leaves its tunnel: so other ends.
  configOf(bridges + fileOf("", ", remote_port: 7", a, b, [more[0] + off, more[1]]));
});

test("what keeps it from being enabled is noted where it is disabled, whichever stands first", () => {
  const notesOf = (text: string) => {
    const parsed = parseConfig(text, "f", { hostName: "h" });
    if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.problems));
    return parsed.notes().map(formatProblem);
  };
  expect(notesOf(fileOf(off, ""))).toEqual([
    "f:2:34  tunnels.a.remote: cannot be enabled as it is: tunnel b has the same ends",
    "f:2:98  tunnels.a.pseudowires.al.circuit.tap: cannot be enabled as it is: " +
      "t is used by pseudowire bl too",
  ]);
  expect(notesOf(fileOf("", off)).map((line) => line.slice(0, 5))).toEqual(["f:3:3", "f:3:9"]);
  expect(notesOf(fileOf("", ", remote_port: 7", "tap: t", "tap: u"))).toEqual([]);
});

test("what is wrong with it is told as of all others, and its names stay taken", () => {
  expect(linesOf(fileOf("", `${off}, hello_interval_s: -1, hello: 1`))).toEqual([
    "3:79 tunnels.b.hello_interval_s: wanted at least 0",
    "3:83 tunnels.b.hello: unknown key",
  ]);
  expect(linesOf(fileOf("", off).replace("bl:", "al:"))).toEqual([
    expect.stringContaining("tunnel a has a pseudowire of this name"),
  ]);
  expect(linesOf(fileOf("", `${off}, hide_avps: true`))).toEqual([expect.stringContaining("hide_avps")]);
});

test("enabling creates, disabling removes, and nothing else is touched", () => {
  const other = tunnel("c", ", remote_port: 9", "cl: { circuit: { tap: c } }");
  const plan = (before: string, after: string) =>
    formatPlan(planChange(configOf(before + other), configOf(after + other)));
  const [on, offA] = [fileOf("", off), fileOf(off, off)];
  const forwarder = "update forwarder of t\n    members: al -> (none)";
  expect(plan(on, offA).replace(`\n${forwarder}`, "")).toBe("remove tunnel a\n    enabled: true -> false");
  expect(plan(offA, on)).toBe("create tunnel a\n    enabled: false -> true");
  expect(plan(on, fileOf("", off, "tap: t", "tap: t", [off, ""]))).toBe(
    "remove pseudowire al of tunnel a\n    enabled: true -> false",
  );
  expect(plan(fileOf("", off, "tap: t", "tap: t", [off, ""]), on)).toBe(
    "create pseudowire al of tunnel a\n    enabled: false -> true",
  );
  // Whatever changes in what is disabled.
  expect(plan(offA, fileOf(`${off}, role: initiator`, off))).toBe("nothing changes");
});

test("a default may disable all, and a tunnel that says so is enabled", () => {
  const defaults = "defaults: { tunnel: { enabled: false }, pseudowire: { enabled: false } }\n";
  const { tunnels, disabled } = configOf(
    defaults + fileOf(", enabled: true", "", "tap: t", "tap: t", [", enabled: true", ""]),
  );
  expect([tunnels.map(({ name }) => name), tunnels[0]?.pseudowires.length]).toEqual([["a"], 1]);
  expect(disabled.tunnels.map(({ name }) => name)).toEqual(["b"]);
});

test("the router id stays that of the first tunnel of the file, enabled or not", () => {
  const [one, other] = [configOf(fileOf("", off)), configOf(fileOf(off, off))];
  expect(other.lcce.routerId).toBe(one.lcce.routerId);
});
