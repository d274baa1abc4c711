import { expect, test } from "vitest";
import { hostUseOf, hostUseReader } from "../../src/daemon/host-use.ts";
import type { HostInterface } from "../../src/os/host-network.ts";

let nextIndex = 1;

function interfaceOf(name: string, more: Partial<HostInterface> = {}): HostInterface {
  nextIndex += 1;
  const none = {
    kind: undefined,
    master: undefined,
    lower: undefined,
    vlanId: undefined,
    addresses: [],
    hasRoutes: false,
  };
  return { name, index: nextIndex, ...none, ...more };
}

const tunnels = [
  { name: "hq", local: { kind: "address", address: "192.0.2.1" } as const },
  { name: "six", local: { kind: "address", address: "2001:db8::1" } as const },
];

const eth0 = interfaceOf("eth0", { addresses: ["192.0.2.1", "198.51.100.7"], hasRoutes: true });
const eth1 = interfaceOf("eth1");
const eth2 = interfaceOf("eth2", { addresses: ["10.0.0.1"] });
const eth3 = interfaceOf("eth3", { hasRoutes: true });
const bridge = interfaceOf("br0", { kind: "bridge", addresses: ["2001:db8::1"] });
const port = interfaceOf("eth4", { master: bridge.index });
const idle = interfaceOf("br1", { kind: "bridge" });
const idlePort = interfaceOf("eth5", { master: idle.index });
const trunk = interfaceOf("eth6");
const vlan10 = interfaceOf("eth6.10", {
  kind: "vlan",
  lower: trunk.index,
  vlanId: 10,
  addresses: ["192.0.2.1"],
});
const vlan20 = interfaceOf("eth6.20", { kind: "vlan", lower: trunk.index, vlanId: 20 });
const bond = interfaceOf("bond0", { kind: "bond" });
const member = interfaceOf("eth7", { master: bond.index });
const onBond = interfaceOf("bond0.5", {
  kind: "vlan",
  lower: bond.index,
  vlanId: 5,
  addresses: ["203.0.113.9"],
});
const all = [
  eth0,
  eth1,
  eth2,
  eth3,
  bridge,
  port,
  idle,
  idlePort,
  trunk,
  vlan10,
  vlan20,
  bond,
  member,
  onBond,
];

const vlan = (id: number) => ({ id, idOnPseudowire: id, protocol: 0x8100 as const });

const cases: readonly (readonly [string, Parameters<typeof hostUseOf>[0], string | undefined])[] = [
  ["the tunnel's own interface", { device: "eth0" }, "eth0 has 192.0.2.1, the local address of tunnel hq"],
  ["a VLAN beside the tunnel's untagged frames", { device: "eth0", vlan: vlan(10) }, undefined],
  ["a free interface", { device: "eth1" }, undefined],
  ["an interface that is not there yet", { device: "eth9" }, undefined],
  ["an interface with an address", { device: "eth2" }, "eth2 has the address 10.0.0.1"],
  ["an interface with routes alone", { device: "eth3" }, "eth3 has routes"],
  [
    "a port of the bridge that has the tunnel's address",
    { device: "eth4" },
    "br0, which is on top of eth4, has 2001:db8::1, the local address of tunnel six",
  ],
  ["a port of a bridge without addresses", { device: "eth5" }, "eth5 is a port of the bridge br1"],
  [
    "a trunk one VLAN of which carries the tunnel",
    { device: "eth6" },
    "eth6.10, which is on top of eth6, has 192.0.2.1, the local address of tunnel hq",
  ],
  [
    "the VLAN that carries the tunnel",
    { device: "eth6", vlan: vlan(10) },
    "eth6.10, which is on top of eth6, has 192.0.2.1, the local address of tunnel hq",
  ],
  ["another VLAN of that trunk", { device: "eth6", vlan: vlan(20) }, undefined],
  [
    "a member of a bond with a VLAN",
    { device: "eth7" },
    "bond0.5, which is on top of eth7, has the address 203.0.113.9",
  ],
];

test.each(cases)("%s", (_name, circuit, words) => {
  expect(hostUseOf(circuit, all, tunnels)).toBe(words);
});

test("interfaces that are each other's masters end somewhere", () => {
  const a = interfaceOf("a", { lower: 9001, index: 9000 });
  const b = interfaceOf("b", { lower: 9000, index: 9001 });
  expect(hostUseOf({ device: "a" }, [a, b], tunnels)).toBeUndefined();
});

test("interfaces are read once for circuits attached together, and again a second later", async () => {
  let now = 0;
  let reads = 0;
  const read = async () => {
    reads += 1;
    return reads === 1 ? all : [eth1];
  };
  const hostUse = hostUseReader(
    () => [],
    () => now,
    read,
  );
  const circuit = {
    kind: "interface",
    device: "eth2",
    linkLocal: "forward",
    followPeer: "none",
    allowHostUse: false,
  } as const;
  const answers = await Promise.all([
    hostUse(circuit),
    hostUse(circuit),
    hostUse({ ...circuit, device: "eth1" }),
  ]);
  expect(answers).toEqual(["eth2 has the address 10.0.0.1", "eth2 has the address 10.0.0.1", undefined]);
  expect(reads).toBe(1);
  now = 1001;
  expect(await hostUse(circuit)).toBeUndefined();
  expect(reads).toBe(2);
});
