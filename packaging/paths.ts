import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folders that packages are made from and in. */

/** The repository's directory, also of files that were built into .packages/build. */
export const repository = findRepository(dirname(fileURLToPath(import.meta.url)));

function findRepository(directory: string): string {
  return existsSync(join(directory, "package-lock.json")) ? directory : findRepository(dirname(directory));
}

/** Where packages are put, and what they are made of; git-ignored. */
export const packagesFolder = join(repository, ".packages");

/** The tree that all packages hold: the bundle, its add-ons, and the files that it reads. */
export const treeFolder = join(packagesFolder, "tree");
