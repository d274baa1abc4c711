import type { LabNode, Port } from "../format/topology.ts";

/** The port of a switch that tags what a host with `access` sends. No node has a dot in its name. */
export function accessPortOf(host: string): string {
  return `t.${host}`;
}

/** The port of the segment's bridge that leads to a port of a node. */
export function bridgePortOf(node: LabNode, { farName }: Port): string {
  return node.kind === "host" && node.access !== undefined ? accessPortOf(node.name) : farName;
}
