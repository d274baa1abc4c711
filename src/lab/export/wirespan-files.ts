import { dirname, resolve } from "node:path";
import { Document, isScalar, visit } from "yaml";
import { printableLine } from "../../bytes/printable-text.ts";
import { isCircuitPort } from "../drawing/sites.ts";
import type { LabLcce, Port, Topology } from "../format/topology.ts";
import { type ExportedFile, plainFile, secretFile } from "./exported-file.ts";
import type { PortName } from "./port-names.ts";

/** Where the secret of a lab's topology lies in the lab, and on a real machine. */
const LAB_SECRET = "/run/wirespan.secret";
export const SECRET = "/etc/wirespan/secret";

/** The texts of files that a topology names, by their absolute paths. */
export type UserTexts = ReadonlyMap<string, string>;

/** The path that a node's `run` would have as a script beside the topology file. */
export function pathOfRun({ file }: Topology, run: string): string {
  return resolve(dirname(file), run);
}

/** Whether the configuration of an LCCE in a topology names the lab's secret. */
export function usesSecret({ wirespan }: LabLcce): boolean {
  return wirespan?.kind === "text" && JSON.stringify(wirespan.config).includes(JSON.stringify(LAB_SECRET));
}

/** The configuration of a Wirespan and its secret; a file of the user's own goes out as it is. */
export function wirespanFiles(
  topology: Topology,
  lcce: LabLcce,
  texts: UserTexts,
  nameOf: PortName,
): readonly ExportedFile[] {
  const { name, wirespan } = lcce;
  if (wirespan === undefined) return [];
  if (wirespan.kind === "file") {
    const text = texts.get(wirespan.file);
    if (text === undefined) throw new Error(`export ${name}: the text of ${wirespan.file} is missing`);
    return [plainFile(`${name}/wirespan.yaml`, text)];
  }
  const yaml = plainFile(`${name}/wirespan.yaml`, configurationText(topology, lcce, wirespan.config, nameOf));
  if (!usesSecret(lcce) || topology.secret === undefined) return [yaml];
  return [yaml, secretFile(`${name}/secret`, `${topology.secret}\n`)];
}

function configurationText(
  topology: Topology,
  lcce: LabLcce,
  config: Readonly<Record<string, unknown>>,
  nameOf: PortName,
): string {
  const document = new Document(config);
  if (lcce.plane !== undefined) document.set("plane", lcce.plane);
  const ports = new Set(lcce.ports.map(({ name }) => name));
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || !isScalar(value)) return;
      const said = value.value;
      if (typeof said !== "string") return;
      if (said === LAB_SECRET) value.value = SECRET;
      if (key.value === "interface" && ports.has(said)) value.value = nameOf(lcce.name, said);
    },
  });
  const lines = [
    `${lcce.name} of the lab ${printableLine(topology.name)}: for /etc/wirespan/wirespan.yaml.`,
    ...lcce.ports.map((port) => portLine(lcce, port, nameOf)),
    ...(usesSecret(lcce) ? [`The secret is in ${SECRET}, which root alone may read (mode 0600).`] : []),
  ];
  document.commentBefore = lines.map((line) => ` ${line}`).join("\n");
  return document.toString({ lineWidth: 100 });
}

/** What an interface is connected to, for the comment at the top of a configuration. */
function portLine(lcce: LabLcce, port: Port, nameOf: PortName): string {
  const name = nameOf(lcce.name, port.name);
  const addresses = port.addresses === "dhcp" ? "its address by DHCP" : port.addresses.join(", ");
  const what = isCircuitPort(lcce, port) ? `leads to the LAN ${port.segment}` : `is in ${port.segment}`;
  return `Interface ${name} ${what}${addresses === "" ? "; it has no addresses" : `, ${addresses}`}.`;
}
