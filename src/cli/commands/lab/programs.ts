import type { Command } from "commander";
import type { LabCall, NodeReport } from "../../../lab/supervisor/api.ts";
import { exitCode, type Shell } from "../../shell.ts";
import { labArguments } from "./options.ts";

/** Adds `wirespan lab start`, `stop` and `restart`. */
export function addLabPrograms(lab: Command, shell: Shell): void {
  const add = (call: LabCall & ("start" | "stop" | "restart"), description: string): Command =>
    lab
      .command(call)
      .description(description)
      .argument(...labArguments.lab)
      .argument(...labArguments.node)
      .action(async (name: string, node: string, { kill = false }: { kill?: boolean }) => {
        const { askLab } = await import("../../../lab/supervisor/client.ts");
        const { requireLab } = await import("../../../lab/running.ts");
        tell(await askLab(requireLab(name), call, { node, kill }), shell);
      });
  add("start", "start the daemon, or whatever program a node has");
  add("stop", "stop the daemon or program of a node").option(
    "--kill",
    "by SIGKILL, as in a crash: forwarding by eBPF goes on",
  );
  add("restart", "stop the daemon or program of a node, and start it again");
}

function tell({ name, programs }: NodeReport, shell: Shell): void {
  for (const { name: program, state, pid, ending, problem } of programs) {
    const detail = pid === undefined ? ending : `pid ${pid}`;
    shell.out(`${name}: ${program} ${state}${detail === undefined ? "" : `, ${detail}`}\n`);
    if (problem === undefined) continue;
    shell.error(`${name}: ${program}: its log says: ${problem}\n`);
    shell.exit(exitCode.failed);
  }
}
