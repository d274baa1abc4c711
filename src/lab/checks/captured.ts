import { setTimeout as pause } from "node:timers/promises";
import { counted } from "../../bytes/counted.ts";
import { shellLine } from "../../bytes/shell-words.ts";
import { PacketCount } from "../capture.ts";
import { capturePoint } from "../capture-point.ts";
import { CommandError } from "../command.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { filterWords } from "../tcpdump.ts";
import { type CheckContext, runIn } from "./context.ts";
import { CheckError, type CheckOutcome } from "./result.ts";
import { commandWords, namespaceNamed, problemOfRun, wantedStatusOf } from "./run-command.ts";
import { limitOf, type Try, tryWithin } from "./within.ts";

/** How long is captured where no command says it. */
const USUAL_MS = 1000;
const LONGEST_COMMAND_MS = 30_000;

/** Counts packets at a point while a command runs. */
export async function checkCaptured(
  check: CheckOf<"captured">,
  context: CheckContext,
): Promise<CheckOutcome> {
  const point = capturePoint(context.topology, check.captured);
  if (point === undefined)
    throw new CheckError(`${check.captured} is no network, LAN, node or NODE.PORT of this topology`);
  const least = check.at_least ?? (check.at_most === undefined ? 1 : 0);
  const most = check.at_most ?? Number.POSITIVE_INFINITY;
  const filter = check.filter === "" ? "packets" : `packets of "${check.filter}"`;
  const limits = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
  const during = check.while === undefined ? "within a second" : `while ${check.while.join(" ")} runs`;
  const expected = `${limits} ${filter} at ${check.captured} ${during}`;
  const attempt = async (): Promise<Try> => {
    const counting = await PacketCount.start(point, check.filter);
    let problem: string | undefined;
    let count: number;
    try {
      problem = await runMeanwhile(check, context);
    } finally {
      count = await counting.end();
    }
    const difference = differenceOfCount(count, { least, most }, problem);
    const seen =
      problem === undefined
        ? counted(count, "packet")
        : `${counted(count, "packet")}; the command: ${problem}`;
    // Packets that must not pass did: that they do not in another try would hide it.
    return { passed: difference === undefined, isFinal: count > most, expected, seen, difference };
  };
  const words = filterWords(check.filter);
  const command = shellLine(["wirespan", "lab", "capture", context.topology.name, check.captured, ...words]);
  return { ...(await tryWithin(limitOf("captured", check.within), attempt)), command };
}

/** What is wrong with a count of packets, and with the command that ran; undefined when nothing is. */
export function differenceOfCount(
  count: number,
  { least, most }: { readonly least: number; readonly most: number },
  problem: string | undefined,
): string | undefined {
  const beyond = count < least ? `fewer than ${least}` : count > most ? `more than ${most}` : undefined;
  const parts = [
    ...(beyond === undefined ? [] : [`${counted(count, "packet")}, ${beyond}`]),
    ...(problem === undefined ? [] : [`the command: ${problem}`]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** Runs the command of the check, or waits; resolves to what is wrong with what the command did. */
async function runMeanwhile(check: CheckOf<"captured">, context: CheckContext): Promise<string | undefined> {
  if (check.while === undefined) {
    await pause(USUAL_MS);
    return undefined;
  }
  const [name, ...words] = check.while;
  try {
    const options = { timeoutMs: LONGEST_COMMAND_MS };
    const result = await runIn(context, namespaceNamed(context, name), commandWords(words), options);
    return problemOfRun(check.expect, wantedStatusOf(check.expect), result);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message;
  }
}
