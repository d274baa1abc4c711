import type { LabLcce, LabNode, Port, Topology } from "../format/topology.ts";
import { bridgePortOf } from "./bridge-ports.ts";
import type { NetworkCommands } from "./commands.ts";
import { addToBridge } from "./segments.ts";
import { roomOfNode, roomOfSegment } from "./tag-room.ts";

/** Adds the namespace of a node, with its ports. */
export function addPorts(node: LabNode, topology: Topology, commands: NetworkCommands): void {
  commands.addNamespace(node.name);
  for (const port of node.ports) addPort(node, port, topology, commands);
}

function addPort(node: LabNode, port: Port, topology: Topology, commands: NetworkCommands): void {
  const { name, segment, farName, mtu, addresses } = port;
  commands.addVethPair(
    { namespace: node.name, name, mtu: mtu + roomOfNode(node) },
    { namespace: segment, name: farName, mtu: mtu + roomOfSegment(segment, topology) },
  );
  if (bridgePortOf(node, port) === farName) addToBridge(segment, farName, commands);
  if (addresses !== "dhcp") addAddresses(node.name, name, addresses, commands);
}

/** Gives an interface its addresses, which can be used at once. */
export function addAddresses(
  node: string,
  name: string,
  addresses: readonly string[],
  commands: NetworkCommands,
): void {
  for (const address of addresses)
    commands.inside(node, `addr add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`);
}

/** Adds the bridge of an LCCE, with its trunk as a port. */
export function addLcceBridge({ name, bridge, trunk }: LabLcce, commands: NetworkCommands): void {
  if (bridge === undefined || trunk === undefined) return;
  commands.inside(name, `link add name ${bridge} type bridge mcast_snooping 0`);
  commands.inside(name, `link set dev ${bridge} up`);
  commands.inside(name, `link set dev ${trunk} master ${bridge}`);
}
