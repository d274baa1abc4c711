import { familyOf, isWithin, plainAddress, subnetOf } from "../../bytes/subnets.ts";
import { type LabNode, nodesOf, type Port, type Router, type Topology } from "../format/topology.ts";

/** The routes of all nodes, as they follow from a topology. */

/** A route of a node. */
export interface LabRoute {
  /** A subnet, or `default`. */
  readonly destination: string;
  readonly family: 4 | 6;
  /** Address of the next hop. */
  readonly via: string;
}

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** A router that another node reaches directly: the next hop, and the subnets that lie behind it. */
interface Neighbour {
  readonly router: Router;
  readonly via: string;
  /** What ports of both are connected to. */
  readonly domain: string;
}

/** What the routes of a topology are found by. */
interface RouteMap {
  readonly routers: readonly Router[];
  /** Names of the segment that stands for all that are connected with it, by the name of each. */
  readonly domains: ReadonlyMap<string, string>;
  /** The subnets of each of these. */
  readonly subnets: ReadonlyMap<string, readonly string[]>;
}

/**
 * The routes of each node by its name: those of its file; and of what it does not say, the way to each subnet
 * by the fewest routers, and a default route by a router that is the only one, for a router with NAT at its
 * outer side. No way leads from the outer side of a NAT to the inner one. A router with FRR has those of its
 * file alone, and what FRR learns.
 */
export function routesOf(topology: Topology): ReadonlyMap<string, readonly LabRoute[]> {
  const map = routeMapOf(topology);
  return new Map(nodesOf(topology).map((node) => [node.name, routesOfNode(node, map)]));
}

function routeMapOf(topology: Topology): RouteMap {
  const domains = domainsOf(topology);
  const subnets = new Map<string, string[]>();
  const add = (segment: string, given: readonly string[]): void => {
    const domain = domains.get(segment) ?? segment;
    subnets.set(domain, [...new Set([...(subnets.get(domain) ?? []), ...given.map(subnetOf)])]);
  };
  for (const segment of topology.segments) add(segment.name, segment.subnets);
  for (const { ports } of [...topology.routers, ...topology.lcces])
    for (const { segment, addresses } of ports) if (addresses !== "dhcp") add(segment, addresses);
  return { routers: topology.routers, domains, subnets };
}

/** For each segment, the first one of those that uplinks connect it with. */
function domainsOf({ segments, uplinks }: Topology): ReadonlyMap<string, string> {
  const domains = new Map(segments.map(({ name }) => [name, name]));
  for (const [left, right] of uplinks) {
    const [kept, joined] = [domains.get(left) ?? left, domains.get(right) ?? right];
    for (const [segment, domain] of domains) if (domain === joined) domains.set(segment, kept);
  }
  return domains;
}

function routesOfNode(node: LabNode, map: RouteMap): readonly LabRoute[] {
  const given = givenRoutes(node);
  const isGiven = (route: LabRoute) =>
    given.some(({ destination, family }) => destination === route.destination && family === route.family);
  const found = families.flatMap((family) => {
    const hasDefault = given.some((route) => route.destination === "default" && route.family === family);
    // A way out of somebody's own choice is meant for everything.
    if (hasDefault && node.kind !== "router") return [];
    const learns = node.kind === "router" && node.frr !== undefined;
    return [
      ...(hasDefault ? [] : defaultRoutes(node, family, map)),
      ...(learns ? [] : shortestRoutes(node, family, map)),
    ];
  });
  const automatic = withoutNeedless(found).filter((route) => !isGiven(route));
  return [...given, ...automatic];
}

/** What a file says: `routes`, and the `gateway` of a host. */
function givenRoutes(node: LabNode): readonly LabRoute[] {
  const routes = Object.entries(node.routes).map(([destination, via]) => ({
    destination: destination === "default" ? destination : subnetOf(destination),
    family: familyOf(via) ?? 4,
    via,
  }));
  if (node.kind !== "host" || node.gateway === undefined) return routes;
  return [...routes, { destination: "default", family: familyOf(node.gateway) ?? 4, via: node.gateway }];
}

/** A way that the default route of its family has too is not said again. */
function withoutNeedless(routes: readonly LabRoute[]): readonly LabRoute[] {
  const defaults = routes.filter(({ destination }) => destination === "default");
  return routes.filter(
    (route) =>
      route.destination === "default" ||
      !defaults.some(({ family, via }) => family === route.family && via === route.via),
  );
}

/** A default route, where there is one router that it can lead to. */
function defaultRoutes(node: LabNode, family: Family, map: RouteMap): readonly LabRoute[] {
  const via = node.kind === "router" ? outerRouter(node, family, map) : onlyRouter(node, family, map);
  return via === undefined ? [] : [{ destination: "default", family, via }];
}

/** The router at the outer side of a router with NAT. */
function outerRouter(node: Router, family: Family, map: RouteMap): string | undefined {
  const { nat } = node;
  if (nat === undefined || node.frr !== undefined) return undefined;
  const outer = map.domains.get(nat.out);
  return neighboursOf(node, family, map).find(({ domain }) => domain === outer)?.via;
}

/** The only router of the first segment of a node that has routers. */
function onlyRouter(node: LabNode, family: Family, map: RouteMap): string | undefined {
  const neighbours = neighboursOf(node, family, map);
  const first = neighbours.filter(({ domain }) => domain === neighbours[0]?.domain);
  return new Set(first.map(({ router }) => router.name)).size === 1 ? first[0]?.via : undefined;
}

/** The routers that a node can use as next hops, in the order of its ports. */
function neighboursOf(node: LabNode, family: Family, { routers, domains }: RouteMap): readonly Neighbour[] {
  return connectedPorts(node).flatMap(({ segment, addresses }) => {
    const domain = domains.get(segment) ?? segment;
    return routers.flatMap((router): readonly Neighbour[] => {
      if (router.name === node.name || leadsInward(router, domain, domains)) return [];
      const via = router.ports
        .filter((port) => domains.get(port.segment) === domain)
        .flatMap((port) => (port.addresses === "dhcp" ? [] : port.addresses))
        .filter((address) => familyOf(address) === family)
        .find((address) => addresses !== "dhcp" && addresses.some((own) => isWithin(address, own)));
      return via === undefined ? [] : [{ router, via: plainAddress(via), domain }];
    });
  });
}

/** The ports of a node with the addresses by which it reaches routers; those of a host without tags. */
function connectedPorts(node: LabNode): readonly Pick<Port, "segment" | "addresses">[] {
  if (node.kind !== "host") return node.ports;
  const [port] = node.ports;
  const untagged = node.interfaces.find(({ tags }) => tags.length === 0);
  if (port === undefined || untagged === undefined || node.access !== undefined) return [];
  return [{ segment: port.segment, addresses: untagged.addresses }];
}

/** Whether a segment is the outer side of a router with NAT, by which nothing can be reached. */
function leadsInward({ nat }: Router, domain: string, domains: ReadonlyMap<string, string>): boolean {
  return nat !== undefined && (domains.get(nat.out) ?? nat.out) === domain;
}

/** The way to each subnet by the fewest routers; of ways as short, the first in the order of ports. */
function shortestRoutes(node: LabNode, family: Family, map: RouteMap): readonly LabRoute[] {
  const own = new Set(node.ports.map(({ segment }) => map.domains.get(segment) ?? segment));
  const reached = new Set(own);
  const routes: LabRoute[] = [];
  let ways: readonly { readonly at: Router; readonly via: string }[] = neighboursOf(node, family, map).map(
    ({ router, via }) => ({ at: router, via }),
  );
  const passed = new Set([node.name]);
  while (ways.length > 0) {
    const next: { at: Router; via: string }[] = [];
    for (const { at, via } of ways) {
      if (passed.has(at.name)) continue;
      passed.add(at.name);
      for (const { segment } of at.ports) {
        const domain = map.domains.get(segment) ?? segment;
        if (reached.has(domain)) continue;
        reached.add(domain);
        const subnets = (map.subnets.get(domain) ?? []).filter((subnet) => familyOf(subnet) === family);
        routes.push(...subnets.map((destination) => ({ destination, family, via })));
      }
      next.push(...neighboursOf(at, family, map).map(({ router }) => ({ at: router, via })));
    }
    ways = next;
  }
  return routes;
}
