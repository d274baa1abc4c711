import { plainAddress } from "../bytes/subnets.ts";
import { addressesIn } from "./addresses.ts";
import { nodesOf, type Topology } from "./format/topology.ts";
import { hasLease, writeHosts } from "./node-files.ts";

/** Lets the names of all nodes resolve, also to the addresses that they got from DHCP servers. */
export async function nameNodes(topology: Topology): Promise<void> {
  const nodes = nodesOf(topology);
  const leased = new Map<string, readonly string[]>();
  for (const { name } of nodes.filter(hasLease)) {
    const addresses = Object.values(await addressesIn(name)).flat();
    leased.set(name, addresses.map(plainAddress));
  }
  writeHosts(nodes, leased);
}
