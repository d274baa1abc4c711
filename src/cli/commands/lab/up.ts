import type { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { labArguments, withStartOptions } from "./options.ts";

/** Goes to the start of the line, and takes away what is there. */
const CLEAR_LINE = "\r\u001b[K";

/** Adds `wirespan lab up`. */
export function addLabUp(lab: Command, shell: Shell): void {
  const command = lab
    .command("up")
    .description("build a topology and leave it running")
    .argument(...labArguments.topology);
  withStartOptions(command).action(
    async (topology: string, options: { plane?: string; timeout?: number }) => {
      const { upLab } = await import("../../../lab/up.ts");
      const progress = (text = ""): void => {
        if (process.stderr.isTTY) shell.error(`${CLEAR_LINE}${text}`);
      };
      const print = (line: string): void => shell.out(`${line}\n`);
      const warn = (line: string): void => shell.error(`${line}\n`);
      await upLab(topology, options, { print, warn, progress });
    },
  );
}
