import { type LabLcce, nodeNamed, type Topology } from "./topology.ts";

/** Whether packets of an LCCE itself can get to another node at all. */

/**
 * Whether a node may have a port that packets of an LCCE get to: by networks, routers and uplinks. All LANs
 * count as one with each other, as pseudowires may connect them.
 */
export function mayReach(topology: Topology, lcce: LabLcce, other: string): boolean {
  const reached = new Set(addressedSegments(lcce));
  const joined = [
    ...topology.uplinks,
    ...topology.routers.map(({ ports }) => ports.map(({ segment }) => segment)),
    topology.segments.filter(({ kind }) => kind === "lan").map(({ name }) => name),
  ];
  for (let size = -1; size !== reached.size; ) {
    size = reached.size;
    for (const segments of joined)
      if (segments.some((segment) => reached.has(segment)))
        for (const segment of segments) reached.add(segment);
  }
  const node = nodeNamed(topology, other);
  if (node === undefined) return true;
  const ends = node.kind === "lcce" ? addressedSegments(node) : node.ports.map(({ segment }) => segment);
  return ends.some((segment) => reached.has(segment));
}

/** Segments in which an LCCE has an address of its own. */
function addressedSegments({ ports }: LabLcce): readonly string[] {
  return ports.flatMap(({ segment, addresses }) =>
    addresses === "dhcp" || addresses.length > 0 ? [segment] : [],
  );
}
