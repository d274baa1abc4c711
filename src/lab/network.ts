import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CommandError, JsonLinesProcess, run } from "./command.ts";
import { inNode, lcceOf, RUN, switchOf } from "./nodes.ts";
import { type Host, hostsOf, type Site, type Topology } from "./topology.ts";

const RELAY = fileURLToPath(new URL("vlan-relay.js", import.meta.url));
const RELAY_READY_MS = 20_000;

/**
 * Mounts a lab's own file systems in its mount namespace: /run, and the bpf file system, in which pins
 * outlive the daemons. Both go with the last process of the lab. Rejects with CommandError.
 */
export async function mountOwn(): Promise<void> {
  await run(["mount", "-t", "tmpfs", "tmpfs", RUN]);
  mkdirSync(`${RUN}/netns`);
  // Without a bpf file system, or the right to mount it, nothing can be pinned, and daemons report that.
  await run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], { accept: [0, 1, 32] });
}

async function ip(args: string): Promise<void> {
  await run(["ip", ...args.split(" ")]);
}

async function addNode(name: string): Promise<void> {
  await ip(`netns add ${name}`);
  await ip(`-n ${name} link set lo up`);
}

/** Connects two nodes by a veth pair, up at both ends. */
async function addVethPair(
  left: [node: string, port: string],
  right: [node: string, port: string],
  mtu: number,
): Promise<void> {
  const peer = `peer name ${right[1]} mtu ${mtu} netns ${right[0]}`;
  await ip(`link add ${left[1]} mtu ${mtu} netns ${left[0]} type veth ${peer}`);
  await ip(`-n ${left[0]} link set ${left[1]} up`);
  await ip(`-n ${right[0]} link set ${right[1]} up`);
}

/** A bridge that floods and learns, and leaves tags alone. */
async function addSwitch(node: string): Promise<void> {
  await addNode(node);
  await ip(`-n ${node} link add bridge type bridge mcast_snooping 0`);
  await ip(`-n ${node} link set bridge up`);
}

/**
 * The namespaces of a topology with the veth pairs between them. Programs that must run for it end with the
 * network.
 */
export class Network {
  readonly #relays: JsonLinesProcess[];

  private constructor(relays: JsonLinesProcess[]) {
    this.#relays = relays;
  }

  /** Builds it; it goes with the namespaces of the process. Rejects with CommandError. */
  static async build(topology: Topology): Promise<Network> {
    await mountOwn();
    await addSwitch("wan");
    const relays: JsonLinesProcess[] = [];
    for (const [name, site] of Object.entries(topology.sites)) await addSite(name, site, topology);
    for (const host of hostsOf(topology)) await addHost(host, relays);
    return new Network(relays);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay[Symbol.asyncDispose]()));
  }
}

async function addSite(name: string, site: Site, { wan }: Topology): Promise<void> {
  const [lcce, sw] = [lcceOf(name), switchOf(name)];
  await addNode(lcce);
  await addSwitch(sw);
  await addVethPair([lcce, "wan"], ["wan", `to-${name}`], wan.mtu);
  await ip(`-n wan link set to-${name} master bridge`);
  await ip(`-n ${lcce} addr add ${site.address} dev wan${site.address.includes(":") ? " nodad" : ""}`);
  await addVethPair([lcce, "trunk"], [sw, "trunk"], 1500);
  await ip(`-n ${sw} link set trunk master bridge`);
  if (site.bridge === undefined) return;
  await ip(`-n ${lcce} link add ${site.bridge} type bridge mcast_snooping 0`);
  await ip(`-n ${lcce} link set ${site.bridge} up`);
  await ip(`-n ${lcce} link set trunk master ${site.bridge}`);
}

async function addHost(host: Host, relays: JsonLinesProcess[]): Promise<void> {
  await addNode(host.name);
  await addVethPair([host.name, "eth0"], [switchOf(host.site), host.name], 1500);
  await ip(`-n ${switchOf(host.site)} link set ${host.name} master bridge`);
  const port = host.vlan === 0 ? "eth0" : `eth0.${host.vlan}`;
  if (host.vlan !== 0) await addVlan(host, port, relays);
  await ip(`-n ${host.name} link set ${port} up`);
  await ip(`-n ${host.name} addr add ${host.address}/24 dev ${port}`);
}

/** The kernel's VLAN interface; on a kernel without the 8021q module, a relay in user space. */
async function addVlan({ name, vlan }: Host, port: string, relays: JsonLinesProcess[]): Promise<void> {
  try {
    await ip(`-n ${name} link add link eth0 name ${port} type vlan id ${vlan}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const relay = new JsonLinesProcess(inNode(name, process.execPath, RELAY, "eth0", `${vlan}`, port));
    relays.push(relay);
    await relay.next(RELAY_READY_MS);
  }
}
