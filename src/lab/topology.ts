import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { isNode, LineCounter, parseDocument } from "yaml";
import { z } from "zod";

/** Directory of this package's topologies. */
const directory = new URL("../../lab/topologies/", import.meta.url);

const nodeName = z.string().regex(/^[a-z][a-z0-9-]{0,11}$/, "a lower-case name of up to 12 characters");
const pair = z.tuple([nodeName, nodeName]);

/** Checks, between hosts (the first four) or between the trunks of sites (frames). */
const checkFields = z.union([
  z.strictObject({ ping: pair }),
  z.strictObject({ apart: pair }),
  z.strictObject({ multicast: pair }),
  z.strictObject({ tagged: pair }),
  z.strictObject({ frames: pair }),
]);

const siteFields = z.strictObject({
  /** Address of the site's LCCE on the WAN, with its prefix length. */
  address: z.string().regex(/^[0-9a-f.:]+\/\d{1,3}$/i, "an address and its prefix length"),
  /** A bridge in the LCCE that the trunk is put into, for pseudowires on TAP devices. */
  bridge: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,14}$/)
    .optional(),
  /** VLAN of each host; 0 means untagged. */
  hosts: z.record(nodeName, z.int().min(0).max(4094)),
  /** Configuration of the site's daemon; its interface `trunk` leads to the site's switch. */
  wirespan: z.record(z.string(), z.unknown()),
});

const topologyFields = z.strictObject({
  title: z.string().min(1),
  wan: z.strictObject({ mtu: z.int().min(576).max(9000) }),
  /** Contents of /run/wirespan.secret for the daemons. */
  secret: z.string().optional(),
  sites: z.record(nodeName, siteFields),
  checks: z.array(checkFields).min(1),
});

/**
 * Sites, each with hosts on VLANs behind a switch and an LCCE, connected by one WAN; and the checks that must
 * pass.
 */
export type Topology = z.output<typeof topologyFields> & { readonly name: string };
export type Site = z.output<typeof siteFields>;
export type Check = z.output<typeof checkFields>;

export function topologyNames(): readonly string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => file.replace(/\.yaml$/, "")).sort();
}

/**
 * Reads a topology of this package by name, or any other by the path of its file. Throws where it is not
 * valid.
 */
export function readTopology(nameOrPath: string): Topology {
  const isPath = /\.ya?ml$/.test(nameOrPath);
  if (!isPath && !topologyNames().includes(nameOrPath)) {
    const known = topologyNames().join(", ");
    throw new Error(
      `read topology ${nameOrPath}: not found; there are ${known}, or give the path of a .yaml file`,
    );
  }
  const file = isPath ? nameOrPath : fileURLToPath(new URL(`${nameOrPath}.yaml`, directory));
  if (!existsSync(file)) throw new Error(`read topology ${file}: there is no such file`);
  const topology = { ...fieldsOf(file), name: basename(file).replace(/\.ya?ml$/, "") };
  const unknown = unknownNodes(topology);
  if (unknown.length > 0)
    throw new Error(`read topology ${file}: checks name ${unknown.join(", ")}, which are nowhere`);
  return topology;
}

/** Throws where the file is no YAML, or not a topology: a line for each mistake, with its place. */
function fieldsOf(file: string): z.output<typeof topologyFields> {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new Error(`${at(broken.pos[0])}: ${broken.message}`);
  const parsed = topologyFields.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  /** The node at a path, or the nearest one around it. */
  const offsetOf = (path: readonly PropertyKey[]): number => {
    const node = document.getIn(path, true);
    if (isNode(node) && node.range) return node.range[0];
    return path.length === 0 ? 0 : offsetOf(path.slice(0, -1));
  };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${at(offsetOf(path))}: ${path.join(".")}: ${message}`,
  );
  throw new Error(problems.join("\n"));
}

function unknownNodes(topology: Topology): readonly string[] {
  const hosts = new Set(hostsOf(topology).map(({ name }) => name));
  return topology.checks.flatMap((check) => {
    const known = "frames" in check ? new Set(Object.keys(topology.sites)) : hosts;
    return Object.values(check)
      .flat()
      .filter((node) => !known.has(node));
  });
}

/**
 * A host with its site. All hosts share one subnet, so that only VLANs and pseudowires separate or connect
 * them.
 */
export interface Host {
  readonly name: string;
  readonly site: string;
  /** 0 means untagged. */
  readonly vlan: number;
  readonly address: string;
}

export function hostsOf(topology: Topology): readonly Host[] {
  let next = 11;
  return Object.entries(topology.sites).flatMap(([site, { hosts }]) =>
    Object.entries(hosts).map(([name, vlan]) => ({ name, site, vlan, address: `10.0.0.${next++}` })),
  );
}
