/** Points of a lab as text: a node or segment, or a node's port. */

/** Node and port of `NODE.PORT`; a name alone has no port. Ports may have dots in them. */
export function splitPoint(point: string): readonly [node: string, port?: string] {
  const dot = point.indexOf(".");
  return dot < 0 ? [point] : [point.slice(0, dot), point.slice(dot + 1)];
}
