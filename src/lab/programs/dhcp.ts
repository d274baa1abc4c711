import { fileURLToPath } from "node:url";
import { interfaceName, type LabNode } from "../format/topology.ts";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

const CLIENT = fileURLToPath(new URL("dhcp-client.js", import.meta.url));

/** A file with the address, and its prefix length, that an interface of a node has by DHCP. */
export function leaseFile(node: string, port: string): string {
  return `${RUN}/${node}-${port}.lease`;
}

/** A DHCP client for each interface of a node that has its address by DHCP. */
export function dhcpClients(node: LabNode): readonly ProgramSettings[] {
  const interfaces =
    node.kind === "host"
      ? node.interfaces.map(({ tags, addresses }) => ({ name: interfaceName(tags), addresses }))
      : node.ports;
  return interfaces
    .filter(({ addresses }) => addresses === "dhcp")
    .map(({ name: port }) => ({
      node: node.name,
      name: `dhcp-${port}`,
      command: [process.execPath, CLIENT, port, leaseFile(node.name, port)],
      log: `${RUN}/${node.name}-dhcp-${port}.log`,
      upFile: leaseFile(node.name, port),
    }));
}
