import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Paths of programs: those of lab/ are built into .lab/build and not in the package; dist/ has the rest. */

/** The repository's directory, also of files in .lab/build. */
const repository = findRepository(dirname(fileURLToPath(import.meta.url)));

function findRepository(directory: string): string {
  return existsSync(join(directory, "package-lock.json")) ? directory : findRepository(dirname(directory));
}

/** The command `wirespan`. */
export const MAIN = join(repository, "dist/cli/main.js");

/** A built program of lab/, such as "traffic/bulk". */
export function builtProgram(name: string): string {
  return join(repository, ".lab/build/lab", `${name}.js`);
}
