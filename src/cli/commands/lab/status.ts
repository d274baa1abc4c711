import type { Command } from "commander";
import type { LabReport } from "../../../lab/supervisor/api.ts";
import type { Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab status` and `wirespan lab list`. */
export function addLabStatus(lab: Command, shell: Shell): void {
  lab
    .command("status")
    .description(
      "show the nodes of a lab that is up, their programs and tunnels, and why something is not up",
    )
    .argument(...labArguments.lab)
    .option("--json", "print it as JSON")
    .option("--svg", "print the picture of the lab: what is up is green, what is not is red and says why")
    .action(async (name: string, { json, svg }: { json?: true; svg?: true }) => {
      const { askLab } = await import("../../../lab/supervisor/client.ts");
      const { requireLab } = await import("../../../lab/running.ts");
      const report = await askLab(requireLab(name), "status", {});
      if (json === true) return shell.out(`${JSON.stringify(report, null, 2)}\n`);
      if (svg === true) return shell.out(await svgOfLab(report));
      const { labStatusText } = await import("../../lab-status-text.ts");
      shell.out(`${labStatusText(report, Date.now())}\n`);
    });
  lab
    .command("list")
    .description("list the labs that are up, and the topologies of this package")
    .action(() => list(shell));
}

async function svgOfLab(report: LabReport): Promise<string> {
  const { readTopology } = await import("../../../lab/format/read.ts");
  const { readConfigurations } = await import("../../../lab/drawing/configurations.ts");
  const { svgOfTopology } = await import("../../../lab/drawing/draw.ts");
  const { labStateOf } = await import("../../../lab/drawing/lab-state.ts");
  const topology = readTopology(report.path);
  return svgOfTopology(topology, readConfigurations(topology), labStateOf(report));
}

async function list(shell: Shell): Promise<void> {
  const { runningLabs } = await import("../../../lab/running.ts");
  const { topologyFile, topologyNames } = await import("../../../lab/topology-files.ts");
  const { readTopology } = await import("../../../lab/format/read.ts");
  const { askLab } = await import("../../../lab/supervisor/client.ts");
  const { listedLab } = await import("../../lab-status-text.ts");
  const { ignoreOperational } = await import("../../../bytes/errors.ts");
  const labs = runningLabs();
  for (const lab of labs) {
    const report = await askLab(lab, "status", {}).catch((error) => {
      ignoreOperational(error);
      return undefined;
    });
    shell.out(`${listedLab(lab, report, Date.now())}\n`);
  }
  if (labs.length > 0) shell.out("\n");
  const isUp = (path: string): boolean => labs.some((lab) => lab.path === path);
  for (const name of topologyNames())
    shell.out(`${name.padEnd(18)}${readTopology(name).title}${isUp(topologyFile(name)) ? " (up)" : ""}\n`);
}
