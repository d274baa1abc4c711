import { TopologyError } from "../lab/format/topology-error.ts";
import { exitCode, problemOf, type Shell } from "./shell.ts";

/**
 * Does what the first process of a lab is for, and ends with it, or with who started it; all other processes
 * of the lab end then too, also where the work failed.
 */
export async function asFirstProcess(shell: Shell, work: () => Promise<number>): Promise<void> {
  const { endWithStarter } = await import("../lab/starter.ts");
  endWithStarter();
  try {
    shell.exit(await work());
  } catch (error) {
    // Each line about a topology begins with the place in its file.
    const isTopology = error instanceof TopologyError;
    shell.error(`${isTopology ? "" : "wirespan: "}${problemOf(error)}\n`);
    shell.exit(isTopology ? exitCode.badConfiguration : exitCode.failed);
  }
  process.exit();
}
