import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, type Lab, output } from "../support/lab.ts";
import { WrittenLab, wirespanText } from "../support/written-labs.ts";

/** Routers: NAT, routes that follow from the topology, and those that FRR learns. */

const frr = (lan: string, id: string) => `interface middle
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf retransmit-interval 1
interface ${lan}
 ip ospf area 0
 ip ospf passive
router ospf
 ospf router-id ${id}
`;

const topology = `
networks:
  internet: { mtu: 1600 }
  mpls: { mtu: 1600 }
  middle: {}
lans:
  home: { mtu: 1600 }
  flat: { mtu: 1600 }
  office: {}
  store: {}
  hq: {}
  branch: {}
  hqraw: {}
  rawbranch: {}
routers:
  core:
    ports:
      internet: [203.0.113.254/24, "2001:db8:1::fe/64"]
      mpls: [198.51.100.254/24, "2001:db8:2::fe/64"]
  cpe:
    ports: { home: [192.168.1.1/24, "fd01::1/64"], internet: [203.0.113.1/24, "2001:db8:1::1/64"] }
    nat: { out: internet, udp_timeout_s: 77, forward: [tcp 8080 -> 192.168.1.50:80, udp 1701] }
    dhcp: { home: 192.168.1.100-192.168.1.150 }
  box:
    ports: { flat: 192.168.2.1/24, internet: 203.0.113.2/24 }
    nat: { out: internet, random_ports: true }
  ospf1: { ports: { middle: 10.0.0.1/24, office: 10.1.0.1/24 }, frr: ./ospf1.conf }
  ospf2: { ports: { middle: 10.0.0.2/24, store: 10.2.0.1/24 }, frr: ./ospf2.conf }
hosts:
  pc: { lan: home, address: [192.168.1.50/24, "fd01::50/64"], http: 80 }
  phone: { lan: home, address: dhcp }
  clerk: { lan: office, address: 10.1.0.9/24 }
  stock: { lan: store, address: 10.2.0.9/24, http: 80 }
  h1: { lan: hq, address: 10.9.0.1/24 }
  b1: { lan: branch, address: 10.9.0.2/24 }
  h2: { lan: hqraw, address: 10.8.0.1/24 }
  b2: { lan: rawbranch, address: 10.8.0.2/24 }
lcces:
  hq2:
    lan: hqraw
    wan: { mpls: 198.51.100.2/24 }
    wirespan: ${wirespanText("198.51.100.2", "203.0.113.2", "ip")}
  br2:
    lan: rawbranch
    wan: { flat: 192.168.2.2/24 }
    wirespan: ${wirespanText("192.168.2.2", "198.51.100.2", "ip")}
  hq1:
    lan: hq
    wan: { mpls: [198.51.100.1/24, "2001:db8:2::1/64"] }
    wirespan: ${wirespanText("198.51.100.1", "203.0.113.1")}
  br1:
    lan: branch
    wan: { home: [192.168.1.2/24, "fd01::2/64"] }
    wirespan: ${wirespanText("192.168.1.2", "198.51.100.1")}
`;

let written: WrittenLab;
let lab: Lab;
beforeAll(async () => {
  const files = { "ospf1.conf": frr("office", "1.1.1.1"), "ospf2.conf": frr("store", "2.2.2.2") };
  written = await WrittenLab.up("routers", topology, files);
  lab = written.lab;
});
afterAll(() => written?.[Symbol.asyncDispose]());

/** A page that a node gets; empty for none. */
async function page(from: string, url: string): Promise<string> {
  return (await lab.shell(from, `timeout 3 busybox wget -q -O - ${url} || true`)).stdout;
}

/** From where datagrams that a node sends from port 4000 arrive at an address of hq1, as "ADDRESS PORT". */
async function sources(from: string, address: string, count: number): Promise<readonly string[]> {
  const kind = address.includes(":") ? "udp6" : "udp4";
  const create = `const s = require("node:dgram").createSocket("${kind}")`;
  const receiver = lab.spawn(
    "hq1",
    ...[process.execPath, "-e"],
    `${create}; let left = ${count}; s.bind(5000, "${address}", () => console.error("bound"));
    s.on("message", (_, { address, port }) => { console.log(address, port); if (--left === 0) s.close(); })`,
  );
  const text = output(receiver);
  if (receiver.stderr !== null) await once(receiver.stderr, "data");
  // A flow of its own for each: by another port there, as what is remembered of a flow stays.
  for (let flow = 0; flow < count; flow += 1) {
    const send = `s.send("x", 5000, "${address}", () => s.close())`;
    await lab.exec(from, process.execPath, "-e", `${create}; s.bind(${4000 + flow}, () => ${send})`);
  }
  return (await text).trim().split("\n");
}

test("a pseudowire over UDP passes NAT, which forwards its port inward", async () => {
  await lab.reached("h1", "10.9.0.2");
});

test("a pseudowire over IP protocol 115 passes NAT without any forward, though both ends begin", async () => {
  await lab.reached("h2", "10.8.0.2");
});

test.each([
  ["198.51.100.1", "203.0.113.1"],
  ["2001:db8:2::1", "2001:db8:1::1"],
])("what goes to %s from behind NAT comes from %s, by the port that it was sent from", async (to, from) => {
  expect(await sources("pc", to, 2)).toEqual([`${from} 4000`, `${from} 4001`]);
});

test("a router with random ports keeps none", async () => {
  const flows = 4;
  const found = await sources("br2", "198.51.100.1", flows);
  expect(found).toHaveLength(flows);
  const kept = found.filter((source, flow) => source === `203.0.113.2 ${4000 + flow}`);
  expect(found.every((source) => source.startsWith("203.0.113.2 "))).toBe(true);
  expect(kept.length).toBeLessThan(flows);
});

test("a forwarded port leads inward, and nothing else does, whoever knows a way", async () => {
  await eventually("the web server answers", async () => (await page("pc", "http://127.0.0.1")) !== "");
  expect(await page("hq1", "http://203.0.113.1:8080/")).toBe("It works at pc\n");
  expect(await page("hq1", "http://203.0.113.1:8081/")).toBe("");
  for (const route of ["192.168.1.0/24 via 203.0.113.1", "fd01::/64 via 2001:db8:1::1"])
    expect((await lab.shell("core", `ip route add ${route}`)).status).toBe(0);
  for (const address of ["192.168.1.50", "fd01::50"]) expect(await lab.reaches("core", address)).toBe(false);
  for (const address of ["203.0.113.254", "2001:db8:1::fe"]) await lab.reached("pc", address);
});

test("flows are forgotten after the time that the file says", async () => {
  const path = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout";
  for (const file of [path, `${path}_stream`])
    expect((await lab.exec("cpe", "cat", file)).stdout).toBe("77\n");
});

test("a host gets address and router by DHCP of a router, and is behind its NAT", async () => {
  await lab.reached("phone", "198.51.100.1");
  const { stdout } = await lab.exec("phone", "ip", "-4", "-br", "addr", "show", "dev", "eth0");
  expect(stdout).toMatch(/ 192\.168\.1\.1[0-5]\d\/24/);
});

test("two routers with FRR learn their routes by OSPF", async () => {
  const learnt = async () => (await lab.exec("ospf1", "ip", "route", "show", "proto", "ospf")).stdout;
  await eventually("a route is learnt", async () => (await learnt()).includes("10.2.0.0/24"), 60_000);
  await eventually("there is a way back", async () => (await page("clerk", "http://10.2.0.9")) !== "");
  expect(await page("clerk", "http://10.2.0.9")).toBe("It works at stock\n");
});
