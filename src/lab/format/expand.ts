import { dirname, resolve } from "node:path";
import { isInSubnet, prefixedAddress } from "../../bytes/subnets.ts";
import { expandLinks } from "./expand-links.ts";
import type { RawTopology } from "./file-keys.ts";
import type {
  Host,
  LabLcce,
  Port,
  Router,
  Segment,
  TaggedInterface,
  Topology,
  WirespanSource,
} from "./topology.ts";

/** MTU of a site's LAN. */
const SITE_MTU = 1500;
/** The last octet of the first host without an address of its own. */
const FIRST_HOST = 11;

type Raw<Kind extends "routers" | "hosts" | "lcces"> = RawTopology[Kind][string];
type RawAddresses = string | readonly string[] | null;

/** Writes the shorthand of a valid topology file out. */
export function expand(raw: RawTopology, file: string): Topology {
  const sites = Object.entries(raw.sites);
  const segments = segmentsOf(raw);
  const inSegment = new Map(segments.map((segment) => [segment.name, segment]));
  const nextAddress = counter();
  const path = (name: string) => resolve(dirname(file), name);
  const hosts = [
    ...sites.flatMap(([site, { hosts: vlans }]) =>
      Object.entries(vlans).map(([name, vlan]) => siteHost(site, name, vlan, nextAddress)),
    ),
    ...Object.entries(raw.hosts).map(([name, host]) => hostOf(name, host, inSegment, nextAddress)),
  ];
  return {
    name: (file.split("/").at(-1) ?? "").replace(/\.ya?ml$/, ""),
    file,
    title: raw.title,
    needs: raw.needs,
    secret: raw.secret,
    sessionsWithin: raw.sessions_within,
    segments,
    uplinks: raw.uplinks,
    routers: Object.entries(raw.routers).map(([name, router]) => routerOf(name, router, inSegment, path)),
    hosts,
    lcces: [
      ...sites.map(([name, site]) => siteLcce(name, site, raw.wan?.mtu ?? SITE_MTU)),
      ...Object.entries(raw.lcces).map(([name, lcce]) => lcceOf(name, lcce, inSegment, path)),
    ],
    links: expandLinks(raw),
    captures: raw.captures,
    checks: raw.checks,
    exercise: raw.exercise,
  };
}

/** Addresses of hosts that have none of their own, counted up. */
function counter(): () => string {
  let next = FIRST_HOST;
  return () => `10.0.0.${next++}/24`;
}

function list(value: RawAddresses | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  return typeof value === "string" ? [value] : value;
}

function recordsOf(given: Raw<"hosts">["dns"]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, list(value)]));
}

function segmentsOf(raw: RawTopology): readonly Segment[] {
  const networks = Object.entries(raw.networks).map(
    ([name, { mtu, subnet }]): Segment => ({ name, kind: "network", mtu, stp: false, subnets: list(subnet) }),
  );
  const lans = Object.entries(raw.lans).map(
    ([name, { mtu, stp, subnet }]): Segment => ({ name, kind: "lan", mtu, stp, subnets: list(subnet) }),
  );
  const plain = { stp: false, subnets: [] } as const;
  const wan: readonly Segment[] =
    raw.wan === undefined ? [] : [{ name: "wan", kind: "network", mtu: raw.wan.mtu, ...plain }];
  const ofSites = Object.keys(raw.sites).map(
    (site): Segment => ({ name: `switch-${site}`, kind: "lan", mtu: SITE_MTU, ...plain }),
  );
  return [...wan, ...networks, ...ofSites, ...lans];
}

const program = { routes: {}, run: undefined, dns: {}, start: "auto", after: [] } as const;

function siteHost(site: string, name: string, vlan: number, nextAddress: () => string): Host {
  const port = { name: "eth0", segment: `switch-${site}`, farName: name, mtu: SITE_MTU, addresses: [] };
  const tags = vlan === 0 ? [] : [{ id: vlan, protocol: "802.1q" as const }];
  return {
    kind: "host",
    name,
    site,
    ports: [port],
    interfaces: [{ tags, addresses: [nextAddress()] }],
    access: undefined,
    gateway: undefined,
    dhcpServer: undefined,
    httpPort: undefined,
    ...program,
  };
}

function siteLcce(name: string, site: RawTopology["sites"][string], wanMtu: number): LabLcce {
  const { address, bridge, wirespan } = site;
  const wan = { name: "wan", segment: "wan", farName: `to-${name}`, mtu: wanMtu, addresses: [address] };
  const trunk = { name: "trunk", segment: `switch-${name}`, farName: "trunk", mtu: SITE_MTU, addresses: [] };
  return {
    kind: "lcce",
    name: `lcce-${name}`,
    site: name,
    ports: [wan, trunk],
    trunk: "trunk",
    bridge,
    wirespan: { kind: "text", config: wirespan },
    plane: undefined,
    ...program,
  };
}

type Segments = ReadonlyMap<string, Segment>;

/** An address with the prefix length of the subnet that it is in, where it has none of its own. */
function withPrefix(address: string, subnets: readonly string[]): string {
  if (address.includes("/")) return address;
  const around = subnets.map(prefixedAddress).find((subnet) => subnet && isInSubnet(address, subnet));
  return `${address}/${around?.prefixLength ?? (address.includes(":") ? 64 : 24)}`;
}

/** A port; an address without prefix length gets that of the segment's subnet of its family. */
function portOf(
  node: string,
  name: string,
  segment: string,
  addresses: readonly string[] | "dhcp",
  segments: Segments,
): Port {
  const { mtu = SITE_MTU, subnets = [] } = segments.get(segment) ?? {};
  const whole = addresses === "dhcp" ? addresses : addresses.map((address) => withPrefix(address, subnets));
  return { name, segment, farName: node, mtu, addresses: whole };
}

function portsOf(
  node: string,
  ports: Readonly<Record<string, RawAddresses | "dhcp">>,
  segments: Segments,
  nameOf: (segment: string) => string = (segment) => segment,
): readonly Port[] {
  return Object.entries(ports).map(([segment, given]) =>
    portOf(node, nameOf(segment), segment, given === "dhcp" ? given : list(given), segments),
  );
}

function routerOf(
  name: string,
  raw: Raw<"routers">,
  segments: Segments,
  path: (name: string) => string,
): Router {
  const { ports, nat, dhcp, frr, routes, run, start, after } = raw;
  return {
    kind: "router",
    name,
    ports: portsOf(name, ports, segments),
    nat,
    dhcp,
    frr: frr && path(frr),
    routes,
    run,
    dns: recordsOf(raw.dns),
    start,
    after,
  };
}

function hostOf(name: string, raw: Raw<"hosts">, segments: Segments, nextAddress: () => string): Host {
  const { routes, run, start, after, access, gateway } = raw;
  const port = portOf(name, "eth0", raw.lan, [], segments);
  return {
    kind: "host",
    name,
    site: undefined,
    ports: [raw.mtu === undefined ? port : { ...port, mtu: raw.mtu }],
    interfaces: interfacesOf(raw, nextAddress, segments.get(raw.lan)?.subnets ?? []),
    access,
    gateway,
    dhcpServer: raw.dhcp_server,
    httpPort: raw.http,
    routes,
    run,
    dns: recordsOf(raw.dns),
    start,
    after,
  };
}

function interfacesOf(
  raw: Raw<"hosts">,
  nextAddress: () => string,
  subnets: readonly string[],
): readonly TaggedInterface[] {
  const addresses = (given: string | readonly string[] | undefined) => {
    if (given === "dhcp") return given;
    return given === undefined ? [nextAddress()] : list(given).map((address) => withPrefix(address, subnets));
  };
  const tag = (id: number) => (id === 0 ? [] : [{ id, protocol: "802.1q" as const }]);
  if (raw.vlans !== undefined)
    return Object.entries(raw.vlans).map(([vlan, given]) => ({
      tags: tag(Number(vlan)),
      addresses: addresses(given),
    }));
  return [{ tags: raw.tags ?? tag(raw.vlan), addresses: addresses(raw.address) }];
}

function lcceOf(
  name: string,
  raw: Raw<"lcces">,
  segments: Segments,
  path: (name: string) => string,
): LabLcce {
  const { lan, wan, bridge, plane, routes, run, start, after } = raw;
  const wirespan = sourceOf(raw.wirespan, path);
  const mapped = Object.entries(wirespan?.kind === "file" ? wirespan.ports : {});
  /** The name that an interface has in the user's own file. */
  const own = (port: string) => mapped.find(([, given]) => given === port)?.[0] ?? port;
  const lans = typeof lan === "string" ? { trunk: lan } : (lan ?? {});
  const lanPorts = Object.entries(lans).map(([port, segment]) =>
    portOf(name, own(port), segment, [], segments),
  );
  return {
    kind: "lcce",
    name,
    site: name,
    ports: [...portsOf(name, wan, segments, own), ...lanPorts],
    trunk: lanPorts[0]?.name,
    bridge,
    wirespan,
    plane,
    routes,
    run,
    dns: {},
    start,
    after,
  };
}

function sourceOf(raw: Raw<"lcces">["wirespan"], path: (name: string) => string): WirespanSource | undefined {
  if (raw === undefined) return undefined;
  const { file, ports, files } = raw as {
    file?: string;
    ports?: Record<string, string>;
    files?: Record<string, string>;
  };
  if (typeof file !== "string") return { kind: "text", config: raw };
  const paths = Object.entries(files ?? {}).map(([name, given]) => [name, path(given)] as const);
  return { kind: "file", file: path(file), ports: ports ?? {}, files: Object.fromEntries(paths) };
}
