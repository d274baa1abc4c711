import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { Load } from "../../lab/traffic/exchange.ts";
import { atNode } from "../../src/lab/lab.ts";
import { expectExchange } from "../support/bulk.ts";
import { Lab, planes } from "../support/lab.ts";

/**
 * TABLE: over IPv4 more packets than there are numbers of packets in its header; over IPv6, which has none,
 * what takes a while.
 */
const loads = [
  ["10.0.0.12", 150_000_000],
  ["fd00::2", 40_000_000],
] as const;
const BACK_OCTETS = 6_000_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-bulk-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface SiteShape {
  readonly local: string;
  readonly remote: string;
  readonly circuit: Readonly<Record<string, string>>;
  /** VLAN of its one host. */
  readonly vlan: number;
}

function site(name: string, encapsulation: string, { local, remote, circuit, vlan }: SiteShape): unknown {
  // The WAN is a veth pair, where GSO packets are sent unsegmented only if the file says so.
  const offload = { encapsulation, gso: "offload" };
  const tunnel = { local, remote, ...offload, pseudowires: { lan: { circuit, mtu: 1504 } } };
  return {
    address: `${local}/24`,
    ...(circuit["bridge"] === undefined ? {} : { bridge: circuit["bridge"] }),
    hosts: { [`${name}1`]: vlan },
    wirespan: { lcce: { host_name: name }, tunnels: { peer: tunnel } },
  };
}

/** A file of two sites, one on an interface and one on a TAP device. */
function topologyOf(encapsulation: string, vlan: number, wanMtu = 1600): string {
  const a = { local: "192.0.2.1", remote: "192.0.2.2", circuit: { interface: "trunk" }, vlan };
  const b = { local: "192.0.2.2", remote: "192.0.2.1", circuit: { tap: "lan0", bridge: "lan" }, vlan };
  const file = join(folder, `bulk-${encapsulation}-${vlan}-${wanMtu}.yaml`);
  const topology = {
    title: "bulk data between an interface and a TAP device",
    wan: { mtu: wanMtu },
    sites: { a: site("a", encapsulation, a), b: site("b", encapsulation, b) },
    checks: [{ ping: ["a1", "b1"] }],
  };
  writeFileSync(file, stringify(topology));
  return file;
}

/** Random octets from a1 to b1, and others back; expects them to come as they were sent. */
function exchange(topology: string, load: Load): Promise<void> {
  const at = (host: string) => atNode(topology, host, []);
  return expectExchange(at("a1"), at("b1"), load);
}

const variants = ["udp", "ip"].flatMap((name) => planes.map((plane) => [name, plane] as const));

describe.each(variants)(
  "GSO packets over %s, plane %s, between an interface and a TAP device",
  (encapsulation, plane) => {
    test("150 MB by TCP over IPv4 and 40 MB over IPv6 arrive unchanged with hosts' offloads on", async () => {
      const topology = topologyOf(encapsulation, 0);
      await using lab = await Lab.up(topology, plane);
      for (const [host, address] of [
        ["a1", "fd00::1/64"],
        ["b1", "fd00::2/64"],
      ] as const) {
        expect((await lab.exec(host, "ip", "addr", "add", address, "dev", "eth0", "nodad")).status).toBe(0);
      }
      await lab.reached("a1", "10.0.0.12");
      await lab.reached("a1", "fd00::2");
      for (const [address, there] of loads) {
        const startMs = performance.now();
        await exchange(topology, { address, there, back: BACK_OCTETS });
        const tookMs = Math.round(performance.now() - startMs);
        console.log(`${encapsulation}, plane ${plane}, to ${address}: ${there} octets in ${tookMs} ms`);
      }
      // The host got GSO packets: more on the average than one frame can hold.
      const { stdout } = await lab.exec("b1", "ip", "-json", "-stats", "link", "show", "eth0");
      const [link] = JSON.parse(stdout) as { stats64: { rx: { bytes: number; packets: number } } }[];
      const { bytes = 0, packets = 1 } = link?.stats64.rx ?? {};
      expect(bytes / packets).toBeGreaterThan(1600);
      const { discards } = await lab.pseudowire("a", "lan");
      expect(discards["bad-offload"] ?? 0).toBe(0);
      expect(discards["circuit-error"] ?? 0).toBe(0);
      expect((await lab.pseudowire("a", "lan")).plane).toBe(plane);
    });
  },
);

test.each(planes)(
  "plane %s: TCP on a VLAN arrives unchanged in both directions: coalesced segments keep their tag",
  async (plane) => {
    const topology = topologyOf("udp", 10);
    await using lab = await Lab.up(topology, plane);
    await lab.reached("a1", "10.0.0.12");
    await exchange(topology, { address: "10.0.0.12", there: BACK_OCTETS, back: BACK_OCTETS });
  },
);

test.each(planes)(
  "plane %s: over a path of small MTU each datagram is sent alone, in fragments, and none is lost",
  async (plane) => {
    const topology = topologyOf("udp", 0, 1400);
    await using lab = await Lab.up(topology, plane);
    await lab.reached("a1", "10.0.0.12");
    await exchange(topology, { address: "10.0.0.12", there: BACK_OCTETS, back: BACK_OCTETS });
    expect((await lab.pseudowire("a", "lan")).discards["psn-error"] ?? 0).toBe(0);
  },
);
