import type { CommandResult } from "../command.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { namespacesOf } from "../format/topology.ts";
import { byHand, type CheckContext, commandProblem, requireNode, runIn } from "./context.ts";
import { expectationText, expectedConditions, quoted, unmet } from "./expectation.ts";
import { timeText } from "./quantities.ts";
import type { CheckOutcome } from "./result.ts";
import { limitOf, type Try, tryWithin } from "./within.ts";

/** Longest run of a command whose check says nothing of time. */
const LONGEST_MS = 30_000;

/** As many characters are shown of the output of a command that is as expected. */
const OUTPUT_OF_PASSED = 80;

/** The words of a command: one word is a command line for `sh`. */
export function commandWords(words: readonly string[]): readonly string[] {
  const [line = "", ...others] = words;
  return others.length === 0 ? ["sh", "-c", line] : words;
}

/** The namespace of a name: a node, a segment, or the LCCE of a site. */
export function namespaceNamed(context: CheckContext, name: string): string {
  return namespacesOf(context.topology).includes(name) ? name : requireNode(context, name).name;
}

/** Runs a command in a node: once, or with `within` until its output is as expected. */
export async function checkRun(check: CheckOf<"run">, context: CheckContext): Promise<CheckOutcome> {
  const [name, ...given] = check.run;
  const node = namespaceNamed(context, name);
  const words = commandWords(given);
  const expectation = check.expect;
  const wantedStatus = wantedStatusOf(expectation);
  const conditions = expectation === undefined ? "" : `; output ${outputText(expectation)}`;
  const expected = `exit status ${wantedStatus}${conditions === "; output " ? "" : conditions}`;
  const attempt = async (leftMs: number): Promise<Try> => {
    const timeoutMs = check.within === undefined ? LONGEST_MS : leftMs;
    let result: CommandResult;
    try {
      result = await runIn(context, node, words, { timeoutMs });
    } catch (error) {
      const seen = `no end of the command within ${timeText(timeoutMs)}`;
      const difference = `${commandProblem(error)}; \`within\` gives it more time`;
      return { passed: false, isFinal: true, expected, seen, difference };
    }
    const difference = problemOfRun(expectation, wantedStatus, result);
    const output = quoted(result.stdout.trim(), difference === undefined ? OUTPUT_OF_PASSED : undefined);
    const seen = `exit status ${result.status}; it printed ${output}`;
    return { passed: difference === undefined, expected, seen, difference };
  };
  const outcome = await tryWithin(limitOf("run", check.within), attempt);
  return { ...outcome, command: byHand(context, node, ...words) };
}

function outputText(expectation: NonNullable<CheckOf<"run">["expect"]>): string {
  const { status: _, ...others } = expectedConditions(expectation);
  return expectationText(others);
}

/** The exit status that an expectation of a command wants. */
export function wantedStatusOf(expectation: CheckOf<"run">["expect"]): number {
  return expectation === undefined ? 0 : (expectedConditions(expectation).status ?? 0);
}

/** What is wrong with what a command did; undefined when nothing is. */
export function problemOfRun(
  expectation: CheckOf<"run">["expect"],
  wantedStatus: number,
  { status, stdout, stderr }: CommandResult,
): string | undefined {
  if (status !== wantedStatus) {
    const said = (stderr.trim() || stdout.trim()).split("\n").at(-1) ?? "";
    return `exit status ${status}, not ${wantedStatus}${said === "" ? "" : `; it said: ${said}`}`;
  }
  return expectation === undefined ? undefined : unmet(expectation, stdout.trim());
}
