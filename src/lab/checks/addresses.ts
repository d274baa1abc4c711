import { networkInterfaces } from "node:os";
import { interfaceMtu } from "../../os/interface-request.ts";
import { inNetworkNamespace } from "../../os/network-namespace.ts";
import { linkAddresses } from "../addresses.ts";
import { type Host, interfaceName, type LabNode } from "../format/topology.ts";
import { namespaceFileOf } from "../nodes.ts";
import { until } from "../until.ts";
import { type CheckContext, requireNode } from "./context.ts";
import { asCheck, CheckError } from "./result.ts";

/** Time that DHCP may take. */
const ADDRESS_MS = 10_000;

/** An interface of a node, as the kernel has it now. */
export interface LiveInterface {
  readonly node: string;
  readonly name: string;
  readonly mtu: number;
  readonly mac: string;
  /** Addresses of global scope, IPv4 first; then those that are only valid on the link, with the zone. */
  readonly addresses: readonly string[];
}

/** Two nodes with addresses of one family. */
export interface HostRoute {
  readonly from: LiveInterface;
  readonly to: LiveInterface;
  readonly source: string;
  readonly destination: string;
}

/** The interface of a node that checks use: of a host the first one, of others their first port. */
export function interfaceOf(node: LabNode): string {
  const own = node.kind === "host" ? node.interfaces[0] : undefined;
  const name = own === undefined ? node.ports[0]?.name : interfaceName(own.tags);
  if (name === undefined) throw new CheckError(`${node.name} has no interface`);
  return name;
}

/** An interface of a node as it is now; default the one that checks use. Throws CheckError for none. */
async function liveInterface(node: LabNode, name = interfaceOf(node)): Promise<LiveInterface> {
  return runningInterface(node.name, name) ?? (await anyInterface(node.name, name));
}

/** An interface as this process sees it in the node; undefined where it is not up, or has no address. */
function runningInterface(node: string, name: string): LiveInterface | undefined {
  const own = asCheck(() =>
    inNetworkNamespace(namespaceFileOf(node), () => {
      const infos = networkInterfaces()[name];
      return infos && { infos, mtu: interfaceMtu(name) };
    }),
  );
  if (own === undefined) return undefined;
  const { infos, mtu } = own;
  const addresses = (family: string, isWanted: (address: string) => boolean) =>
    infos.flatMap((info) => (info.family === family && isWanted(info.address) ? [info.address] : []));
  return {
    node,
    name,
    mtu,
    mac: infos[0]?.mac ?? "",
    addresses: [
      ...addresses("IPv4", () => true),
      ...addresses("IPv6", (address) => !isLinkLocal(address)),
      ...addresses("IPv6", isLinkLocal),
    ],
  };
}

/** An interface as ip(8) tells of it, up or not. */
async function anyInterface(node: string, name: string): Promise<LiveInterface> {
  const found = (await linkAddresses(node)).find(({ ifname }) => ifname === name);
  if (found === undefined) throw new CheckError(`${node} has no interface ${name} any more`);
  const addresses = (scope: string, family: string) =>
    (found.addr_info ?? []).flatMap((info) =>
      info.scope === scope && info.family === family ? [info.local ?? ""] : [],
    );
  return {
    node,
    name,
    mtu: found.mtu,
    mac: found.address ?? "",
    addresses: [
      ...addresses("global", "inet"),
      ...addresses("global", "inet6"),
      ...addresses("link", "inet6"),
    ],
  };
}

/** How the way between two nodes is found. */
interface RouteOptions {
  /** How long addresses by DHCP are waited for; default 10 s. */
  readonly limitMs?: number;
  /** The port of the second node; default: the one that checks use. */
  readonly toPort?: string | undefined;
}

/**
 * The way from one node to another by addresses of one family, once both have one. Throws CheckError where
 * they get none in time.
 */
export async function routeBetween(
  context: CheckContext,
  [from, to]: readonly [string, string],
  { limitMs = ADDRESS_MS, toPort }: RouteOptions = {},
): Promise<HostRoute> {
  const [left, right] = [requireNode(context, from), requireNode(context, to)];
  let route: HostRoute | undefined;
  const found = async (): Promise<boolean> => {
    const ends = await Promise.all([liveInterface(left), liveInterface(right, toPort)]);
    route = routeOf(ends[0], ends[1]);
    return route !== undefined;
  };
  // Waited for where the addresses come by DHCP; others are there from the start.
  const waits = [left, right].some(hasDhcp);
  await until(found, waits ? limitMs : 0);
  if (route !== undefined) return route;
  const why = waits ? `; no address came by DHCP within ${limitMs / 1000} s` : "";
  throw new CheckError(`${from} and ${to} have no addresses of one family${why}`);
}

function hasDhcp(node: LabNode): boolean {
  const { addresses } = (node.kind === "host" ? (node as Host).interfaces[0] : node.ports[0]) ?? {};
  return addresses === "dhcp";
}

function routeOf(from: LiveInterface, to: LiveInterface): HostRoute | undefined {
  const isSix = (address: string) => address.includes(":");
  for (const destination of to.addresses) {
    const source = from.addresses.find(
      (address) => isSix(address) === isSix(destination) && isLinkLocal(address) === isLinkLocal(destination),
    );
    if (source === undefined) continue;
    const zone = isLinkLocal(destination) ? `%${from.name}` : "";
    return { from, to, source, destination: `${destination}${zone}` };
  }
  return undefined;
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
