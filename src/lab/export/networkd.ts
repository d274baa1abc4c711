import { isWithin } from "../../bytes/subnets.ts";
import type { LabLcce, Port, Router } from "../format/topology.ts";
import type { LabRoute } from "../network/routes.ts";
import { type ExportedFile, plainFile } from "./exported-file.ts";

/** The network of a node as files of systemd-networkd, which set it up at each boot. */

/** Files of a node's ports, routes and bridge; its ports already have their names on the real machine. */
export function networkdFiles(
  node: LabLcce | Router,
  routes: readonly LabRoute[],
  folder: string,
): readonly ExportedFile[] {
  const bridge = node.kind === "lcce" ? node.bridge : undefined;
  const ports = node.ports.map((port) => {
    const own = routes.filter(({ via }) => leadsOut(port, via));
    const member = node.kind === "lcce" && port.name === node.trunk ? bridge : undefined;
    return plainFile(`${folder}/20-${port.name}.network`, portText(port, own, member));
  });
  if (bridge === undefined) return ports;
  const device = `[NetDev]\nName=${bridge}\nKind=bridge\n\n[Bridge]\nMulticastSnooping=no\n`;
  const up = `[Match]\nName=${bridge}\n\n[Network]\nLinkLocalAddressing=no\nConfigureWithoutCarrier=yes\n`;
  return [
    ...ports,
    plainFile(`${folder}/10-${bridge}.netdev`, device),
    plainFile(`${folder}/20-${bridge}.network`, up),
  ];
}

/** Whether a next hop is in a subnet of a port. */
function leadsOut({ addresses }: Port, via: string): boolean {
  return addresses !== "dhcp" && addresses.some((address) => isWithin(via, address));
}

function portText(
  { name, mtu, addresses }: Port,
  routes: readonly LabRoute[],
  bridge: string | undefined,
): string {
  const isDhcp = addresses === "dhcp";
  const hasAddress = isDhcp || addresses.length > 0;
  const network = [
    ...(isDhcp ? ["DHCP=yes"] : addresses.map((address) => `Address=${address}`)),
    ...(bridge === undefined ? [] : [`Bridge=${bridge}`]),
    // An attachment circuit has no addresses: what its interface says would cross the pseudowire.
    ...(hasAddress ? [] : ["LinkLocalAddressing=no", "IPv6AcceptRA=no", "LLDP=no", "EmitLLDP=no"]),
  ];
  const ways = routes.map(({ destination, via, family }) => {
    const all = family === 6 ? "::/0" : "0.0.0.0/0";
    return `[Route]\nDestination=${destination === "default" ? all : destination}\nGateway=${via}\n`;
  });
  const parts = [
    `[Match]\nName=${name}\n`,
    `[Link]\nMTUBytes=${mtu}\n`,
    `[Network]\n${network.join("\n")}\n`,
  ];
  return [...parts, ...ways].join("\n");
}
