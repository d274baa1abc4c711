import { type Command, InvalidArgumentError, Option } from "commander";
import { durationText } from "../../bytes/duration.ts";
import type { ReloadReport } from "../../daemon/status.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface ReloadOptions {
  readonly socket: string;
  readonly dryRun?: boolean;
  readonly confirm?: number;
  readonly confirmed?: boolean;
  readonly revert?: boolean;
  readonly json?: boolean;
}

/** As in the API of the daemon. */
const LONGEST_CONFIRM_S = 86_400;

/** Adds `wirespan reload`. */
export function addReload(program: Command, shell: Shell): void {
  const command = program
    .command("reload")
    .description("make a running daemon read its configuration again; an invalid file changes nothing")
    .addOption(
      new Option("--dry-run", "show what would change and which frames are lost, and change nothing"),
    )
    .addOption(
      new Option("--confirm <seconds>", "go back by itself unless it is confirmed within this time")
        .argParser(seconds)
        .conflicts(["dryRun", "confirmed", "revert"]),
    )
    .addOption(
      new Option("--confirmed", "confirm the last reload: its configuration stays").conflicts([
        "dryRun",
        "revert",
      ]),
    )
    .addOption(new Option("--revert", "go back from a reload that is not confirmed").conflicts(["dryRun"]))
    .option("--json", "print the report as JSON");
  withSocket(command).action((options: ReloadOptions) => reload(options, shell));
}

function seconds(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > LONGEST_CONFIRM_S)
    throw new InvalidArgumentError(`wanted a number of seconds from 1 to ${LONGEST_CONFIRM_S}`);
  return value;
}

async function reload(options: ReloadOptions, shell: Shell): Promise<void> {
  const { askReload, requestConfirm, requestRevert } = await import("../../daemon/api-client.ts");
  const { socket, dryRun = false, confirm, confirmed = false, revert = false, json = false } = options;
  if (confirmed) {
    await withAdvice(requestConfirm(socket, ANSWER_MS));
    return shell.out(json ? "{}\n" : "confirmed: the configuration stays\n");
  }
  const request = { dryRun, ...(confirm === undefined ? {} : { confirmMs: confirm * 1000 }) };
  const answer = revert ? requestRevert(socket, ANSWER_MS) : askReload(socket, ANSWER_MS, request);
  const report = await withAdvice(answer);
  if (json) shell.out(`${JSON.stringify(report, undefined, 2)}\n`);
  else print(report, shell);
  if (report.refused) shell.exit(exitCode.badConfiguration);
  else if (report.problems.length > 0) shell.exit(exitCode.failed);
}

function print({ problems, plan, confirmWithinMs }: ReloadReport, shell: Shell): void {
  for (const problem of problems) shell.error(`${problem}\n`);
  if (plan !== "") shell.out(`${plan}\n`);
  if (confirmWithinMs === undefined) return;
  const within = durationText(confirmWithinMs);
  shell.out(
    `to be confirmed within ${within}, or the configuration before comes back: wirespan reload --confirmed\n`,
  );
}
