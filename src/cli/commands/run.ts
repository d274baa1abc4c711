import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { checkAddOns } from "../../os/add-ons.ts";
import { CONFIGURATION_FILE } from "../default-file.ts";
import { exitCode, problemOf, type Shell } from "../shell.ts";

/** Where execution of the program begins, which must stay readable. */
const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));

interface RunArguments {
  readonly config: string;
  readonly takeOver?: boolean;
}

/** Adds `wirespan run`. */
export function addRun(program: Command, shell: Shell): void {
  program
    .command("run")
    .description("run the daemon in the foreground; SIGTERM closes all tunnels and stops it, SIGHUP reloads")
    .option("-c, --config <file>", "the YAML configuration", CONFIGURATION_FILE)
    .option(
      "--take-over",
      "take over from the daemon that runs with the same control socket; eBPF forwarding is not interrupted",
    )
    .action((given: RunArguments) => run(given, shell));
}

/** Runs the daemon. Why it does not even begin is reported as its log would report it. */
async function run({ config, takeOver = false }: RunArguments, shell: Shell): Promise<void> {
  try {
    checkAddOns();
    const { narrowPrivileges } = await import("../../os/privileges.ts");
    narrowPrivileges([config, MAIN]);
    const [{ runDaemon }, { endProcess }] = await Promise.all([
      import("../../daemon/run.ts"),
      import("../../os/end-process.ts"),
    ]);
    endProcess(await runDaemon({ configFile: config, takeOver }));
  } catch (error) {
    const { reportFatal } = await import("../../daemon/log.ts");
    reportFatal([problemOf(error)]);
    shell.exit(exitCode.failed);
  }
}
