import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab exec` and `wirespan lab shell`. */
export function addLabExec(lab: Command, shell: Shell): void {
  lab
    .command("exec")
    .description("run a command in a node: wirespan lab exec point-to-point a10 ping b10")
    .argument(...labArguments.lab)
    .argument(...labArguments.node)
    .argument("<command...>", "program and its arguments")
    .passThroughOptions()
    .action(async (name: string, node: string, command: string[]) => {
      const { execLab } = await import("../../../lab/lab.ts");
      shell.exit(await execLab(name, node, command));
    });
  lab
    .command("shell")
    .description("open a shell in a node")
    .argument(...labArguments.lab)
    .argument(...labArguments.node)
    .action(async (name: string, node: string) => {
      const { shellInLab } = await import("../../../lab/lab.ts");
      shell.exit(await shellInLab(name, node));
    });
}
