import { conditionsOf, type LinkConditions } from "../links/conditions.ts";
import type { RawTopology } from "./file-keys.ts";
import { splitPoint } from "./points.ts";
import type { TopologyLink } from "./topology.ts";

type RawLink = RawTopology["links"][string];

/** The conditions of a link, each way: those of the direction, before those both ways. */
export function conditionsOfLink(raw: RawLink): {
  readonly out: LinkConditions;
  readonly in: LinkConditions;
} {
  const both = conditionsOf(raw);
  return { out: { ...both, ...conditionsOf(raw.out ?? {}) }, in: { ...both, ...conditionsOf(raw.in ?? {}) } };
}

/** The links of a topology file. */
export function expandLinks({ links, sites }: RawTopology): readonly TopologyLink[] {
  return Object.entries(links).map(([link, entry]) => {
    const [name, port = ""] = splitPoint(link);
    const node = Object.hasOwn(sites, name) ? `lcce-${name}` : name;
    return { node, port, ...conditionsOfLink(entry) };
  });
}
