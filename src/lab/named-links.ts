import { OperationalError } from "../bytes/errors.ts";
import { nodesOf, type Port, type Topology } from "./format/topology.ts";
import { bridgePortOf } from "./network/bridge-ports.ts";

/** Links of a lab by their names. */

/** A link of a lab, which is a port of a node. */
export interface NamedLink {
  /** NODE.PORT. */
  readonly name: string;
  /** Name of the node. */
  readonly node: string;
  readonly port: Port;
  /** The port of the segment's bridge that leads to it, on which its conditions are. */
  readonly bridgePort: string;
}

/** All links of a lab. */
export function linksOf(topology: Topology): readonly NamedLink[] {
  return nodesOf(topology).flatMap((node) =>
    node.ports.map((port) => ({
      name: `${node.name}.${port.name}`,
      node: node.name,
      port,
      bridgePort: bridgePortOf(node, port),
    })),
  );
}

/** The link NODE.PORT, or that of a node with one port. Throws OperationalError. */
export function linkNamed(topology: Topology, text: string): NamedLink {
  const links = linksOf(topology);
  const found = links.filter(({ name }) => name === text || name.startsWith(`${text}.`));
  const [link, ...others] = found;
  if (link !== undefined && others.length === 0) return link;
  const known = (link === undefined ? links : found).map(({ name }) => name).join(", ");
  const why = link === undefined ? "there is none of that name" : "it has several";
  throw new OperationalError(`find link ${text} of lab ${topology.name}: ${why}; there are ${known}`);
}
