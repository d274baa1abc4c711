import { printableLine } from "../../bytes/printable-text.ts";
import { kindOf } from "../drawing/captions.ts";
import {
  type LabNode,
  nodesOf,
  type Segment,
  type Topology,
  type WirespanSource,
} from "../format/topology.ts";
import type { ExportedFile } from "./exported-file.ts";
import type { PortName } from "./port-names.ts";
import { SECRET } from "./wirespan-files.ts";

/** The README.md of an export: what is where, what goes where, and how it is checked. */

/** TABLE: where files of a node go, and how. */
const places: Readonly<Record<string, string>> = {
  "network.sh": "run it as root; it sets addresses, routes and bridges until the next boot",
  "networkd/":
    "the same for good: `cp networkd/* /etc/systemd/network/ && systemctl restart systemd-networkd`",
  "wirespan.yaml": "`install -D -m 644 wirespan.yaml /etc/wirespan/wirespan.yaml`",
  secret: `\`install -D -m 600 secret ${SECRET}\``,
  "wirespan.service": "`install -m 644 wirespan.service /etc/systemd/system/ && systemctl daemon-reload`",
  "sysctl.conf": "`install -m 644 sysctl.conf /etc/sysctl.d/90-router.conf && sysctl --system`",
  "nftables.conf": "`nft -f nftables.conf`; to have it at each boot, include it in /etc/nftables.conf",
  "frr.conf": "`install -m 640 -o frr -g frr frr.conf /etc/frr/`; enable its daemons in /etc/frr/daemons",
  "dnsmasq.conf": "`install -m 644 dnsmasq.conf /etc/dnsmasq.d/lab.conf && systemctl restart dnsmasq`",
};

/** The README.md of the nodes that were exported. */
export function exportReadme(
  topology: Topology,
  nodes: readonly LabNode[],
  files: readonly ExportedFile[],
  nameOf: PortName,
): string {
  const parts = nodes.map((node) => nodePart(node, files));
  return `# ${markdownLine(`${topology.name}: ${topology.title}`)}

The files of these nodes as real machines take them, written by \`wirespan lab export\`. What the lab itself
adds is not here: conditions of links, captures, checks.

## Connections

${topology.segments.map((segment) => segmentLine(topology, segment, nameOf)).join("\n")}

Where an interface has another name, export again with \`--ports NODE.PORT=NAME\`.

${parts.join("\n\n")}
`;
}

function segmentLine(topology: Topology, segment: Segment, nameOf: PortName): string {
  const ends = nodesOf(topology).flatMap((node) =>
    node.ports
      .filter((port) => port.segment === segment.name)
      .map(({ name }) => `${node.name} (\`${nameOf(node.name, name)}\`${accessText(node)})`),
  );
  const uplinks = topology.uplinks
    .filter((pair) => pair.includes(segment.name))
    .map(([left, right]) => `the ${left === segment.name ? right : left} switch`);
  const kind = segment.kind === "lan" ? "a switch" : "a network";
  const more = segment.stp ? ", with spanning tree" : "";
  return `- **${segment.name}**: ${kind} of MTU ${segment.mtu}${more}: ${[...ends, ...uplinks].join(", ")}`;
}

function accessText(node: LabNode): string {
  return node.kind === "host" && node.access !== undefined ? `, an access port of VLAN ${node.access}` : "";
}

function nodePart(node: LabNode, files: readonly ExportedFile[]): string {
  const own = files
    .filter(({ path }) => path.startsWith(`${node.name}/`))
    .map(({ path }) => path.slice(node.name.length + 1));
  const names = [...new Set(own.map((path) => path.replace(/\/.*/, "/")))];
  const lines = names.map(
    (name) => `- \`${name}\`: ${places[name] ?? "its program (`run`), which has to be started"}`,
  );
  return [`## ${node.name}, ${kindOf(node)}`, lines.join("\n"), ...checksOf(node)].join("\n\n");
}

/** How it is seen that a node is in order. */
function checksOf(node: LabNode): readonly string[] {
  if (node.kind === "lcce" && node.wirespan !== undefined)
    return [
      ...ownFiles(node.wirespan),
      `Then, on the machine:

\`\`\`sh
wirespan check --here   # says what is missing on this machine
systemctl enable --now wirespan
wirespan status
\`\`\``,
    ];
  if (node.kind === "host" && node.httpPort !== undefined)
    return [`It has a web server on port ${node.httpPort}: \`python3 -m http.server ${node.httpPort}\`.`];
  return node.run === undefined ? [] : [`It runs \`${printableLine(node.run)}\`.`];
}

/** What a configuration of the user's own names, and the export does not write. */
function ownFiles(source: WirespanSource): readonly string[] {
  if (source.kind === "text") return [];
  const named = Object.keys(source.files);
  const told =
    named.length === 0 ? "" : ` The files that it names are your own too: ${markdownLine(named.join(", "))}.`;
  return [`\`wirespan.yaml\` is your own file, unchanged.${told}`];
}

/** Text of a topology as a line of Markdown, in which it begins no HTML. */
function markdownLine(text: string): string {
  return printableLine(text).replaceAll("<", "&lt;");
}
