import { type Command, InvalidArgumentError } from "commander";
import type { MtuSubject } from "../../daemon/mtu-report.ts";
import type { MtuChoice } from "../../daemon/mtu-subjects.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import type { Shell } from "../shell.ts";
import { validConfig } from "../valid-config.ts";

interface MtuArguments {
  readonly json?: boolean;
  readonly config?: string;
  readonly pathMtu?: number;
  readonly socket: string;
}

const help = `
Examples:
  wirespan mtu                                    all pseudowires of the running daemon
  wirespan mtu hq                                 those of tunnel hq, or pseudowire hq
  wirespan mtu -c wirespan.yaml --path-mtu 1492   by the file alone, before there is a daemon`;

/** RFC 791 §3.1, and what a length field of IP holds. */
const pathMtuRange = { least: 68, most: 65_535 } as const;

/** Adds `wirespan mtu`. */
export function addMtu(program: Command, shell: Shell): void {
  const command = program
    .command("mtu")
    .description("show what frames need of the path MTU, what hosts see, and what to change")
    .argument("[name]", "a tunnel or a pseudowire; default: all")
    .option("--json", "print the sums as JSON (docs/operating.md)")
    .option("-c, --config <file>", "compute from this file, without a daemon")
    .option("--path-mtu <octets>", "take the path MTU to be this, whatever is known of it", pathMtuOf)
    .addHelpText("after", help);
  withSocket(command).action((name: string | undefined, options: MtuArguments) => mtu(name, options, shell));
}

/** Rejects as `askStatus` does, and with OperationalError for a name that does not exist. */
async function mtu(name: string | undefined, options: MtuArguments, shell: Shell): Promise<void> {
  const { json, config, pathMtu, socket } = options;
  const choice = { name, pathMtu };
  const subjects = await (config === undefined ? ofDaemon(socket, choice) : ofFile(config, choice, shell));
  if (subjects === undefined) return;
  const { mtuReport } = await import("../../daemon/mtu-report.ts");
  const reports = subjects.map(mtuReport);
  if (json === true) return shell.out(`${JSON.stringify({ pseudowires: reports }, null, 2)}\n`);
  const { mtuText } = await import("../mtu-text.ts");
  shell.out(reports.length === 0 ? "no pseudowires\n" : `${mtuText(reports)}\n`);
}

async function ofDaemon(socket: string, choice: MtuChoice): Promise<readonly MtuSubject[]> {
  const { askStatus } = await import("../../daemon/api-client.ts");
  const status = await withAdvice(askStatus(socket, ANSWER_MS));
  const { subjectsOfStatus } = await import("../../daemon/mtu-subjects.ts");
  return subjectsOfStatus(status, choice);
}

/** Undefined for a file with problems, which are reported. */
async function ofFile(
  file: string,
  choice: MtuChoice,
  shell: Shell,
): Promise<readonly MtuSubject[] | undefined> {
  const loaded = await validConfig(file, shell);
  if (loaded === undefined) return undefined;
  const { subjectsOfConfig } = await import("../../daemon/mtu-subjects.ts");
  return subjectsOfConfig(loaded.config, choice);
}

function pathMtuOf(text: string): number {
  const octets = Number(text);
  const { least, most } = pathMtuRange;
  if (/^\d+$/.test(text) && octets >= least && octets <= most) return octets;
  throw new InvalidArgumentError(`wanted octets, from ${least} to ${most}.`);
}
