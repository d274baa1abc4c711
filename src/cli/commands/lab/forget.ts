import type { Command } from "commander";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab forget`. */
export function addLabForget(lab: Command): void {
  lab
    .command("forget")
    .description("let the NAT of a router forget its flows, as one does that was restarted")
    .argument(...labArguments.lab)
    .argument("<router>", "name of a router with NAT")
    .action(async (name: string, node: string) => {
      const { askLab } = await import("../../../lab/supervisor/client.ts");
      const { requireLab } = await import("../../../lab/running.ts");
      await askLab(requireLab(name), "forget", { node });
    });
}
