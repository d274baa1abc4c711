import type { Command } from "commander";
import { exitCode, type Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab add`. */
export function addLabAdd(lab: Command, shell: Shell): void {
  lab
    .command("add")
    .description("add nodes to a lab that is up")
    .argument(...labArguments.lab)
    .argument(
      "<file>",
      "a .yaml file with further routers, hosts, lcces and links, in the format of topologies",
    )
    .action(async (name: string, file: string) => {
      const { addToLab } = await import("../../../lab/add.ts");
      const { nodeLines } = await import("../../lab-status-text.ts");
      const nodes = await addToLab(name, file);
      for (const line of nodeLines(nodes)) shell.out(`${line}\n`);
      const problems = nodes.flatMap(({ programs }) => programs.flatMap(({ problem }) => problem ?? []));
      if (problems.length > 0) shell.exit(exitCode.failed);
    });
}
