import type { LabNode, Topology } from "../format/topology.ts";

/** Room for tags beyond the MTU: every Ethernet device has some for one of 802.1q, but for no more. */

const TAG_OCTETS = 4;

/** The room that the port of a node needs for its own tags, in octets. */
export function roomOfNode(node: LabNode): number {
  if (node.kind !== "host") return 0;
  const rooms = node.interfaces.map(({ tags }) =>
    tags.length === 1 && tags[0]?.protocol === "802.1q" ? 0 : TAG_OCTETS * tags.length,
  );
  return Math.max(0, ...rooms);
}

/** The room that all ports of a segment's switch have: that of its host with the most tags. */
export function roomOfSegment(segment: string, { hosts }: Topology): number {
  const connected = hosts.filter(({ ports }) => ports.some((port) => port.segment === segment));
  return Math.max(0, ...connected.map(roomOfNode));
}
