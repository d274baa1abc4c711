import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parse } from "yaml";
import { expand } from "../../src/lab/format/expand.ts";
import { topologyFields } from "../../src/lab/format/file-keys.ts";
import type { Topology } from "../../src/lab/format/topology.ts";

/**
 * Topologies of which each key is checked on its own, and nothing between them: what builds or draws a
 * topology may be asked for more than a file can say.
 */

/** The topology that a file with this text describes; `title` is added. */
export function topologyOf(text: string): Topology {
  return uncheckedTopology(`title: own\n${text}`, "/lab/own.yaml");
}

/** The topology of a file, by its path or, of this package's, its name. */
export function topologyIn(nameOrPath: string): Topology {
  const isPath = basename(nameOrPath) !== nameOrPath;
  const packaged = new URL(`../../lab/topologies/${nameOrPath}.yaml`, import.meta.url);
  const file = isPath ? nameOrPath : packaged.pathname;
  return uncheckedTopology(readFileSync(file, "utf8"), file);
}

function uncheckedTopology(text: string, file: string): Topology {
  return expand(topologyFields.parse(parse(text)), file);
}
