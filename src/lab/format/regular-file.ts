import { existsSync, readFileSync, statSync } from "node:fs";
import { ignoreErrno } from "../../os/errors.ts";
import type { TopologyContext } from "./context.ts";

/** Larger files are not what somebody wrote by hand, who may have named another one. */
const MOST_OCTETS = 16 * 1024 * 1024;

/**
 * What keeps a file from being read as text that somebody wrote: a pipe or a device may never end. Undefined
 * where nothing does, or it is not there.
 */
export function fileProblem(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) return `${path} is no regular file`;
  return found.size > MOST_OCTETS ? `${path} is larger than ${MOST_OCTETS / 1024 / 1024} MiB` : undefined;
}

/** The text of a file, or why it cannot be read. */
export function readTextOf(file: string): { readonly text: string } | { readonly problem: string } {
  try {
    const problem = fileProblem(file);
    return problem === undefined ? { text: readFileSync(file, "utf8") } : { problem };
  } catch (error) {
    ignoreErrno(error);
    return { problem: (error as Error).message };
  }
}

/** The files of this machine. */
export const machineFiles: TopologyContext = { readFile: readTextOf, exists: existsSync, fileProblem };
