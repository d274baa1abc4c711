import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab check`. */
export function addLabCheck(lab: Command, shell: Shell): void {
  lab
    .command("check")
    .description("check a topology, and build nothing")
    .argument(...labArguments.topology)
    .action(async (topology: string) => {
      const { readTopology } = await import("../../../lab/format/read.ts");
      const { nodesOf } = await import("../../../lab/format/topology.ts");
      const read = readTopology(topology, (line) => shell.error(`${line}\n`));
      const counts = `${nodesOf(read).length} nodes, ${read.segments.length} networks and LANs`;
      shell.out(`OK: ${counts}, ${read.checks.length} checks\n`);
    });
}
