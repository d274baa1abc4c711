import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { readTopology } from "../format/read.ts";
import { nodesOf, type Topology } from "../format/topology.ts";
import { exportedFiles } from "./export.ts";
import { readPortNames } from "./port-names.ts";
import { pathOfRun, type UserTexts } from "./wirespan-files.ts";

/** Options of `wirespan lab export`. */
export interface ExportOptions {
  readonly node?: string;
  readonly ports?: readonly string[];
  readonly containerlab?: boolean;
}

const unitFile = new URL("../../../packaging/wirespan.service", import.meta.url);

/** Writes the files of a topology's nodes to a folder, which must be new or empty; returns their paths. */
export function exportLab(nameOrPath: string, folder: string, options: ExportOptions): readonly string[] {
  const topology = readTopology(nameOrPath);
  const files = exportedFiles(topology, {
    texts: readUserTexts(topology),
    unit: readFileSync(unitFile, "utf8"),
    nameOf: readPortNames(topology, options.ports ?? []),
    node: options.node,
    containerlab: options.containerlab === true,
  });
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Error(
      `export ${topology.name} to ${folder}: it is not empty; remove it, or name another folder`,
    );
  for (const { path, text, mode } of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
    chmodSync(file, mode);
  }
  return files.map(({ path }) => path);
}

/** The user's own files that a topology names. Throws the error of node:fs where one cannot be read. */
export function readUserTexts(topology: Topology): UserTexts {
  const { lcces, routers } = topology;
  const configurations = lcces.flatMap(({ wirespan }) => (wirespan?.kind === "file" ? [wirespan.file] : []));
  // What is no file is a command line.
  const programs = nodesOf(topology)
    .flatMap(({ run }) => (run === undefined ? [] : [pathOfRun(topology, run)]))
    .filter((path) => existsSync(path) && statSync(path).isFile());
  const paths = [...configurations, ...routers.flatMap(({ frr }) => frr ?? []), ...programs];
  return new Map(paths.map((path) => [path, readFileSync(path, "utf8")]));
}
