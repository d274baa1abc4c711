import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { atNode } from "../../src/lab/lab.ts";
import { expectExchange } from "../support/bulk.ts";
import { eventually, Lab, planes } from "../support/lab.ts";

/**
 * Hosts with a VXLAN of their own across the pseudowire: what they send in it are GSO packets within a
 * tunnel.
 */

const OCTETS = 20_000_000;
const BACK_OCTETS = 1_000_000;
const DATAGRAMS = 200;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-tunnels-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function topologyOf(encapsulation: string): string {
  const site = (name: string, local: string, remote: string) => ({
    address: `${local}/24`,
    hosts: { [`${name}1`]: 0 },
    wirespan: {
      lcce: { host_name: name },
      tunnels: {
        peer: { local, remote, encapsulation, pseudowires: { lan: { circuit: { interface: "trunk" } } } },
      },
    },
  });
  const file = join(folder, `tunnels-${encapsulation}.yaml`);
  const topology = {
    title: "hosts with tunnels of their own",
    wan: { mtu: 1600 },
    sites: { a: site("a", "192.0.2.1", "192.0.2.2"), b: site("b", "192.0.2.2", "192.0.2.1") },
    checks: [{ ping: ["a1", "b1"] }],
  };
  writeFileSync(file, stringify(topology));
  return file;
}

/**
 * TABLE: the tunnels: the addresses of their ends, and of the hosts within, of which TCP goes to the one of
 * family `tcp`.
 */
const tunnels = [
  { name: "vx4", ends: ["10.0.0.11", "10.0.0.12"], options: "noudpcsum", net: 4, tcp: 4 },
  { name: "vx4sum", ends: ["10.0.0.11", "10.0.0.12"], options: "udpcsum", net: 5, tcp: 6 },
  { name: "vx6", ends: ["fd00::1", "fd00::2"], options: "", net: 6, tcp: 6 },
  { name: "vx6zero", ends: ["fd00::1", "fd00::2"], options: "udp6zerocsumtx udp6zerocsumrx", net: 7, tcp: 4 },
] as const;

/** Addresses in a tunnel; `host` is 1 or 2. */
const inside = (net: number, host: number) => ({ 4: `10.9.${net}.${host}`, 6: `fd09:${net}::${host}` });
const destinations = tunnels.flatMap(({ net }) => Object.values(inside(net, 2)));

async function addTunnels(lab: Lab): Promise<void> {
  for (const [index, host] of ["a1", "b1"].entries()) {
    const lines = tunnels.flatMap(({ name, ends, options, net }) => {
      const [local, remote] = index === 0 ? ends : [ends[1], ends[0]];
      const addresses = inside(net, index + 1);
      return [
        `ip link add ${name} mtu 1430 type vxlan id ${net} dstport ${4780 + net} ` +
          `local ${local} remote ${remote} dev eth0 ${options}`,
        `ip link set ${name} up`,
        `ip addr add ${addresses[4]}/24 dev ${name}`,
        `ip addr add ${addresses[6]}/64 dev ${name} nodad`,
      ];
    });
    const own = `ip addr add fd00::${index + 1}/64 dev eth0 nodad`;
    const { status, stderr } = await lab.shell(host, `set -e\n${[own, ...lines].join("\n")}`);
    expect(status, stderr).toBe(0);
  }
}

/**
 * TABLE: programs that send datagrams of 1200 octets, ten at a time by UDP_SEGMENT, and that tell how many
 * came to each address as sent.
 */
const programs = {
  common: `import socket, time
places = [(socket.AF_INET6 if ':' in a else socket.AF_INET, a) for a in ${JSON.stringify(destinations)}]
data = bytes(range(240)) * 5`,
  send: `for family, address in places:
  s = socket.socket(family, socket.SOCK_DGRAM)
  s.setsockopt(17, 103, 1200)
  for _ in range(${DATAGRAMS / 10}): s.sendto(data * 10, (address, 5000))`,
  receive: `sockets = [socket.socket(family, socket.SOCK_DGRAM) for family, _ in places]
for s, (_, address) in zip(sockets, places):
  s.setsockopt(1, 33, 4194304)
  s.settimeout(10)
  s.bind((address, 5000))
print('ready', flush=True)
for s in sockets:
  count = 0
  try:
    while count < ${DATAGRAMS}: count += s.recv(2000) == data
  except TimeoutError: pass
  print(count, flush=True)`,
} as const;

/** How many datagrams arrived as they were sent, of each destination. */
async function datagrams(lab: Lab): Promise<readonly number[]> {
  const python = (name: "send" | "receive") => ["python3", "-c", `${programs.common}\n${programs[name]}`];
  const listener = lab.spawn("b1", ...python("receive"));
  const closed = once(listener, "close");
  let said = "";
  listener.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await eventually("the receiver listens", () => said.startsWith("ready"));
  const { status, stderr } = await lab.exec("a1", ...python("send"));
  expect(status, stderr).toBe(0);
  await closed;
  return said.trim().split("\n").slice(1).map(Number);
}

const variants = ["udp", "ip"].flatMap((name) => planes.map((plane) => [name, plane] as const));

test.each(variants)(
  "over %s, plane %s: TCP and UDP GSO packets in VXLAN over IPv4 and IPv6, with and without checksum, arrive",
  async (encapsulation, plane) => {
    const topology = topologyOf(encapsulation);
    await using lab = await Lab.up(topology, plane);
    await addTunnels(lab);
    const at = (host: string) => atNode(topology, host, []);
    // Neighbours are found before GSO packets have to wait for that, of which few may.
    const pings = destinations.map((address) => `ping -q -c1 -W20 ${address}`).join(" && ");
    expect((await lab.shell("a1", pings)).status).toBe(0);
    for (const { name, net, tcp } of tunnels) {
      const address = inside(net, 2)[tcp];
      const startMs = performance.now();
      await expectExchange(at("a1"), at("b1"), { address, there: OCTETS, back: BACK_OCTETS });
      const tookMs = Math.round(performance.now() - startMs);
      console.log(`${encapsulation}, ${plane}, ${name}, to ${address}: ${OCTETS} octets in ${tookMs} ms`);
    }
    expect(await datagrams(lab)).toEqual(destinations.map(() => DATAGRAMS));
    for (const site of ["a", "b"]) {
      const { discards } = await lab.pseudowire(site, "lan");
      expect(discards["bad-offload"] ?? 0).toBe(0);
    }
    expect((await lab.pseudowire("a", "lan")).plane).toBe(plane);
  },
);
