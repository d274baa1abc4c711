import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab logs`. */
export function addLabLogs(lab: Command, shell: Shell): void {
  lab
    .command("logs")
    .description("show what the programs of a lab said, and what became of them; of one node, or of all")
    .argument(...labArguments.lab)
    .argument("[node]", "name of a node of the lab")
    .option("-f, --follow", "go on with what is to come, until interrupted or the lab ends")
    .option("--debug", "with the details that daemons log for labs")
    .action(async (name: string, node: string | undefined, options: { follow?: true; debug?: true }) => {
      const { readLogs } = await import("../../../lab/logs.ts");
      for await (const line of readLogs(name, node, options)) shell.out(`${line}\n`);
    });
}
