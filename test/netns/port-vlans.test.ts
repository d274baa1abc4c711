import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { changePortVlans, type PortVlans, readVlansOfPorts } from "../../src/os/bridge-vlans.ts";
import { ifNameToIndex } from "../../src/os/libc.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutCapability } from "../support/without-capability.ts";

const NONE: PortVlans = { pvid: 0, tagged: [] };

let namespace: TestNamespace;
let entered: Disposable;
let left: number;
/** Whether the kernel has CONFIG_BRIDGE_VLAN_FILTERING. Without it the tests end with the refusal. */
let hasVlans: boolean;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-port-vlans");
  entered = namespace.enter();
  left = ifNameToIndex("left");
  await namespace.ip("link add br0 type bridge");
  await namespace.ip("link set left master br0");
  const command = ["ip", "link", "set", "br0", "type", "bridge", "vlan_filtering", "1"];
  hasVlans = (await run(command, { accept: [0, 2] })).status === 0;
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
});

/** What bridge(8) says of a port. */
async function shown(): Promise<readonly { vlan: number; flags?: readonly string[] }[]> {
  const { stdout } = await run(["bridge", "-json", "vlan", "show", "dev", "left"]);
  return JSON.parse(stdout)[0]?.vlans ?? [];
}

const untagged = (vlan: number) => ({ vlan, flags: ["PVID", "Egress Untagged"] });
const tagged = (vlan: number) => ({ vlan });

test.each([
  ["another of untagged frames", { pvid: 7, tagged: [] }, [untagged(7)]],
  ["tagged ones beside", { pvid: 1, tagged: [30, 4094] }, [untagged(1), tagged(30), tagged(4094)]],
  ["tagged ones alone, with the one that was untagged", { pvid: 0, tagged: [1, 30] }, [1, 30].map(tagged)],
  ["the same for both", { pvid: 9, tagged: [9, 10] }, [untagged(9), tagged(10)]],
  ["none", NONE, []],
])("a port is given %s, and its former ones back", async (_, wanted, expected) => {
  const former = readVlansOfPorts().get(left) ?? NONE;
  if (!hasVlans) {
    expect(former).toEqual(NONE);
    if (wanted === NONE) return changePortVlans("left", left, former, wanted);
    return expect(() => changePortVlans("left", left, former, wanted)).toThrow(
      /^set the VLANs of a port: EOPNOTSUPP \(interface left\);.* a kernel with CONFIG_BRIDGE_VLAN_FILTERING/,
    );
  }
  expect(former).toEqual({ pvid: 1, tagged: [] });
  changePortVlans("left", left, former, wanted);
  expect(await shown()).toEqual(expected);
  const now = readVlansOfPorts().get(left) ?? NONE;
  expect(now).toEqual({ pvid: wanted.pvid, tagged: wanted.tagged.filter((id) => id !== wanted.pvid) });
  changePortVlans("left", left, now, former);
  expect(await shown()).toEqual([untagged(1)]);
});

test("without CAP_NET_ADMIN it is refused, and an interface that is gone is told", () => {
  const change = (index: number) => changePortVlans("left", index, NONE, { pvid: 0, tagged: [5] });
  withoutCapability("CAP_NET_ADMIN", () => {
    expect(() => change(left)).toThrow(expect.objectContaining({ errno: "EPERM" }));
    expect(readVlansOfPorts().get(left)?.tagged ?? []).toEqual([]);
  });
  expect(() => change(99_999)).toThrow(expect.objectContaining({ errno: "ENODEV" }));
});
