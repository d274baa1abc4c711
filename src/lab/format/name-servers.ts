import { familyOf, plainAddresses } from "../../bytes/subnets.ts";
import { type LabNode, nodesOf, type Topology } from "./topology.ts";

/** Which name servers of a lab a node asks. */

/** As many are asked as resolvers take. */
const MOST_SERVERS = 3;

/** Whether a node is a name server. */
export function isNameServer({ dns }: LabNode): boolean {
  return Object.keys(dns).length > 0;
}

/**
 * The addresses of the name servers that a node asks: itself, those in segments of its own, then those in
 * networks, in the order of the file; none where the lab has no name server that it could reach.
 */
export function nameServersFor(node: LabNode, topology: Topology): readonly string[] {
  const own = new Set(node.ports.map(({ segment }) => segment));
  const networks = new Set(topology.segments.flatMap(({ name, kind }) => (kind === "network" ? [name] : [])));
  const servers = nodesOf(topology).filter(isNameServer);
  const at = (segments: ReadonlySet<string>) =>
    servers.flatMap((server) => (server === node ? [] : addressesIn(server, segments)));
  const self = isNameServer(node) ? ["127.0.0.1"] : [];
  return [...new Set([...self, ...at(own), ...at(networks)])].slice(0, MOST_SERVERS);
}

/** A server's addresses in these segments; with several of a family, the first one will do. */
function addressesIn(server: LabNode, segments: ReadonlySet<string>): readonly string[] {
  const all = server.ports
    .filter(({ segment }) => segments.has(segment))
    .flatMap((port) =>
      server.kind === "host" ? server.interfaces.flatMap(plainAddresses) : plainAddresses(port),
    );
  return ([4, 6] as const).flatMap((family) => all.find((one) => familyOf(one) === family) ?? []);
}
