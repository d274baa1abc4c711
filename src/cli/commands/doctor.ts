import type { Command } from "commander";
import { addOnChecks, addOnFindings } from "../../doctor/add-on-check.ts";
import type { Examination, Finding } from "../../doctor/examine.ts";
import { brokenAddOns } from "../../os/add-ons.ts";
import { defaultSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface DoctorArguments {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly config?: string;
  readonly socket?: string;
}

const help = `
Nothing is changed. Root sees most; what cannot be seen is told.

Examples:
  sudo wirespan doctor                           this machine, and the daemon that runs with its file
  sudo wirespan doctor -c /etc/wirespan.yaml     and what that file needs here
  wirespan doctor --json | jq -r '.findings[].commands[]'

Exit codes: 0 no errors, 1 errors found.`;

/** Adds `wirespan doctor`. */
export function addDoctor(program: Command, shell: Shell): void {
  program
    .command("doctor")
    .description("look for what is wrong with this machine, a file and the daemon, and say what mends it")
    .option("-c, --config <file>", "the YAML configuration; default: that of the daemon")
    .option("--socket <path>", "control socket of the daemon; default: that of the file")
    .option("--json", "print the findings as JSON (docs/doctor.md)")
    .option("-v, --verbose", "show what is in order too")
    .addHelpText("after", help)
    .action((options: DoctorArguments) => doctor(options, shell));
}

/** Rejects with SystemError for a file that cannot be read. */
async function doctor({ json, verbose, config, socket }: DoctorArguments, shell: Shell): Promise<void> {
  const examination = withoutAddOns() ?? (await examined(config, socket));
  if (examination.findings.some(({ severity }) => severity === "error")) shell.exit(exitCode.failed);
  if (json === true) {
    const findings = examination.findings.map(({ path: _path, ...finding }) => finding);
    const ok = examination.ok.map(({ check }) => check);
    const { unseen } = examination;
    return shell.out(`${JSON.stringify({ findings, ok, unseen }, null, 2)}\n`);
  }
  const { doctorText } = await import("../doctor-text.ts");
  shell.out(`${doctorText(examination, verbose === true)}\n`);
}

async function examined(file: string | undefined, socket: string | undefined): Promise<Examination> {
  const [{ gather }, { examine }] = await Promise.all([
    import("../../doctor/gather.ts"),
    import("../../doctor/examine.ts"),
  ]);
  const { facts, placeOf } = await gather({ file, socket, defaultSocket: defaultSocket(), isThorough: true });
  return examine(facts, placeOf);
}

/** Nothing else can be looked at without the add-ons: undefined where all of them load. */
function withoutAddOns(): Examination | undefined {
  const broken = brokenAddOns();
  if (broken.length === 0) return undefined;
  const check = "add-ons";
  const { group, why } = addOnChecks[check];
  const findings = addOnFindings(broken, process.version).map(
    ({ commands = [], severity, what, advice }) => ({
      ...{ check, group, why, severity, what, commands, advice },
    }),
  ) satisfies readonly Finding[];
  return { findings, ok: [], unseen: [] };
}
