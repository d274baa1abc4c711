import type { Command } from "commander";
import { counted } from "../../../bytes/counted.ts";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** `wirespan lab export`: a topology's nodes as files for real machines. */
export function addLabExport(lab: Command, shell: Shell): void {
  lab
    .command("export")
    .description(
      "write each node's files as real machines take them: configurations, secrets, systemd units, networks",
    )
    .argument(...labArguments.topology)
    .argument("<folder>", "a new or empty folder")
    .option("--node <name>", "only this node")
    .option("--ports <names...>", "names of interfaces on the real machines: hq.trunk=eth1,hq.internet=ens3")
    .option("--containerlab", "also a topology for containerlab")
    .action(
      async (
        topology: string,
        folder: string,
        options: { node?: string; ports?: string[]; containerlab?: boolean },
      ): Promise<void> => {
        const { exportLab } = await import("../../../lab/export/write.ts");
        const paths = exportLab(topology, folder, options);
        shell.out(`${counted(paths.length, "file")} written; begin with ${folder}/README.md\n`);
      },
    );
}
