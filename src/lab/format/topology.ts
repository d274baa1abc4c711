import type { z } from "zod";
import { plainAddresses } from "../../bytes/subnets.ts";
import type { LinkConditions } from "../links/conditions.ts";
import type { Check } from "./check-keys.ts";
import type { exerciseFields } from "./file-keys.ts";
import type { natFields, wirespanFileFields } from "./node-keys.ts";

/** A topology, with its shorthand written out: segments, and nodes with ports in them. */

/** A bridge in a namespace of its own, which ports of nodes are connected to. */
export interface Segment {
  readonly name: string;
  readonly kind: "network" | "lan";
  readonly mtu: number;
  readonly stp: boolean;
  /** Subnets, each with its prefix length. */
  readonly subnets: readonly string[];
}

/** An interface of a node, connected to a segment. */
export interface Port {
  /** Name of the interface in the node. */
  readonly name: string;
  readonly segment: string;
  /** Name of its other end, a port of the segment's bridge. */
  readonly farName: string;
  readonly mtu: number;
  /** Addresses, each with its prefix length; none for a port without IP. */
  readonly addresses: readonly string[] | "dhcp";
}

/** A tag on the frames of a host's interface. */
export interface HostTag {
  readonly id: number;
  readonly protocol: "802.1q" | "802.1ad";
}

interface AnyNode {
  /** Name of its namespace. */
  readonly name: string;
  readonly ports: readonly Port[];
  /** Static routes of the file: subnet or `default`, and the next hop. */
  readonly routes: Readonly<Record<string, string>>;
  /** Program that runs in it: a path beside the topology file, or a command line. */
  readonly run: string | undefined;
  /** Names that it answers for as a name server, each with its addresses; none where it is none. */
  readonly dns: Readonly<Record<string, readonly string[]>>;
  readonly start: "auto" | "manual";
  readonly after: readonly string[];
}

/** A node that forwards IP packets. */
export interface Router extends AnyNode {
  readonly kind: "router";
  readonly nat: z.output<typeof natFields> | undefined;
  /** First and last address that it leases, by the name of the port. */
  readonly dhcp: Readonly<Record<string, string>>;
  /** Absolute path of FRR's configuration. */
  readonly frr: string | undefined;
}

/** An interface of a host above its port: untagged, or with tags. */
export interface TaggedInterface {
  readonly tags: readonly HostTag[];
  readonly addresses: readonly string[] | "dhcp";
}

/** A host at a LAN, with one port, `eth0`. */
export interface Host extends AnyNode {
  readonly kind: "host";
  /** Name of its site, where it stands in `sites`. */
  readonly site: string | undefined;
  /** The first one is what checks use. */
  readonly interfaces: readonly TaggedInterface[];
  /** VLAN of the switch's port. */
  readonly access: number | undefined;
  readonly gateway: string | undefined;
  readonly dhcpServer: string | undefined;
  readonly httpPort: number | undefined;
}

/** Where the configuration of a daemon comes from. */
export type WirespanSource =
  | { readonly kind: "text"; readonly config: Readonly<Record<string, unknown>> }
  | ({ readonly kind: "file" } & z.output<typeof wirespanFileFields>);

/** An LCCE: a Wirespan, or, with `run` alone, any other peer. */
export interface LabLcce extends AnyNode {
  readonly kind: "lcce";
  /** What its files in /run are named by: its site's name, or its own. */
  readonly site: string;
  /** Name of the interface that leads to its LAN; undefined for one without LAN. */
  readonly trunk: string | undefined;
  readonly bridge: string | undefined;
  readonly wirespan: WirespanSource | undefined;
  readonly plane: "auto" | "userspace" | "ebpf" | undefined;
}

/** A node with ports. */
export type LabNode = Router | Host | LabLcce;

/** A link of a node with a segment, and what is on it each way. */
export interface TopologyLink {
  readonly node: string;
  /** Name of the node's port. */
  readonly port: string;
  /** From the node into the segment. */
  readonly out: LinkConditions;
  /** From the segment to the node. */
  readonly in: LinkConditions;
}

/** A lab as its file describes it, complete: nothing in it is shorthand. */
export interface Topology {
  /** Base name of the file. */
  readonly name: string;
  /** Absolute path of the file. */
  readonly file: string;
  readonly title: string;
  readonly needs: readonly string[];
  /** Contents of /run/wirespan.secret for the daemons. */
  readonly secret: string | undefined;
  /** Sessions are given up after so long in which nothing came up, such as "60s"; undefined: 20 s. */
  readonly sessionsWithin: string | undefined;
  readonly segments: readonly Segment[];
  /** Connections between segments. */
  readonly uplinks: readonly (readonly [string, string])[];
  readonly routers: readonly Router[];
  readonly hosts: readonly Host[];
  readonly lcces: readonly LabLcce[];
  /** What is on links from the start; all others are perfect. */
  readonly links: readonly TopologyLink[];
  /** Points of capture files: a segment, a node, or NODE.PORT. */
  readonly captures: readonly string[];
  readonly checks: readonly Check[];
  readonly exercise: z.output<typeof exerciseFields> | undefined;
}

/** All nodes with ports. */
export function nodesOf({ routers, hosts, lcces }: Topology): readonly LabNode[] {
  return [...routers, ...hosts, ...lcces];
}

/** The LCCEs that are Wirespans. */
export function wirespansOf({ lcces }: Topology): readonly LabLcce[] {
  return lcces.filter(({ wirespan }) => wirespan !== undefined);
}

/** Names of all namespaces of a lab: nodes and segments. */
export function namespacesOf(topology: Topology): readonly string[] {
  return [...nodesOf(topology), ...topology.segments].map(({ name }) => name);
}

/** The node of a name. */
export function nodeNamed(topology: Topology, name: string): LabNode | undefined {
  return nodesOf(topology).find((node) => node.name === name);
}

/** The node of a name, which may be that of an LCCE's site. */
export function nodeOrSiteNamed(topology: Topology, name: string): LabNode | undefined {
  return nodeNamed(topology, name) ?? lcceNamed(topology, name);
}

/** The segment of a name. */
export function segmentNamed({ segments }: Topology, name: string): Segment | undefined {
  return segments.find((segment) => segment.name === name);
}

/** The LCCE of a name, which is its own or its site's. */
export function lcceNamed(topology: Topology, name: string): LabLcce | undefined {
  return topology.lcces.find((lcce) => lcce.name === name || lcce.site === name);
}

/** Longest name that the kernel takes for an interface. */
const MOST_NAME_CHARACTERS = 15;

/** The name of a host's interface with these tags; `tagged` where that of three tags would be too long. */
export function interfaceName(tags: readonly HostTag[]): string {
  const name = ["eth0", ...tags.map(({ id }) => id)].join(".");
  return name.length > MOST_NAME_CHARACTERS ? "tagged" : name;
}

/** The first address of a host, without its prefix length; undefined for one that has it by DHCP. */
export function addressOfHost({ interfaces }: Host): string | undefined {
  const [first] = interfaces;
  return first === undefined ? undefined : plainAddresses(first)[0];
}
