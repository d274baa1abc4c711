import type { Command } from "commander";
import type { Shell } from "../shell.ts";

const planeOption = [
  "--plane <plane>",
  "plane of all daemons: auto, userspace or ebpf (needs root)",
] as const;
const topologyHelp = "name of a topology of this package, or path to a .yaml file";

/** `wirespan lab`: topologies in network namespaces of this machine. */
export function addLab(program: Command, shell: Shell): void {
  const line = (text: string): void => shell.out(`${text}\n`);
  const lab = program
    .command("lab")
    .description(
      "build sites with hosts, switches and daemons in network namespaces of this machine; " +
        "needs no root where the kernel allows it",
    );
  lab
    .command("test")
    .description(
      "build a topology, check that its hosts reach each other, and take it down; if it is up, only check it",
    )
    .argument("<topology>", topologyHelp)
    .option("--capture <file>", "write the WAN traffic to a pcap file")
    .option(...planeOption)
    .action(async (topology: string, options: { capture?: string; plane?: string }) => {
      const { testLab } = await import("../../lab/lab.ts");
      shell.exit(await testLab(topology, options));
    });
  lab
    .command("up")
    .description("build a topology and leave it running")
    .argument("<topology>", topologyHelp)
    .option(...planeOption)
    .action(async (topology: string, options: { plane?: string }) => {
      const { upLab } = await import("../../lab/lab.ts");
      await upLab(topology, options, line);
    });
  lab
    .command("down")
    .description("take a lab down")
    .argument("<topology>", topologyHelp)
    .action(async (topology: string) => {
      const { downLab } = await import("../../lab/lab.ts");
      await downLab(topology);
    });
  lab
    .command("exec")
    .description(
      "run a command in a node of a lab that is up: wirespan lab exec point-to-point a10 ping 10.0.0.13",
    )
    .argument("<topology>", topologyHelp)
    .argument("<node>", "host, switch-SITE, lcce-SITE or wan")
    .argument("<command...>", "program and its arguments")
    .passThroughOptions()
    .action(async (topology: string, node: string, command: string[]) => {
      const { execLab } = await import("../../lab/lab.ts");
      shell.exit(await execLab(topology, node, command));
    });
  lab
    .command("list")
    .description("list the topologies of this package, and the labs that are up")
    .action(async () => {
      const { runningLabs } = await import("../../lab/lab.ts");
      const { readTopology, topologyNames } = await import("../../lab/topology.ts");
      const up = runningLabs();
      for (const name of topologyNames())
        line(`${name.padEnd(18)}${readTopology(name).title}${up.includes(name) ? " (up)" : ""}`);
      for (const name of up.filter((other) => !topologyNames().includes(other)))
        line(`${name.padEnd(18)}(up)`);
    });
  addInside(lab, line, shell);
}

/** What the commands above start inside the lab's own namespaces. */
function addInside(lab: Command, line: (text: string) => void, shell: Shell): void {
  const inside = lab.command("inside", { hidden: true });
  inside
    .command("test <topology>")
    .option("--capture <file>")
    .option("--plane <plane>")
    .action(async (topology: string, options: { capture?: string; plane?: string }) => {
      const { testInside } = await import("../../lab/inside.ts");
      const { statusText } = await import("../status-text.ts");
      shell.exit(await testInside(topology, line, statusText, options));
    });
  inside.command("check <topology>").action(async (topology: string) => {
    const { checkInside } = await import("../../lab/inside.ts");
    const { readTopology } = await import("../../lab/topology.ts");
    const { statusText } = await import("../status-text.ts");
    shell.exit(await checkInside(readTopology(topology), line, statusText));
  });
  inside
    .command("hold <topology>")
    .option("--plane <plane>")
    .action(async (topology: string, options: { plane?: string }) => {
      const { holdInside } = await import("../../lab/inside.ts");
      const ready = (problem?: string): void => line(JSON.stringify({ ready: true, problem }));
      shell.exit(await holdInside(topology, options, ready));
    });
}
