import { resolve } from "node:path";
import { OperationalError } from "../bytes/errors.ts";
import { readTextOf } from "./format/regular-file.ts";
import { requireLab } from "./running.ts";
import type { NodeReport } from "./supervisor/api.ts";
import { askLab } from "./supervisor/client.ts";

/** Adds the nodes of a file to a lab that is up. Rejects with TopologyError where they are not valid. */
export async function addToLab(nameOrPath: string, file: string): Promise<readonly NodeReport[]> {
  const lab = requireLab(nameOrPath);
  const read = readTextOf(file);
  if ("problem" in read) throw new OperationalError(`add nodes of ${file}: ${read.problem}`);
  return (await askLab(lab, "add", { text: read.text, file: resolve(file) })).nodes;
}
