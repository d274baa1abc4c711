import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { messageOf } from "../bytes/errors.ts";
import type { Issue } from "../config/check.ts";
import type { Config } from "../config/config.ts";
import type { RejectedConfig } from "../daemon/configuration-file.ts";
import { NoAnswerError, request } from "../daemon/control-client.ts";
import type { ReloadReport, StatusReport } from "../daemon/status.ts";
import { version } from "../daemon/version.ts";
import { checkAddOns } from "../os/add-ons.ts";
import { addDecode } from "./decode.ts";
import { addLab } from "./lab.ts";
import type { Shell } from "./shell.ts";

/** Exit codes, documented in --help and docs/operating.md. */
export const exitCode = { ok: 0, failed: 1, usage: 2, badConfiguration: 3, noDaemon: 4 } as const;

/** A daemon that reads a file of 100 000 pseudowires again answers nothing for some ten seconds. */
const ANSWER_MS = 20_000;
const DEFAULT_SOCKET = "/run/wirespan/wirespan.sock";

const help = `
Examples:
  wirespan check /etc/wirespan.yaml       report every problem of a configuration, with its line
  wirespan run -c /etc/wirespan.yaml      run in the foreground until SIGTERM
  wirespan status                         show what is up, and why something is not
  wirespan reload                         apply a changed configuration; only what changed is touched
  wirespan decode trace.pcap              print every L2TPv3 packet of a capture
  wirespan lab test point-to-point        bridge two sites in network namespaces of this machine

Exit codes: 0 success, 1 failed (reload: applied, but something is waiting or unchanged), 2 wrong usage,
3 invalid configuration, 4 no daemon answers.`;

/** The command line. Each command imports what it needs when it runs, so that no other waits for it. */
export function createProgram(shell: Shell): Command {
  const program = new Command("wirespan")
    .description("L2TPv3 (RFC 3931, RFC 4719) pseudowires: Ethernet and VLANs across an IP network")
    .version(version)
    .addHelpText("after", help)
    .configureOutput({ writeOut: (text) => shell.out(text), writeErr: (text) => shell.error(text) })
    .enablePositionalOptions()
    .exitOverride();
  program
    .command("run")
    .description("run the daemon in the foreground; SIGTERM closes all tunnels and stops it, SIGHUP reloads")
    .requiredOption("-c, --config <file>", "the YAML configuration")
    .option(
      "--take-over",
      "take over from the daemon that runs with the same control socket; eBPF forwarding is not interrupted",
    )
    .action((options: { config: string; takeOver?: boolean }) => runInForeground(shell, options));
  program
    .command("check")
    .description("check a configuration and report every problem")
    .argument("<file>", "the YAML configuration")
    .action((file: string) => check(shell, file));
  program
    .command("status")
    .description("show tunnels, pseudowires and counters of a running daemon")
    .option("--json", "print the report as JSON (docs/operating.md)")
    .option("--socket <path>", "control socket of the daemon", DEFAULT_SOCKET)
    .action(async ({ json, socket }: { json?: boolean; socket: string }) => {
      const report = await askStatus(socket);
      if (json === true) return shell.out(`${JSON.stringify(report, null, 2)}\n`);
      const { renderStatus } = await import("../daemon/status.ts");
      shell.out(`${renderStatus(report)}\n`);
    });
  program
    .command("reload")
    .description("make a running daemon read its configuration again; an invalid file changes nothing")
    .option("--socket <path>", "control socket of the daemon", DEFAULT_SOCKET)
    .action(async ({ socket }: { socket: string }) => {
      // A reload may take long, but a daemon that works answers while it goes on.
      await askStatus(socket);
      const report = await request<ReloadReport>(socket, "reload");
      for (const problem of report.problems) shell.error(`${problem}\n`);
      if (report.plan !== "") shell.out(`${report.plan}\n`);
      if (report.refused) shell.exit(exitCode.badConfiguration);
      else if (report.problems.length > 0) shell.exit(exitCode.failed);
    });
  addDecode(program, shell);
  addLab(program, shell);
  return program;
}

/** Rejects with NoDaemonError, and with NoAnswerError from a daemon that hangs. */
async function askStatus(socket: string): Promise<StatusReport> {
  try {
    return await request<StatusReport>(socket, "status", ANSWER_MS);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    throw new NoAnswerError(
      `${error.message}; it hangs, is stopped or still starts: look at its log, and at its state by: ps -C node -o pid,stat,args`,
      { cause: error },
    );
  }
}

/** The daemon. Why it does not even begin is told as its log would tell it. */
async function runInForeground(
  shell: Shell,
  { config, takeOver = false }: { readonly config: string; readonly takeOver?: boolean },
): Promise<void> {
  try {
    checkAddOns();
    const { narrowPrivileges } = await import("../os/privileges.ts");
    narrowPrivileges([config, fileURLToPath(import.meta.url)]);
    const [{ runDaemon }, { endProcess }] = await Promise.all([
      import("../daemon/run.ts"),
      import("../os/end-process.ts"),
    ]);
    endProcess(await runDaemon({ configFile: config, takeOver }));
  } catch (error) {
    const { reportFatal: tellFatal } = await import("../daemon/log.ts");
    tellFatal([problemOf(error)]);
    shell.exit(exitCode.failed);
  }
}

/** What a failure says, with what to do where the file that could not be opened is any of ours. */
export function problemOf(error: unknown): string {
  const hint = (error as NodeJS.ErrnoException).code === "EMFILE" ? "; raise the limit: ulimit -n 1024" : "";
  return `${messageOf(error)}${hint}`;
}

async function check(shell: Shell, file: string): Promise<void> {
  const { loadConfig } = await import("../daemon/configuration-file.ts");
  const loaded = loadConfig(file);
  if ("problems" in loaded) {
    for (const problem of loaded.problems) shell.error(`${problem}\n`);
    shell.exit(exitCode.badConfiguration);
    for (const line of await restNotes(loaded)) shell.error(`${line}\n`);
    return;
  }
  const { config, linesOf } = loaded;
  const { tunnels } = config;
  const pseudowires = tunnels.reduce((total, tunnel) => total + tunnel.pseudowires.length, 0);
  shell.out(`OK: ${plural(tunnels.length, "tunnel")}, ${plural(pseudowires, "pseudowire")}\n`);
  checkAddOns();
  for (const line of linesOf(await notesOn(config))) shell.error(`${line}\n`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Lines about what the valid parts of an invalid file would wait for on this machine. */
async function restNotes({ validParts }: RejectedConfig): Promise<readonly string[]> {
  if (validParts === undefined) return [];
  try {
    return validParts.linesOf(await notesOn(validParts.config()));
  } catch {
    // What keeps the machine from being read is told when the file is in order.
    return [];
  }
}

/** What a configuration would wait for on this machine. */
async function notesOn(config: Config): Promise<readonly Issue[]> {
  const [{ machineNotes }, { readHostNetwork }, { PathMtus }] = await Promise.all([
    import("../daemon/machine-notes.ts"),
    import("../os/host-network.ts"),
    import("../os/path-mtus.ts"),
  ]);
  using routes = PathMtus.open();
  return machineNotes(config, await readHostNetwork(), (path) => routes.sendErrors([path])[0]);
}
