import { familyOf, plainAddresses } from "../../bytes/subnets.ts";
import type { LabNode } from "./topology.ts";

/** Addresses that a node leases at one of its interfaces. */
export interface LeasedRange {
  /** Name of the router's port; undefined for a host, which leases at its first interface. */
  readonly port: string | undefined;
  readonly first: string;
  readonly last: string;
  /** What clients get as their default router; undefined for none. */
  readonly router: string | undefined;
}

/** What a node leases by DHCP; nothing for one that is no server. */
export function leasedRanges(node: LabNode): readonly LeasedRange[] {
  if (node.kind === "host") {
    const { dhcpServer, gateway } = node;
    return dhcpServer === undefined ? [] : [rangeOf(dhcpServer, undefined, gateway)];
  }
  if (node.kind !== "router") return [];
  return Object.entries(node.dhcp).map(([port, range]) => rangeOf(range, port, ownAddress(node, port)));
}

function rangeOf(range: string, port: string | undefined, router: string | undefined): LeasedRange {
  const [first = "", last = ""] = range.split("-").map((address) => address.trim());
  return { port, first, last, router };
}

/** The IPv4 address of a port. */
function ownAddress({ ports }: LabNode, name: string): string | undefined {
  const own = ports.filter((port) => port.name === name).flatMap(plainAddresses);
  return own.find((address) => familyOf(address) === 4);
}
