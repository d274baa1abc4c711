import type { Command } from "commander";
import { asFirstProcess } from "../../first-process.ts";
import type { Shell } from "../../shell.ts";
import { withStartOptions } from "./options.ts";
import { addLabTestInside } from "./test.ts";

/** Adds what other commands of `wirespan lab` start inside the lab's own namespaces. */
export function addLabInside(lab: Command, shell: Shell): void {
  const inside = lab.command("inside", { hidden: true });
  addLabTestInside(inside, shell);
  withStartOptions(inside.command("hold <topology>")).action(
    (topology: string, options: { plane?: string; timeout?: number }) =>
      asFirstProcess(shell, async () => {
        const { holdLab } = await import("../../../lab/hold.ts");
        return holdLab(topology, options, (message) => shell.out(`${JSON.stringify(message)}\n`));
      }),
  );
}
