import { type LeasedRange, leasedRanges } from "../format/leases.ts";
import { interfaceName, type LabNode } from "../format/topology.ts";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

const LEASE = "1h";

/** The DHCP server of a node, dnsmasq, if it leases addresses. */
export function dhcpServer(node: LabNode): readonly ProgramSettings[] {
  const ranges = leasedRanges(node);
  if (ranges.length === 0) return [];
  const { name } = node;
  const leases = `${RUN}/${name}-dnsmasq.leases`;
  const options = [
    // In the foreground, and as this user: another one cannot be had in a user namespace.
    ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--no-ping"],
    ["--bind-interfaces", "--except-interface=lo", "--dhcp-authoritative", `--dhcp-leasefile=${leases}`],
    ...ranges.map((range) => rangeOptions(node, range)),
  ];
  return [
    {
      node: name,
      name: "dnsmasq",
      command: ["dnsmasq", ...options.flat()],
      log: `${RUN}/${name}-dnsmasq.log`,
      upFile: leases,
    },
  ];
}

function rangeOptions(node: LabNode, { port: given, first, last, router }: LeasedRange): readonly string[] {
  const port = given ?? interfaceName(node.kind === "host" ? (node.interfaces[0]?.tags ?? []) : []);
  return [
    `--interface=${port}`,
    `--dhcp-range=interface:${port},${first},${last},${LEASE}`,
    // Without a value, none is told.
    `--dhcp-option=interface:${port},option:router${router === undefined ? "" : `,${router}`}`,
  ];
}
