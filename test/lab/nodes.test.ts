import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type Lab, planes } from "../support/lab.ts";
import { WrittenLab, wirespanText } from "../support/written-labs.ts";

/** Every kind of host, by pseudowires, and with each other. */

/** Octets of a transfer: enough for the largest GSO packets. */
const TRANSFER_OCTETS = 3_000_000;
const PATTERN = "0123456789abcdef";

function sha256(octets: string): string {
  return createHash("sha256").update(octets).digest("hex");
}

const hosts = `
networks: { internet: { mtu: 1600 } }
lans: { left: {}, right: {}, jumbo: { mtu: 9000 } }
hosts:
  plain1: { lan: left, address: [10.0.0.1/24, "fd00::1/64"], http: 80 }
  plain2: { lan: right, address: [10.0.0.2/24, "fd00::2/64"] }
  vlan1: { lan: left, vlan: 10, address: [10.1.0.1/24, "fd01::1/64"], http: 80 }
  vlan2: { lan: right, vlan: 10, address: [10.1.0.2/24, "fd01::2/64"] }
  access1: { lan: left, access: 10, address: [10.1.0.3/24, "fd01::3/64"], http: 80 }
  access2: { lan: right, access: 10, address: [10.1.0.4/24, "fd01::4/64"] }
  vlans1: { lan: left, vlans: { 10: [10.1.0.5/24, "fd01::5/64"], 20: 10.2.0.5/24 }, http: 80 }
  vlans2: { lan: right, vlans: { 20: 10.2.0.6/24, 10: [10.1.0.6/24, "fd01::6/64"] } }
  qinq1:
    lan: left
    tags: [{ id: 700, protocol: 802.1ad }, { id: 10 }]
    address: [10.7.0.1/24, "fd07::1/64"]
    http: 80
  qinq2:
    lan: right
    tags: [{ id: 700, protocol: 802.1ad }, { id: 10 }]
    address: [10.7.0.2/24, "fd07::2/64"]
  leases: { lan: left, vlan: 40, address: 10.4.0.1/24, dhcp_server: 10.4.0.50-10.4.0.60, gateway: 10.4.0.9 }
  client: { lan: right, vlan: 40, address: dhcp }
  guest: { lan: right, access: 40, address: dhcp }
  big1: { lan: jumbo, vlan: 5, address: 10.9.0.1/24 }
  big2: { lan: jumbo, access: 5, address: 10.9.0.2/24 }
  small: { lan: jumbo, vlan: 5, address: 10.9.0.3/24, mtu: 1400 }
lcces:
  # Words of the commands that build the network may be names.
  br:
    lan: left
    wan: { internet: 192.0.2.1/24 }
    wirespan: ${wirespanText("192.0.2.1", "192.0.2.2")}
  dev:
    lan: right
    wan: { internet: 192.0.2.2/24 }
    wirespan: ${wirespanText("192.0.2.2", "192.0.2.1")}
`;

/** TABLE: hosts that must reach each other, by which addresses. */
const pairs: readonly (readonly [from: string, to: string, addresses: readonly string[]])[] = [
  ["plain2", "plain1", ["10.0.0.1", "fd00::1"]],
  ["vlan2", "vlan1", ["10.1.0.1", "fd01::1"]],
  ["access2", "access1", ["10.1.0.3", "fd01::3"]],
  ["access2", "vlan1", ["10.1.0.1", "fd01::1"]],
  ["vlan2", "access1", ["10.1.0.3", "fd01::3"]],
  ["vlans2", "vlans1", ["10.1.0.5", "fd01::5", "10.2.0.5"]],
  ["vlans2", "access1", ["10.1.0.3", "fd01::3"]],
  ["qinq2", "qinq1", ["10.7.0.1", "fd07::1"]],
];

function isV6(address: string): boolean {
  return address.includes(":");
}

/** Pings that fill the MTU, unfragmented. */
async function fillsMtu(lab: Lab, from: string, address: string, mtu: number): Promise<void> {
  const payload = mtu - (isV6(address) ? 48 : 28);
  const ping = ["ping", "-q", "-c1", "-W1", "-M", "do", "-s", `${payload}`, address];
  const passes = async () => (await lab.exec(from, ...ping)).status === 0;
  await eventually(`${from} reaches ${address} with ${mtu} octets`, passes);
}

describe.each(planes)("hosts of every kind, plane %s", (plane) => {
  let written: WrittenLab;
  let lab: Lab;
  beforeAll(async () => {
    written = await WrittenLab.up("hosts", hosts, {}, plane);
    lab = written.lab;
  });
  afterAll(() => written[Symbol.asyncDispose]());

  test.each(pairs)("%s reaches %s with full-size packets, and gets data unchanged", async (from, _, to) => {
    for (const address of to) await fillsMtu(lab, from, address, 1500);
    for (const address of to) {
      const url = `http://${isV6(address) ? `[${address}]` : address}`;
      const got = await lab.shell(from, `busybox wget -q -O - ${url}/octets/${TRANSFER_OCTETS} | sha256sum`);
      expect(got.stdout.split(" ")[0], address).toBe(
        sha256(PATTERN.repeat(TRANSFER_OCTETS / PATTERN.length)),
      );
    }
  });

  test("hosts of another VLAN are not reached, though some of these are", async () => {
    const { status } = await lab.exec("access2", "ping", "-q", "-c2", "-i0.2", "-W1", "10.2.0.5");
    expect(status).not.toBe(0);
    const add = await lab.exec("access2", "ip", "addr", "add", "10.2.0.99/24", "dev", "eth0");
    expect(add.status).toBe(0);
    expect(await lab.reaches("access2", "10.2.0.5")).toBe(false);
    expect(await lab.reaches("vlans2", "10.2.0.5")).toBe(true);
  });

  test.each(["client", "guest"])(
    "%s gets its address and a default route by DHCP, through the pseudowire",
    async (host) => {
      const port = host === "client" ? "eth0.40" : "eth0";
      const routes = async () => (await lab.exec(host, "ip", "route")).stdout;
      await eventually(`${host} has a default route`, async () =>
        (await routes()).includes("default via 10.4.0.9"),
      );
      const { stdout } = await lab.exec(host, "ip", "-4", "-br", "addr", "show", "dev", port);
      expect(stdout).toMatch(/ 10\.4\.0\.(5\d|60)\/24/);
      expect(await lab.reaches(host, "10.4.0.1")).toBe(true);
    },
  );

  test("a web server says which one it is", async () => {
    const { stdout } = await lab.exec(
      "vlan2",
      "busybox",
      "wget",
      "-q",
      "-O",
      "-",
      "http://10.1.0.1/any/path",
    );
    expect(stdout).toBe("It works at vlan1\n");
  });

  test("a LAN has its MTU, a host may have less", async () => {
    await fillsMtu(lab, "big2", "10.9.0.1", 9000);
    await fillsMtu(lab, "big1", "10.9.0.2", 9000);
    await fillsMtu(lab, "small", "10.9.0.1", 1400);
    const { stdout } = await lab.exec("small", "cat", "/sys/class/net/eth0.5/mtu");
    expect(stdout).toBe("1400\n");
  });

  test("when somebody kills what carries their VLANs, hosts reach each other again", async () => {
    const pids = async () => (await lab.shell("vlan1", "pgrep -f vlan-relay.js")).stdout.trim().split("\n");
    const [before = ""] = await pids();
    // A kernel with VLAN interfaces of its own needs no such program.
    if (before !== "") {
      await lab.exec("vlan1", "kill", "-9", before);
      await eventually("another one runs", async () => !["", before].includes((await pids())[0] ?? ""));
    }
    for (const [from, , addresses] of pairs)
      for (const address of addresses) await fillsMtu(lab, from, address, 1500);
  });
});
