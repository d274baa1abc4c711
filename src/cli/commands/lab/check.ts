import type { Command } from "commander";
import { counted } from "../../../bytes/counted.ts";
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
      const counts = [
        counted(nodesOf(read).length, "node"),
        counted(read.segments.length, "network or LAN", "networks and LANs"),
      ].join(", ");
      shell.out(`OK: ${counts}, ${counted(read.checks.length, "check")}\n`);
    });
}
