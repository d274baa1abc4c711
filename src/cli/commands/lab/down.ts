import type { Command } from "commander";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab down`. */
export function addLabDown(lab: Command): void {
  lab
    .command("down")
    .description("take a lab down: its daemons close their control connections, and nothing of it is left")
    .argument(...labArguments.lab)
    .action(async (name: string) => {
      const { downLab } = await import("../../../lab/lab.ts");
      await downLab(name);
    });
}
