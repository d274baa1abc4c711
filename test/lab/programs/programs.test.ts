import { expect, test } from "vitest";
import { frrDaemonsOf } from "../../../src/lab/programs/frr.ts";
import { Programs } from "../../../src/lab/programs/programs.ts";
import { programsOf } from "../../../src/lab/programs/programs-of.ts";
import { topologyOf } from "../../support/topology-text.ts";

test.each([
  ["", []],
  ["router ospf\n ospf router-id 1.1.1.1\n", ["ospfd"]],
  ["router ospf6\nrouter bgp 65000\n", ["ospf6d", "bgpd"]],
  ["interface a\n ip router isis 1\nrouter isis 1\nbfd\n peer 10.0.0.1\n", ["isisd", "bfdd"]],
  [
    "router rip\nrouter ripng\nrouter eigrp 1\nrouter babel\nmpls ldp\n",
    ["ripd", "ripngd", "eigrpd", "babeld", "ldpd"],
  ],
  ["interface a\n ip pim\n vrrp 5\n", ["pimd", "vrrpd"]],
  ["! router ospf\n description router bgp\n", []],
])("FRR's configuration %j needs zebra, mgmtd, staticd and %j", (text, wanted) => {
  expect(frrDaemonsOf(text)).toEqual(["zebra", "mgmtd", "staticd", ...wanted]);
});

const nodes = `
networks: { internet: {} }
lans: { home: {} }
routers:
  cpe:
    ports: { home: 192.168.1.1/24, internet: 203.0.113.9/24 }
    dhcp: { home: 192.168.1.100-192.168.1.150 }
hosts:
  web: { lan: home, address: 192.168.1.2/24, http: 8080 }
  pc: { lan: home, address: dhcp }
  many: { lan: home, vlans: { 10: dhcp, 20: 10.0.0.1/24, 30: dhcp } }
  leases: { lan: home, vlan: 7, address: 10.7.0.1/24, dhcp_server: 10.7.0.10-10.7.0.20, gateway: 10.7.0.9 }
  late: { lan: home, start: manual, run: "true" }
  later: { lan: home, after: [late], run: "true" }
lcces:
  own: { wan: { internet: 203.0.113.2/24 }, wirespan: {}, run: ./beside.sh }
`;

test("each node has the programs that its keys ask for", () => {
  const topology = topologyOf(nodes);
  const names = [...topology.routers, ...topology.hosts, ...topology.lcces].map((node) => [
    node.name,
    programsOf(node, topology).map(({ name }) => name),
  ]);
  expect(Object.fromEntries(names)).toEqual({
    cpe: ["dnsmasq"],
    web: ["http"],
    pc: ["dhcp-eth0"],
    many: ["dhcp-eth0.10", "dhcp-eth0.30"],
    leases: ["dnsmasq"],
    late: ["run"],
    later: ["run"],
    own: ["wirespan", "run"],
  });
});

test("what waits for a node that is started by hand is started by hand", () => {
  const programs = new Programs(topologyOf(nodes));
  const byHand = ["cpe", "web", "late", "later", "nowhere"].filter((name) => programs.isByHand(name));
  expect(byHand).toEqual(["late", "later"]);
});
