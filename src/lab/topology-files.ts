import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { OperationalError } from "../bytes/errors.ts";

/** Where topologies are: the path of its file tells a topology, and its lab, from others. */

/** Directory of this package's topologies. */
const directory = fileURLToPath(new URL("../../lab/topologies/", import.meta.url));

/** Whether a topology is given by the path of its file, and not by name. */
export function isTopologyPath(nameOrPath: string): boolean {
  return /\.ya?ml$/.test(nameOrPath);
}

/** The name of a topology: that of its file without the ending. */
export function topologyName(nameOrPath: string): string {
  return basename(nameOrPath).replace(/\.ya?ml$/, "");
}

/** What commands are given for a topology: its name where the file is of this package, else its path. */
export function topologyArgument(file: string): string {
  return dirname(file) === dirname(resolve(directory, "any")) ? topologyName(file) : file;
}

/** Names of the topologies of this package. */
export function topologyNames(): readonly string[] {
  return readdirSync(directory)
    .filter(isTopologyPath)
    .map((file) => topologyName(file))
    .sort();
}

/** The absolute path of a topology's file. Throws where there is none. */
export function topologyFile(nameOrPath: string): string {
  const isPath = isTopologyPath(nameOrPath);
  if (!isPath && !topologyNames().includes(nameOrPath)) {
    const known = topologyNames().join(", ");
    throw new OperationalError(
      `read topology ${nameOrPath}: not found; there are ${known}, or give the path of a .yaml file`,
    );
  }
  const file = isPath ? resolve(nameOrPath) : resolve(directory, `${nameOrPath}.yaml`);
  if (!existsSync(file)) throw new OperationalError(`read topology ${file}: there is no such file`);
  return file;
}
