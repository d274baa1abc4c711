import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { isWanted, type StatusReport } from "../../daemon/status.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import type { Rates } from "../rates.ts";
import { exitCode, type Shell } from "../shell.ts";
import type { Chosen } from "../status/chosen.ts";

interface StatusArguments {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly socket: string;
}

const help = `
Examples:
  wirespan status                  a line for each tunnel and pseudowire, and why something is not up
  wirespan status hq               all of tunnel hq, or pseudowire hq: path, counters, rates, discards
  wirespan status -q hq || ...     for scripts: 0 if it is up, 1 if not, 4 if no daemon answers`;

/** Rates are measured over this time. */
const RATE_MS = 1000;

/** Adds `wirespan status`. */
export function addStatus(program: Command, shell: Shell): void {
  const command = program
    .command("status")
    .description("show tunnels, pseudowires and counters of a running daemon")
    .argument("[name]", "a tunnel, a pseudowire or a bridge, of which all is shown")
    .option("--json", "print the report as JSON (docs/operating.md)")
    .option("-q, --quiet", "print nothing; the exit code says whether NAME is up, or without NAME all")
    .addHelpText("after", help);
  withSocket(command).action((name: string | undefined, options: StatusArguments) =>
    status(name, options, shell),
  );
}

/** Rejects as `askStatus` does, and with OperationalError for a name that does not exist. */
async function status(name: string | undefined, options: StatusArguments, shell: Shell): Promise<void> {
  const { json = false, quiet = false, socket } = options;
  const { askStatus } = await import("../../daemon/api-client.ts");
  const report = await withAdvice(askStatus(socket, ANSWER_MS));
  if (name !== undefined) {
    const { ratesBetween } = await import("../rates.ts");
    const { chosenOf } = await import("../status/chosen.ts");
    let last = report;
    const chosen = () => chosenOf(last, name);
    chosen();
    if (!quiet) {
      await pause(RATE_MS);
      last = await withAdvice(askStatus(socket, ANSWER_MS));
    }
    return shown(last, chosen(), ratesBetween(report, last), options, shell);
  }
  if (quiet) return shell.exit(isEachUp(report) ? exitCode.ok : exitCode.failed);
  if (json) return shell.out(`${JSON.stringify(report, null, 2)}\n`);
  const { statusText } = await import("../status/overview.ts");
  const { outputColumns } = await import("../text-layout.ts");
  shell.out(`${statusText(report, outputColumns())}\n`);
}

function isEachUp({ controlConnections, pseudowires }: StatusReport): boolean {
  return [...controlConnections, ...pseudowires].filter(isWanted).every(({ whyNot }) => whyNot === undefined);
}

/** Shows what has a name, and sets the exit code. */
async function shown(
  report: StatusReport,
  chosen: Chosen,
  rates: ReadonlyMap<string, Rates>,
  { json, quiet }: StatusArguments,
  shell: Shell,
): Promise<void> {
  const { isAllUp } = await import("../status/chosen.ts");
  if (!isAllUp(chosen)) shell.exit(exitCode.failed);
  if (quiet === true) return;
  if (json === true) return shell.out(`${JSON.stringify(documentOf(report, chosen, rates), null, 2)}\n`);
  const { detailText } = await import("../status/detail.ts");
  const { outputColumns } = await import("../text-layout.ts");
  shell.out(`${detailText(report, chosen, rates, outputColumns())}\n`);
}

/** What the report has of it, and the rates of pseudowires. */
function documentOf(
  { apiVersion, pseudowires }: StatusReport,
  { tunnel, pseudowire, bridge }: Chosen,
  rates: ReadonlyMap<string, Rates>,
): object {
  const isWanted = (one: StatusReport["pseudowires"][number]) =>
    one.name === pseudowire?.name || one.tunnel === tunnel?.tunnel;
  return {
    apiVersion,
    controlConnections: tunnel === undefined ? [] : [tunnel],
    pseudowires: pseudowires.filter(isWanted).map((one) => ({ ...one, rates: rates.get(one.name) })),
    bridges: bridge === undefined ? [] : [bridge],
  };
}
