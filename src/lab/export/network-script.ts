import {
  type Host,
  interfaceName,
  type LabLcce,
  type LabNode,
  type Port,
  type TaggedInterface,
} from "../format/topology.ts";
import type { LabRoute } from "../network/routes.ts";

/** Scripts that set the network of a node up with ip(8); they may run again. */

/** The script of a node; its ports already have their names on the real machine. */
export function networkScript(node: LabNode, routes: readonly LabRoute[], lab: string): string {
  const lines = [
    ...node.ports.flatMap((port) => portLines(node, port)),
    ...(node.kind === "lcce" ? bridgeLines(node) : []),
    ...(node.kind === "host" ? node.interfaces.flatMap((one) => interfaceLines(node, one)) : []),
    ...routes.map(
      ({ destination, via, family }) =>
        `ip ${family === 6 ? "-6 " : ""}route replace ${destination} via ${via}`,
    ),
  ];
  return `#!/bin/sh
# The network of ${node.name}, as in the lab ${lab}. To be run as root; it may run again.
set -e

${lines.join("\n")}
`;
}

function portLines({ kind }: LabNode, { name, mtu, addresses }: Port): readonly string[] {
  const up = `ip link set dev ${name} up mtu ${mtu}`;
  return kind === "host" ? [up] : [up, ...addressLines(name, addresses)];
}

/** What `dhclient` or another client asks for, or addresses. */
function addressLines(name: string, addresses: Port["addresses"]): readonly string[] {
  if (addresses === "dhcp") return [`dhclient ${name}`];
  return addresses.map((address) => `ip addr replace ${address} dev ${name}`);
}

/** A command that makes an interface which may be there already. */
function unlessThere(name: string, command: string): string {
  return `ip link show dev ${name} >/dev/null 2>&1 || ${command}`;
}

function bridgeLines({ bridge, trunk, ports }: LabLcce): readonly string[] {
  if (bridge === undefined || trunk === undefined) return [];
  const own = ports.find(({ name }) => name === trunk);
  return [
    unlessThere(bridge, `ip link add name ${bridge} type bridge mcast_snooping 0`),
    `ip link set dev ${bridge} up`,
    ...(own === undefined ? [] : [`ip link set dev ${own.name} master ${bridge}`]),
  ];
}

/** The name of a host's interface, above its port's name on the real machine. */
export function exportedInterfaceName({ ports }: Host, { tags }: TaggedInterface): string {
  return interfaceName(tags).replace(/^eth0/, ports[0]?.name ?? "eth0");
}

function interfaceLines(host: Host, own: TaggedInterface): readonly string[] {
  const name = exportedInterfaceName(host, own);
  const links = own.tags.flatMap(({ id, protocol }, index) => {
    const [lower, upper] = [index, index + 1].map((count) =>
      exportedInterfaceName(host, { ...own, tags: own.tags.slice(0, count) }),
    ) as [string, string];
    const link = `ip link add link ${lower} name ${upper} type vlan protocol ${protocol} id ${id}`;
    return [unlessThere(upper, link), `ip link set dev ${upper} up`];
  });
  return [...links, ...addressLines(name, own.addresses)];
}
