import { splitPoint } from "./format/points.ts";
import { nodeOrSiteNamed, nodesOf, segmentNamed, type Topology } from "./format/topology.ts";

/** An interface that can be captured. */
export interface CapturePoint {
  /** Namespace. */
  readonly node: string;
  /** Interface in it; `any` for all of them. */
  readonly device: string;
}

/**
 * The interface of a point as topologies name it: a segment, a node, or NODE.PORT, whose node may be the site
 * of an LCCE. Undefined where there is no such point.
 */
export function capturePoint(topology: Topology, point: string): CapturePoint | undefined {
  if (point.endsWith(".")) return undefined;
  const [name, port = ""] = splitPoint(point);
  if (segmentNamed(topology, name) !== undefined) {
    const ends = nodesOf(topology).flatMap(({ ports }) => ports);
    const isPort = ends.some((end) => end.segment === name && end.farName === port);
    if (port !== "" && !isPort) return undefined;
    return { node: name, device: port === "" ? "bridge" : port };
  }
  const node = nodeOrSiteNamed(topology, name);
  if (node === undefined) return undefined;
  if (port === "") return { node: node.name, device: "any" };
  const isLoopback = port === "lo";
  const isOwn = node.ports.some((own) => own.name === port || port.startsWith(`${own.name}.`));
  return isOwn || isLoopback ? { node: node.name, device: port } : undefined;
}
