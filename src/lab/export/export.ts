import { printableLine } from "../../bytes/printable-text.ts";
import { type LabNode, nodesOf, type Topology } from "../format/topology.ts";
import { type LabRoute, routesOf } from "../network/routes.ts";
import { containerlabFiles } from "./containerlab.ts";
import { dnsmasqFiles } from "./dnsmasq-file.ts";
import { type ExportedFile, plainFile, scriptFile } from "./exported-file.ts";
import { networkScript } from "./network-script.ts";
import { networkdFiles } from "./networkd.ts";
import { type PortName, withPortNames } from "./port-names.ts";
import { exportReadme } from "./readme.ts";
import { routerFiles } from "./router-files.ts";
import { pathOfRun, type UserTexts, wirespanFiles } from "./wirespan-files.ts";

/** What an export is made of, beside the topology. */
export interface ExportInput {
  readonly texts: UserTexts;
  /** The systemd unit of the package. */
  readonly unit: string;
  readonly nameOf: PortName;
  /** The only node that is wanted; undefined for all. */
  readonly node: string | undefined;
  /** Whether a topology of containerlab is written too. */
  readonly containerlab: boolean;
}

/** The files of a topology's nodes as real machines take them. Throws where there is no such node. */
export function exportedFiles(topology: Topology, input: ExportInput): readonly ExportedFile[] {
  const all = nodesOf(topology);
  const nodes = all.filter(({ name }) => input.node === undefined || input.node === name);
  if (nodes.length === 0) {
    const known = all.map(({ name }) => name).join(", ");
    throw new Error(`export node ${input.node}: there is none; there are ${known}`);
  }
  const nameOf = input.containerlab ? containerPortName(input.nameOf) : input.nameOf;
  const routes = routesOf(topology);
  const files = nodes.flatMap((node) =>
    nodeFiles(topology, node, routes.get(node.name) ?? [], { ...input, nameOf }),
  );
  const containerlab = input.containerlab ? containerlabFiles(topology, files, nameOf) : [];
  return [...files, ...containerlab, plainFile("README.md", exportReadme(topology, nodes, files, nameOf))];
}

/** Containerlab keeps eth0 for its own network. */
function containerPortName(nameOf: PortName): PortName {
  return (node, port) => {
    const name = nameOf(node, port);
    return name === "eth0" ? "eth1" : name;
  };
}

function nodeFiles(
  topology: Topology,
  node: LabNode,
  routes: readonly LabRoute[],
  { texts, unit, nameOf }: ExportInput,
): readonly ExportedFile[] {
  const renamed = withPortNames(node, nameOf);
  const placed =
    renamed.kind === "lcce" && renamed.trunk !== undefined
      ? { ...renamed, trunk: nameOf(node.name, renamed.trunk) }
      : renamed;
  const { name } = node;
  const files = [
    scriptFile(`${name}/network.sh`, networkScript(placed, routes, printableLine(topology.name))),
  ];
  if (placed.kind !== "host") files.push(...networkdFiles(placed, routes, `${name}/networkd`));
  files.push(...dnsmasqFiles(placed, node));
  const program = node.run === undefined ? undefined : texts.get(pathOfRun(topology, node.run));
  if (program !== undefined) files.push(scriptFile(`${name}/run`, program));
  if (node.kind === "router") files.push(...routerFiles(topology, node, texts, nameOf));
  if (node.kind === "lcce" && node.wirespan !== undefined) {
    files.push(...wirespanFiles(topology, node, texts, nameOf));
    files.push(plainFile(`${name}/wirespan.service`, unit));
  }
  return files;
}
