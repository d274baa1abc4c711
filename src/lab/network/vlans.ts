import { run } from "../command.ts";
import { type Host, interfaceName, type TaggedInterface } from "../format/topology.ts";
import { accessPortOf } from "./bridge-ports.ts";
import type { NetworkCommands } from "./commands.ts";
import { addAddresses } from "./ports.ts";
import { addToBridge } from "./segments.ts";
import type { VlanRelayInterface } from "./vlan-relay-messages.ts";

/** VLAN interfaces that the commands to build a network could not make: a relay will. */
export type RelayedInterfaces = VlanRelayInterface[];

/** Whether any frame of a host gets a tag by itself or by the switch. */
export function needsVlans({ interfaces, access }: Host): boolean {
  return access !== undefined || interfaces.some(({ tags }) => tags.length > 0);
}

/**
 * Whether this kernel has VLAN interfaces, tried in the namespace of this process. Rejects with CommandError.
 */
export async function hasVlanInterfaces(): Promise<boolean> {
  const [lower, peer, probe] = ["vlan-probe", "vlan-probe-peer", "vlan-probe.1"];
  await run(["ip", "link", "add", "name", lower, "type", "veth", "peer", "name", peer]);
  const vlan = ["link", lower, "name", probe, "type", "vlan", "id", "1"];
  const { status } = await run(["ip", "link", "add", ...vlan], { accept: [0, 2] });
  await run(["ip", "link", "delete", "dev", lower]);
  return status === 0;
}

/**
 * Adds the interfaces of a host above its port, and what its access port needs in the switch: by the kernel,
 * or as `relayed` where it has no VLAN interfaces.
 */
export function addHostInterfaces(
  host: Host,
  commands: NetworkCommands,
  relayed: RelayedInterfaces | undefined,
): void {
  if (host.access !== undefined) addAccessPort(host, host.access, commands, relayed);
  for (const own of host.interfaces) {
    if (own.tags.length === 0) continue;
    if (relayed === undefined) addKernelInterface(host, own, commands);
    else
      relayed.push({
        node: host.name,
        lower: "eth0",
        name: interfaceName(own.tags),
        mtu: mtuOf(host),
        tags: own.tags,
        taggedSide: "lower",
      });
  }
}

/** Brings the interfaces of a host up, once all are there, with their addresses. */
export function startHostInterfaces({ name, interfaces }: Host, commands: NetworkCommands): void {
  for (const { tags, addresses } of interfaces) {
    commands.inside(name, `link set dev ${interfaceName(tags)} up`);
    if (addresses !== "dhcp") addAddresses(name, interfaceName(tags), addresses, commands);
  }
}

function mtuOf({ ports }: Host): number {
  return ports[0]?.mtu ?? 1500;
}

/** VLAN interfaces of the kernel, one above the other. */
function addKernelInterface(host: Host, { tags }: TaggedInterface, commands: NetworkCommands): void {
  for (const [index, { id, protocol }] of tags.entries()) {
    const lower = interfaceName(tags.slice(0, index));
    const name = interfaceName(tags.slice(0, index + 1));
    commands.inside(host.name, `link add link ${lower} name ${name} type vlan protocol ${protocol} id ${id}`);
    commands.inside(host.name, `link set dev ${name} up`);
  }
  commands.inside(host.name, `link set dev ${interfaceName(tags)} mtu ${mtuOf(host)}`);
}

/**
 * Between the host's end in the switch, whose frames are untagged, and the switch's bridge, which has them
 * tagged: a veth pair with a VLAN interface above its other end, which a bridge of its own connects with the
 * host; or the relay.
 */
function addAccessPort(
  { name: host, ports }: Host,
  id: number,
  commands: NetworkCommands,
  relayed: RelayedInterfaces | undefined,
): void {
  const [port] = ports;
  if (port === undefined) return;
  const { segment, farName, mtu } = port;
  // As that of the bridge, no other port is called so.
  const [lower, bridge] = [`l.${host}`, `b.${host}`];
  const tagged = accessPortOf(host);
  if (relayed !== undefined) {
    const tags = [{ id, protocol: "802.1q" as const }];
    relayed.push({ node: segment, lower: farName, name: tagged, mtu, tags, taggedSide: "tap" });
    return;
  }
  const end = (name: string) => ({ namespace: segment, name, mtu });
  commands.addVethPair(end(tagged), end(lower));
  addToBridge(segment, tagged, commands);
  commands.inside(segment, `link add link ${lower} name v.${host} type vlan id ${id}`);
  commands.inside(segment, `link add name ${bridge} mtu ${mtu} type bridge mcast_snooping 0`);
  for (const member of [farName, `v.${host}`]) {
    commands.inside(segment, `link set dev ${member} up`);
    commands.inside(segment, `link set dev ${member} master ${bridge}`);
  }
  commands.inside(segment, `link set dev ${bridge} up`);
}

/** Makes TAP devices of access ports ports of their bridges, once the relay has created them. */
export function startAccessPorts(relayed: RelayedInterfaces, commands: NetworkCommands): void {
  for (const { node, name } of relayed.filter(({ taggedSide }) => taggedSide === "tap")) {
    commands.inside(node, `link set dev ${name} up`);
    addToBridge(node, name, commands);
  }
}
