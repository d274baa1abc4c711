import { errnoOf } from "./errors.ts";
import { readText } from "./files.ts";

/**
 * A parameter of the kernel as `sysctl` names it, "/" in place of a dot within a name: undefined where this
 * kernel has none, as of IPv6 or of a module that is not loaded. Throws SystemError.
 */
export function kernelParameter(name: readonly string[]): number | undefined {
  try {
    return Number(readText(`/proc/sys/${name.join("/")}`).trim());
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error))) return undefined;
    throw error;
  }
}
