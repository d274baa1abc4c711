import type { Segment, Topology } from "../format/topology.ts";
import type { NetworkCommands } from "./commands.ts";
import { roomOfSegment } from "./tag-room.ts";

/** Options of a bridge with STP and its shortest timers: hello 1 s, max age 6 s, forward delay 2 s. */
export const SPANNING_TREE = "stp_state 1 hello_time 100 max_age 600 forward_delay 200";

/** Adds a bridge in a namespace of its own, which floods and learns, and leaves tags alone. */
export function addSegment({ name, mtu, stp }: Segment, commands: NetworkCommands): void {
  commands.addNamespace(name);
  const spanningTree = stp ? ` ${SPANNING_TREE}` : "";
  commands.inside(name, `link add name bridge mtu ${mtu} type bridge mcast_snooping 0${spanningTree}`);
  commands.inside(name, "link set dev bridge up");
}

/** Connects the bridges of two segments, with the MTU of the one that takes less. */
export function addUplinks(topology: Topology, commands: NetworkCommands): void {
  const { uplinks, segments } = topology;
  const mtuOf = (name: string) => segments.find((segment) => segment.name === name)?.mtu ?? 1500;
  for (const [index, pair] of uplinks.entries()) {
    const port = `uplink${index + 1}`;
    const room = Math.max(...pair.map((name) => roomOfSegment(name, topology)));
    const end = (namespace: string) => ({ namespace, name: port, mtu: Math.min(...pair.map(mtuOf)) + room });
    commands.addVethPair(end(pair[0]), end(pair[1]));
    for (const segment of pair) addToBridge(segment, port, commands);
  }
}

/** Makes an interface a port of a segment's bridge. */
export function addToBridge(segment: string, name: string, commands: NetworkCommands): void {
  commands.inside(segment, `link set dev ${name} master bridge`);
}
