import { leasedRanges } from "../format/leases.ts";
import type { LabNode } from "../format/topology.ts";
import { RECORD_TTL_S } from "../programs/name-server.ts";
import { type ExportedFile, plainFile } from "./exported-file.ts";
import { exportedInterfaceName } from "./network-script.ts";

/** Configuration of dnsmasq of a node that leases addresses or answers names; ports have their real names. */
export function dnsmasqFiles(node: LabNode, original: LabNode): readonly ExportedFile[] {
  const lines = leasedRanges(original).flatMap(({ port: given, first, last, router }) => {
    const port = realName(node, original, given);
    if (port === undefined) return [];
    return [
      `interface=${port}`,
      `dhcp-range=interface:${port},${first},${last},1h`,
      `dhcp-option=interface:${port},option:router${router === undefined ? "" : `,${router}`}`,
    ];
  });
  const records = Object.entries(node.dns).map(([name, addresses]) =>
    ["host-record=", name, ...addresses.map((address) => `,${address}`), `,${RECORD_TTL_S}`].join(""),
  );
  if (lines.length + records.length === 0) return [];
  const names = records.length === 0 ? ["port=0"] : ["no-resolv", "local=/#/", ...records];
  const leases = lines.length === 0 ? [] : ["bind-interfaces", "dhcp-authoritative", ...lines];
  const text = ["# For /etc/dnsmasq.d/lab.conf.", ...names, ...leases].map((line) => `${line}\n`).join("");
  return [plainFile(`${node.name}/dnsmasq.conf`, text)];
}

/** The interface on the real machine at which a node leases addresses. */
function realName(node: LabNode, original: LabNode, port: string | undefined): string | undefined {
  const [first] = node.kind === "host" ? node.interfaces : [];
  if (node.kind === "host") return first && exportedInterfaceName(node, first);
  return node.ports[original.ports.findIndex(({ name }) => name === port)]?.name;
}
