import type { Host, LabLcce, LabNode, Port, Router, Segment, Topology } from "../format/topology.ts";

/** A node that stands between LANs and networks; a host, where its LAN leads to peers. */
export type EdgeNode = LabLcce | Router | Host;

/** A LAN with the hosts above it and the LCCEs and routers below it, as one column of a picture. */
export interface Column {
  readonly lan: Segment | undefined;
  readonly hosts: readonly Host[];
  readonly edge: readonly EdgeNode[];
}

/** Columns that belong together: their LANs are connected by uplinks, LCCEs or routers. */
export interface Site {
  readonly columns: readonly Column[];
  /** LANs that its LCCEs reach their peers by, such as that behind a router with NAT. */
  readonly access: readonly Segment[];
  /** Routers of those LANs. */
  readonly routers: readonly Router[];
}

/** A topology by its places in a picture: sites at its rim, networks in the middle, routers between. */
export interface Places {
  readonly sites: readonly Site[];
  readonly core: readonly Segment[];
  readonly coreRouters: readonly Router[];
}

/** Whether a port of an LCCE leads to a LAN that it extends, and not to its peers. */
export function isCircuitPort(node: LabNode, port: Port): boolean {
  return node.kind === "lcce" && port.addresses !== "dhcp" && port.addresses.length === 0;
}

/** Sorts the parts of a topology by their places in a picture. */
export function placesOf(topology: Topology): Places {
  const { segments, hosts, lcces, routers } = topology;
  const extended = new Set(lcces.flatMap((lcce) => circuitPorts(lcce).map(({ segment }) => segment)));
  const withHosts = new Set(hosts.flatMap(({ ports }) => ports.map(({ segment }) => segment)));
  const reached = new Set(
    lcces.flatMap((lcce) => lcce.ports.filter((port) => !isCircuitPort(lcce, port)).map((p) => p.segment)),
  );
  const uplinked = new Set(topology.uplinks.flat());
  const isSiteLan = ({ name, kind }: Segment) =>
    kind === "lan" &&
    (extended.has(name) || (!reached.has(name) && (withHosts.has(name) || uplinked.has(name))));
  const lans = segments.filter(isSiteLan);
  const lanNames = new Set(lans.map(({ name }) => name));
  const groups = groupsOf(topology, lans, lanNames);
  const groupOf = (lcce: LabLcce) => groups.find(({ edge }) => edge.includes(lcce));
  const others = segments.filter(({ name }) => !lanNames.has(name));
  const access = others.filter(({ name, kind }) => {
    const at = new Set(lcces.filter((lcce) => isAt(lcce, name)).map(groupOf));
    return kind === "lan" && at.size === 1;
  });
  const accessNames = new Set(access.map(({ name }) => name));
  const isPlaced = (router: Router) => groups.some(({ edge }) => edge.includes(router));
  const accessRouters = routers.filter(
    (router) => !isPlaced(router) && router.ports.some(({ segment }) => accessNames.has(segment)),
  );
  const sites = groups.map((group): Site => {
    const own = access.filter(({ name }) => group.edge.some((node) => isAt(node, name)));
    const first = (router: Router) => router.ports.find(({ segment }) => accessNames.has(segment))?.segment;
    return {
      columns: [...columnsOf(topology, group), ...hostsAt(topology, own)],
      access: own,
      routers: accessRouters.filter((router) => own.some(({ name }) => name === first(router))),
    };
  });
  const sharing = hosts.filter((host) => !host.ports.some(({ segment }) => lanNames.has(segment)));
  const apart = sharing.filter(
    (host) => !sites.some(({ columns }) => columns.some(({ edge }) => edge.includes(host))),
  );
  return {
    sites: [...sites, ...apart.map((host) => ({ columns: [aloneIn([host])], access: [], routers: [] }))],
    core: others.filter((segment) => !access.includes(segment)),
    coreRouters: routers.filter((router) => !isPlaced(router) && !accessRouters.includes(router)),
  };
}

interface Group {
  readonly lans: readonly Segment[];
  readonly edge: readonly EdgeNode[];
}

function isAt({ ports }: LabNode, segment: string): boolean {
  return ports.some((port) => port.segment === segment);
}

function circuitPorts(lcce: LabLcce): readonly Port[] {
  return lcce.ports.filter((port) => isCircuitPort(lcce, port));
}

/** LANs and the nodes at them, joined where something connects them. */
function groupsOf(
  topology: Topology,
  lans: readonly Segment[],
  lanNames: ReadonlySet<string>,
): readonly Group[] {
  const ownLans = (node: EdgeNode) =>
    (node.kind === "lcce" ? circuitPorts(node) : node.ports)
      .map(({ segment }) => segment)
      .filter((segment) => lanNames.has(segment));
  const nodes = [...topology.lcces, ...topology.routers].map((node) => ({ node, at: ownLans(node) }));
  const joints = [...nodes.map(({ at }) => at), ...topology.uplinks];
  let groups: (readonly string[])[] = lans.map(({ name }) => [name]);
  for (const joint of joints) {
    const [joined, rest] = [true, false].map((wanted) =>
      groups.filter((group) => group.some((name) => joint.includes(name)) === wanted),
    );
    if (joined !== undefined && rest !== undefined && joined.length > 1)
      groups = groups.flatMap((group) =>
        group === joined[0] ? [joined.flat()] : rest.includes(group) ? [group] : [],
      );
  }
  const withLans = groups.map(
    (names): Group => ({
      lans: lans.filter(({ name }) => names.includes(name)),
      edge: nodes.filter(({ at }) => at.some((name) => names.includes(name))).map(({ node }) => node),
    }),
  );
  const alone = nodes.filter(({ node, at }) => node.kind === "lcce" && at.length === 0);
  return [...withLans, ...alone.map(({ node }) => ({ lans: [], edge: [node] }))];
}

function aloneIn(edge: readonly EdgeNode[]): Column {
  return { lan: undefined, hosts: [], edge };
}

/** Hosts at LANs that LCCEs reach their peers by, which stand beside these LCCEs. */
function hostsAt({ hosts }: Topology, access: readonly Segment[]): readonly Column[] {
  const own = hosts.filter((host) => access.some(({ name }) => isAt(host, name)));
  return own.length === 0 ? [] : [aloneIn(own)];
}

function columnsOf(topology: Topology, { lans, edge }: Group): readonly Column[] {
  const atPeers = (names: readonly string[]) =>
    topology.hosts.filter((host) => host.ports.some(({ segment }) => names.includes(segment)));
  if (lans.length === 0) return [aloneIn(edge)];
  const home = (node: EdgeNode) =>
    node.ports.find(({ segment }) => lans.some(({ name }) => name === segment));
  return lans.map((lan) => ({
    lan,
    hosts: atPeers([lan.name]),
    edge: edge.filter((node) => home(node)?.segment === lan.name),
  }));
}
