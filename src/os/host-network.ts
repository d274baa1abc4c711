import { networkInterfaces } from "node:os";
import { attempt, errnoOf } from "./errors.ts";
import { readText } from "./files.ts";
import { readLinks } from "./link-message.ts";
import { withNetlink } from "./netlink.ts";
import { u16In } from "./netlink-attributes.ts";

/** An interface of this network namespace, and what this machine itself does with it. */
export interface HostInterface {
  readonly name: string;
  readonly index: number;
  /** Kind of a virtual interface, such as "vlan" or "bridge" (ip link show type); undefined for hardware. */
  readonly kind: string | undefined;
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly master: number | undefined;
  /** Index of the interface that it stands on, where both are in this namespace. */
  readonly lower: number | undefined;
  /** VLAN ID of an interface of kind "vlan". */
  readonly vlanId: number | undefined;
  /** IPv4 and IPv6 addresses but link-local ones, which every interface may have. */
  readonly addresses: readonly string[];
  /** Whether a route leads out by it, but those of its own link-local and multicast addresses. */
  readonly hasRoutes: boolean;
}

/** IFLA_VLAN_ID (linux/if_link.h). */
const VLAN_ID = 1;

/**
 * Kinds that stand on another interface and share what it receives; the "link" of others is no lower
 * interface.
 */
const stacked: ReadonlySet<string> = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"]);

/** All interfaces with their use by this machine. Rejects with SystemError. */
export async function readHostNetwork(): Promise<readonly HostInterface[]> {
  const operation = { operation: "read the interfaces", target: "this machine" };
  const links = withNetlink("route", (netlink) => readLinks(netlink, operation));
  const addresses = attempt(operation.operation, operation.target, networkInterfaces);
  const routed = routedInterfaces();
  return links.map(({ name, index, kind, kindData, master, link }) => ({
    name,
    index,
    kind,
    master,
    lower: kind !== undefined && stacked.has(kind) ? link : undefined,
    vlanId: kind === "vlan" && kindData !== undefined ? u16In(kindData, VLAN_ID) : undefined,
    addresses: (addresses[name] ?? [])
      .map(({ address }) => address)
      .filter((address) => !/^(fe[89ab]|169\.254\.)/i.test(address)),
    hasRoutes: routed.has(name),
  }));
}

/** Interfaces by which a route of this network namespace leads out. */
function routedInterfaces(): ReadonlySet<string> {
  const names = new Set<string>();
  // Interface, destination, gateway, flags ...
  for (const line of linesOf("/proc/net/route").slice(1)) names.add(line.split(/\s+/)[0] ?? "");
  // Destination, its prefix length, source, its prefix length, next hop, metric, use, flags ..., interface
  for (const line of linesOf("/proc/net/ipv6_route")) {
    const fields = line.trim().split(/\s+/);
    if (!/^(fe[89ab]|ff)/.test(fields[0] ?? "") && !isOwnAddress(fields)) names.add(fields.at(-1) ?? "");
  }
  return names;
}

/**
 * Routes to this machine's own addresses (RTF_LOCAL, RTF_ANYCAST), and those that refuse (RTF_REJECT), lead
 * nowhere.
 */
function isOwnAddress(fields: readonly string[]): boolean {
  const flags = Number.parseInt(fields.at(-2) ?? "0", 16);
  return (flags & (0x8000_0000 | 0x0010_0000 | 0x0200)) !== 0;
}

function linesOf(path: string): readonly string[] {
  try {
    return readText(path)
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    // A kernel without IPv6 has no such file.
    if (errnoOf(error) !== "ENOENT") throw error;
    return [];
  }
}
