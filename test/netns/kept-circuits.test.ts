import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { eventually, output, planes } from "../support/lab.ts";
import { type Keys, type RunningDaemon, type Site, Sites } from "../support/sites.ts";

/** What a reload may change without the circuit's device being another one afterwards. */
interface Wanted {
  readonly circuit: Keys;
  readonly cookie?: number;
  readonly hostName?: string;
  readonly secret?: string;
  /** The tunnel of the pseudowire. */
  readonly tunnel?: "first" | "second";
  readonly more?: Keys;
}

const ports = { first: 1701, second: 1702 } as const;

/** A site with two tunnels, one of which has the pseudowire `lan`. */
function configurationOf(sites: Sites, site: Site, plane: string, wanted: Wanted): Keys {
  const { circuit, cookie = 8, hostName = site, secret = "one", tunnel: at = "first", more } = wanted;
  const [local, remote] = site === "a" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.2", "192.0.2.1"];
  const tunnelOf = (name: "first" | "second") => ({
    ...{ local, remote, local_port: ports[name], remote_port: ports[name] },
    secret: { file: sites.file(secret) },
    reconnect_initial_s: 0.1,
    pseudowires: name === at ? { lan: { circuit, cookie, ...more } } : {},
  });
  return {
    lcce: { host_name: hostName, router_id: "10.1.1.1", control_socket: sites.socket(site) },
    plane,
    tunnels: { first: tunnelOf("first"), second: tunnelOf("second") },
  };
}

const VLAN_RELAY = fileURLToPath(new URL("../../dist/lab/network/vlan-relay.js", import.meta.url));

/** Has a host speak in VLAN 7 alone, also where the kernel has no VLAN interfaces. */
async function haveVlan(sites: Sites, host: string, address: string): Promise<void> {
  await sites.ip(host, "addr flush dev eth0");
  const namespace = sites.namespace(host);
  const command = [`--net=/run/netns/${namespace}`, process.execPath, VLAN_RELAY];
  const relay = spawn("nsenter", command, { stdio: "pipe" });
  const tags = [{ id: 7, protocol: "802.1q" }];
  const wanted = { node: namespace, lower: "eth0", name: "lan7", mtu: 1500, tags, taggedSide: "lower" };
  relay.stdin?.write(`${JSON.stringify(wanted)}\n`);
  await new Promise((resolve) => relay.stdout?.once("data", resolve));
  await sites.ip(host, `addr add ${address} dev lan7`);
  await sites.ip(host, "link set lan7 up");
  relays.push(relay);
}

const relays: ChildProcess[] = [];
afterEach(() => {
  for (const relay of relays.splice(0)) relay.kill("SIGTERM");
});

const MAC_OF_HB = "02:00:00:00:00:0b";

/**
 * TABLE: circuits, each with what is to be there for it, where pings begin, and other words for the same
 * device.
 */
const circuits = {
  "a TAP device": {
    circuit: { tap: "l2tp0" },
    device: "l2tp0",
    from: "a",
    prepare: async (sites: Sites) => {
      await sites.ip("hb", `link set eth0 address ${MAC_OF_HB}`);
    },
    // As a port of br1 it hears no ARP reply, and what it had resolved goes with its carrier.
    use: ["addr add 10.0.0.1/24 dev l2tp0", `neigh add 10.0.0.2 lladdr ${MAC_OF_HB} dev l2tp0 nud permanent`],
    other: { tap: "l2tp0", bridge: "br1" },
  },
  "a TAP device in a bridge": {
    circuit: { tap: "l2tp0", bridge: "br0" },
    device: "l2tp0",
    from: "ha",
    prepare: async () => undefined,
    use: ["addr add 10.9.0.1/24 dev l2tp0"],
    other: { tap: "l2tp0", bridge: "br1" },
  },
  "an interface": {
    circuit: { interface: "eth1" },
    device: "eth1",
    from: "ha",
    prepare: async (sites: Sites) => {
      await sites.ip("a", "link set eth1 nomaster");
    },
    use: [],
    other: { interface: "eth1", allow_host_use: true },
  },
  "a VLAN of an interface": {
    circuit: { interface: "eth1", vlan: 7 },
    device: "eth1",
    from: "ha",
    prepare: async (sites: Sites) => {
      await sites.ip("a", "link set eth1 nomaster");
      await haveVlan(sites, "ha", "10.0.0.1/24");
      await haveVlan(sites, "hb", "10.0.0.2/24");
    },
    use: [],
    other: { interface: "eth1", vlan: 7, allow_host_use: true },
  },
} as const;

/** TABLE: reloads one after another, each with what it changes. */
const changes: readonly (readonly [string, (other: Keys) => Partial<Wanted>])[] = [
  ["the path of the secret's file", () => ({ secret: "two" })],
  ["host_name", () => ({ hostName: "elsewhere" })],
  ["a parameter of the session", () => ({ cookie: 4 })],
  ["the circuit's other words", (other) => ({ circuit: other })],
  ["the tunnel of the pseudowire", () => ({ tunnel: "second" })],
];

/**
 * The interface, its MAC and its addresses, as ip(8) tells them; but not what it is a port of, nor counters.
 */
async function deviceAt(sites: Sites, device: string): Promise<unknown> {
  const { stdout } = await sites.exec("a", "ip", "-json", "addr", "show", "dev", device);
  const [found] = JSON.parse(stdout || "[]") as readonly Record<string, unknown>[];
  const addresses = (found?.["addr_info"] ?? []) as readonly Keys[];
  return [
    ...[found?.["ifindex"], found?.["address"], found?.["mtu"]],
    addresses.filter(({ family }) => family === "inet").map(({ local }) => local),
  ];
}

/** Sockets by which a daemon sees frames of interfaces. */
function packetSockets({ pid }: RunningDaemon): readonly string[] {
  const lines = readFileSync(`/proc/${pid}/net/packet`, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => line.trim().split(/\s+/).at(-1) ?? "");
}

async function circuitIsUp(sites: Sites): Promise<boolean> {
  const { state, whyNot } = await sites.pseudowire("a");
  return state === "established" && whyNot === undefined;
}

const matrix = planes.flatMap((plane) =>
  (Object.keys(circuits) as (keyof typeof circuits)[]).map((kind) => [plane, kind] as const),
);

test.each(matrix)(
  "plane %s: %s stays the same device, with all that was set up on it, whatever is replaced above it",
  async (plane, kind) => {
    const { circuit, device, from, prepare, use, other } = circuits[kind];
    await using sites = await Sites.make();
    for (const name of ["one", "two"]) writeFileSync(sites.file(name), "of ours\n", { mode: 0o600 });
    for (const bridge of ["br0", "br1"]) await sites.ip("a", `link add ${bridge} up type bridge`);
    await sites.ip("a", "link set eth1 master br0");
    await prepare(sites);
    const atPeer = { circuit: "vlan" in circuit ? circuit : { interface: "eth1" } };
    const type = "vlan" in circuit ? "ethernet-vlan" : "ethernet";
    const write = (site: Site, wanted: Wanted) =>
      sites.write(site, configurationOf(sites, site, plane, { more: { type }, ...wanted }));
    let wanted: Wanted = { circuit };
    sites.start("b", write("b", atPeer));
    const daemon = sites.start("a", write("a", wanted));
    const passes = async () => {
      const { status } = await sites.exec(from, "ping", "-q", "-c", "1", "-W", "1", "10.0.0.2");
      return status === 0;
    };
    await eventually("the circuit is up", () => circuitIsUp(sites).catch(() => false));
    for (const words of use) await sites.ip("a", words);
    await eventually("frames pass", passes);
    const before = await deviceAt(sites, device);
    const sockets = packetSockets(daemon);
    const monitor = sites.spawn("a", "ip", "monitor", "link");
    const told = output(monitor);
    for (const [what, change] of changes) {
      wanted = { ...wanted, ...change(other) };
      if (wanted.circuit === other && "bridge" in other && from === "ha")
        await sites.ip("a", "link set eth1 master br1");
      write("a", wanted);
      const { tunnel } = wanted;
      if (tunnel !== undefined) {
        write("b", { ...atPeer, tunnel });
        await sites.reload("b");
      }
      const { status, stdout, stderr } = await sites.reload("a");
      expect([what, status, stderr]).toEqual([what, 0, ""]);
      expect(stdout).not.toContain("nothing changes");
      await eventually(`the circuit is up after another ${what}`, () => circuitIsUp(sites));
      await eventually(`frames pass after another ${what}`, passes);
      expect([what, await deviceAt(sites, device)]).toEqual([what, before]);
    }
    monitor.kill("SIGTERM");
    // A bridge tells of a port that leaves it in the same words, with itself as the master.
    const deleted = (await told)
      .split("\n")
      .filter((line) => line.startsWith("Deleted") && line.includes(` ${device}`));
    expect(deleted.filter((line) => !line.includes(" master "))).toEqual([]);
    expect(packetSockets(daemon)).toEqual(expect.arrayContaining([...sockets]));
    if ("bridge" in other) {
      const { stdout } = await sites.exec("a", "ip", "link", "show", "dev", device);
      expect(stdout).toContain("master br1");
    }
    for (const words of ["is not attached yet", "waiting for interface", "cannot forward", "is waiting"])
      expect(daemon.log).not.toContain(words);
  },
);
