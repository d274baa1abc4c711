import { expect, test } from "vitest";
import { OperationalError } from "../../src/bytes/errors.ts";
import { formatPlan } from "../../src/config/plan.ts";
import { planReload } from "../../src/daemon/reload.ts";
import { configOf } from "../support/configuration.ts";

/** Tunnels a, whose secret cannot be read at the reload, and b, which has none. */
function twoTunnels(a: string, b: string, keysOfB = ""): string {
  return `lcce: { host_name: here, router_id: 1 }
tunnels:
  a: { local: 192.0.2.1, remote: 192.0.2.2, secret: { file: gone }, pseudowires: { ${a} } }
  b: { local: 192.0.2.1, remote: 192.0.2.3, ${keysOfB}pseudowires: { ${b} } }
`;
}

/** The plan and the problems of a reload from one text to another that cannot read the secret. */
function reloaded(before: string, wanted: string): { readonly plan: string; readonly problems: string } {
  const secrets = (tunnel: string) => (tunnel === "a" ? [new Uint8Array([1])] : []);
  const unreadable = () => {
    throw new OperationalError("read a secret: ENOENT");
  };
  const { steps, problems } = planReload(
    configOf(before),
    configOf(wanted),
    { secrets },
    { read: unreadable },
  );
  return { plan: formatPlan(steps), problems: problems.join("\n") };
}

const kept = "tunnel a is unchanged and keeps its secret: read a secret: ENOENT";
const timer = "hello_interval_s: 7, ";
const update = "update tunnel b\n    hello_interval_s: 5 -> 7";

/** TABLE: circuits of two pseudowires that one file may have, one in each tunnel. */
const beside: readonly (readonly [string, string])[] = [
  ["interface: eth1, vlan: 10", "interface: eth1, vlan: 20"],
  ["interface: eth1, vlan: 10", "interface: eth1, vlan: 10, vlan_protocol: 802.1ad"],
  ["interface: eth1, vlan: 10", "interface: eth2, vlan: 10"],
  ["interface: eth1", "interface: eth2"],
  ["tap: tap1, bridge: br0, vlan: 10", "tap: tap1, bridge: br0, vlan: 20"],
];

test.each(beside)("a tunnel keeps its pseudowire on %s beside one on %s", (ofA, ofB) => {
  const [a, b] = [`pa: { circuit: { ${ofA} } }`, `pb: { circuit: { ${ofB} } }`];
  // Neither changed but for a timer of b, only b's circuit changed, only a's, and both.
  expect(reloaded(twoTunnels(a, b), twoTunnels(a, b, timer))).toEqual({ plan: update, problems: kept });
  const other = (name: string) => `${name}: { circuit: { interface: other-${name} } }`;
  const moved = reloaded(twoTunnels(a, other("pb")), twoTunnels(a, b));
  expect([moved.plan.split("\n")[0], moved.problems]).toEqual(["replace pseudowire pb of tunnel b", kept]);
  expect(reloaded(twoTunnels(a, b), twoTunnels(other("pa"), b))).toEqual({
    plan: "nothing changes",
    problems: kept,
  });
  const both = reloaded(twoTunnels(a, other("pb")), twoTunnels(other("pa"), b));
  expect([both.plan.split("\n")[0], both.problems]).toEqual(["replace pseudowire pb of tunnel b", kept]);
});

/** TABLE: a circuit that tunnel a has, and one that tunnel b gets and that cannot be beside it. */
const taken: readonly (readonly [string, string])[] = [
  ["interface: eth1, vlan: 10", "interface: eth1, vlan: 10"],
  ["interface: eth1, vlan: 10", "interface: eth1, vlan: 10, vlan_on_pseudowire: 7"],
  ["interface: eth1, vlan: 10", "interface: eth1"],
  ["interface: eth1", "interface: eth1, vlan: 10"],
  ["interface: eth1", "interface: eth1"],
  ["interface: eth1, vlan: 10", "tap: eth1, vlan: 20"],
  ["tap: tap1, bridge: br0, vlan: 10", "tap: tap1, bridge: br1, vlan: 20"],
];

test.each(taken)("a kept tunnel loses its pseudowire on %s to one on %s", (ofA, ofB) => {
  const a = `pa: { circuit: { ${ofA} } }`;
  const elsewhere = "pa: { circuit: { interface: eth9 } }";
  const { plan, problems } = reloaded(
    twoTunnels(a, ""),
    twoTunnels(elsewhere, `pb: { circuit: { ${ofB} } }`),
  );
  expect(plan).toBe("remove pseudowire pa of tunnel a\ncreate pseudowire pb of tunnel b");
  expect(problems).toBe(`${kept}\npseudowire pa of tunnel a is removed: another tunnel has its circuit now`);
});

test("a kept tunnel loses a pseudowire whose name another tunnel has now", () => {
  const before = twoTunnels("pa: { circuit: { interface: eth1 } }", "");
  const wanted = twoTunnels("", "pa: { circuit: { interface: eth2 } }");
  expect(reloaded(before, wanted)).toEqual({
    plan: "remove pseudowire pa of tunnel a\ncreate pseudowire pa of tunnel b",
    problems: `${kept}\npseudowire pa of tunnel a is removed: tunnel b has one of this name now`,
  });
});
