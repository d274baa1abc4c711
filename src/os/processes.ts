import { errnoOf } from "./errors.ts";
import { linkTarget, namesInDirectory, readText } from "./files.ts";

/** A process of this network namespace. */
export interface NamedProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * The processes with one of these names, in this network namespace as far as that can be seen. Throws
 * SystemError.
 */
export function processesNamed(names: readonly string[]): readonly NamedProcess[] {
  const own = linkTarget("/proc/self/ns/net");
  return namesInDirectory("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readText(`/proc/${name}/comm`).trim();
      if (!names.includes(command) || linkTarget(`/proc/${name}/ns/net`) !== own) return [];
      return { pid: Number(name), command };
    } catch (error) {
      // It ended, or is of another user, whose namespace cannot be seen.
      if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error))) return [];
      throw error;
    }
  });
}
