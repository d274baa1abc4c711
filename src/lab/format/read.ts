import { relative } from "node:path";
import { OperationalError } from "../../bytes/errors.ts";
import type { ConfigProblem } from "../../config/config.ts";
import { formatProblem } from "../../config/parse.ts";
import { filterProblem } from "../filter-problem.ts";
import { extendPath, isInPath } from "../requirements.ts";
import { topologyFile } from "../topology-files.ts";
import { parseTopology } from "./parse-topology.ts";
import { machineFiles, readTextOf } from "./regular-file.ts";
import type { Topology } from "./topology.ts";
import { TopologyError } from "./topology-error.ts";

/**
 * Reads a topology of this package by name, or any other by the path of its file; `warn` is told, a line
 * each, what of the two ends of its tunnels does not fit. Throws TopologyError where it is not valid.
 */
export function readTopology(nameOrPath: string, warn: (line: string) => void = () => {}): Topology {
  const file = topologyFile(nameOrPath);
  const read = readTextOf(file);
  if ("problem" in read) throw new OperationalError(`read topology ${file}: ${read.problem}`);
  const context = { ...machineFiles, filterProblem, hasProgram };
  const parsed = parseTopology(read.text, file, context);
  const from = process.cwd();
  const line = (problem: ConfigProblem) => formatProblem({ ...problem, file: shortPath(problem.file, from) });
  if (parsed.topology === undefined) throw new TopologyError(parsed.problems.map(line).join("\n"));
  for (const { message, ...place } of parsed.warnings)
    warn(line({ ...place, message: `warning: ${message}` }));
  return parsed.topology;
}

function hasProgram(name: string): boolean {
  extendPath();
  return isInPath(name);
}

/** A path as one would write it here. */
function shortPath(file: string, from: string): string {
  const path = relative(from, file);
  return path.startsWith("..") ? file : path;
}
