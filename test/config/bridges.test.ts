import { expect, test } from "vitest";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { formatPlan, planChange } from "../../src/config/plan.ts";

const at = { hostName: "h" };

/** A file with some bridges, and pseudowires that are flow mappings, in one tunnel. */
function fileOf(bridges: string, pseudowires: string): string {
  return `bridges: ${bridges}
tunnels:
  hq:
    local: 192.0.2.1
    remote: 192.0.2.2
    pseudowires:
${pseudowires.replace(/^/gm, "      ")}
`;
}

function problemsOf(bridges: string, pseudowires: string): readonly string[] {
  return parseConfig(fileOf(bridges, pseudowires), "f", at).problems.map(formatProblem);
}

function configOf(bridges: string, pseudowires: string) {
  const { config, problems } = parseConfig(fileOf(bridges, pseudowires), "f", at);
  if (config === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return config;
}

const one = "a: { circuit: { tap: t1, bridge: lan } }";

/** TABLE: mistakes: bridges, pseudowires, and what is said of them. */
const mistakes: readonly (readonly [bridges: string, pseudowires: string, ...said: string[]])[] = [
  [
    "{ lan: { interfaces: { t1: {} } } }",
    one,
    "f:1:33  bridges.lan.interfaces.t1: t1 is the TAP device of a pseudowire: name its bridge in its circuit",
  ],
  [
    "{ lan: { interfaces: { eth1: {} } } }",
    "a: { circuit: { interface: eth1 } }",
    "f:1:33  bridges.lan.interfaces.eth1: eth1 is the attachment circuit of a pseudowire, " +
      "which takes all its frames",
  ],
  [
    "{ lan: { interfaces: { eth1: {} } }, b2: { interfaces: { eth1: {}, lan: {} } } }",
    one,
    "f:1:67  bridges.b2.interfaces.eth1: bridge lan has it too",
    "f:1:77  bridges.b2.interfaces.lan: lan is a bridge itself",
  ],
  [
    "{ t1: {} }",
    one,
    "f:1:12  bridges.t1: t1 is the TAP device of a pseudowire: a bridge needs another name",
  ],
  [
    "{ lan: { interfaces: { eth1: { pvid: 3 } } } }",
    "a: { circuit: { tap: t1, bridge: lan, port: { vlans: [4] } } }",
    "f:1:47  bridges.lan.interfaces.eth1.pvid: needs vlan_filtering: true of bridge lan",
    "f:7:60  tunnels.hq.pseudowires.a.circuit.port.vlans: needs vlan_filtering: true of bridge lan",
  ],
  [
    "{}",
    "a: { circuit: { tap: t1, port: { isolated: true } } }",
    "f:7:32  tunnels.hq.pseudowires.a.circuit.port: needs bridge: the device is a port of none",
  ],
  [
    "{}",
    "a: { circuit: { tap: t1, vlan: 1, bridge: lan, port: { isolated: false } } }\n" +
      "b: { circuit: { tap: t1, vlan: 2, bridge: lan } }",
    "f:8:12  tunnels.hq.pseudowires.b.circuit: pseudowire a gives the port t1 another `port`",
  ],
  [
    "{ lan: {} }",
    "a: { circuit: { tap: t1, bridge: lan } }\nb: { circuit: { tap: t2, bridge: lan }, mtu: 1400 }",
    "f:8:52  tunnels.hq.pseudowires.b.mtu: 1400, but pseudowire a of bridge lan has 1500: " +
      "all pseudowires of a bridge have one MTU (RFC 4762 §6.1.1)",
  ],
  [
    "{ lan: { mtu: 1400 } }",
    "a: { circuit: { tap: t1, bridge: lan } }",
    "f:7:7  tunnels.hq.pseudowires.a.mtu: 1500, but bridge lan has 1400: " +
      "all pseudowires of a bridge have one MTU (RFC 4762 §6.1.1)",
  ],
  [
    "{ lan: { stp: true, loops: block } }",
    one,
    "f:1:37  bridges.lan.loops: with stp: true the kernel blocks ports: use report, or no stp",
  ],
  [
    "{ lan: { vlan_filtering: true, interfaces: { eth1: { vlans: [0, 9-3] } } } }",
    one,
    "f:1:71  bridges.lan.interfaces.eth1.vlans[0]: wanted at least 1",
    "f:1:74  bridges.lan.interfaces.eth1.vlans[1]: wanted VLAN IDs from 1 to 4094 and ranges such as 20-29",
  ],
];

test.each(mistakes)("bridges %s with %s: told with its place", (bridges, pseudowires, ...said) => {
  expect(problemsOf(bridges, pseudowires)).toEqual(said);
});

test("a bridge that only a circuit names is there, exists already, and is in no plan", () => {
  const before = configOf("{}", one);
  expect(before.bridges).toEqual([{ name: "lan", isDeclared: false, create: false, interfaces: [] }]);
  const after = configOf("{}", "a: { circuit: { tap: t1, bridge: other } }");
  expect(planChange(before, after).map(({ kind }) => kind)).toEqual(["pseudowire"]);
});

test("bridges come, change and go by steps of their own; ports of pseudowires in place", () => {
  const none = configOf("{}", one);
  const made = configOf("{ lan: { ageing_s: 20 } }", one);
  const changed = configOf(
    "{ lan: { stp: true, interfaces: { eth1: { vlans: [2, 5-6] } }, vlan_filtering: true } }",
    "a: { circuit: { tap: t1, bridge: lan, port: { isolated: false } } }",
  );
  const plan = (before: typeof none, after: typeof none) => formatPlan(planChange(before, after)).split("\n");
  expect(plan(none, made)).toEqual(["create bridge lan"]);
  expect(plan(made, none)).toEqual(["remove bridge lan"]);
  expect(plan(made, changed)).toEqual([
    "update bridge lan",
    "    vlan_filtering: (none) -> true",
    "    stp: (none) -> true",
    "    ageing_s: 20 -> (none)",
    '    interfaces.eth1: (none) -> {"vlans":[2,"5-6"],"allow_host_use":false}',
    "update pseudowire a of tunnel hq",
    "    circuit.port.isolated: (none) -> false",
  ]);
});
