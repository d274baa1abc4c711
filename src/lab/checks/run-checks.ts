import { shellLine } from "../../bytes/shell-words.ts";
import { CommandError } from "../command.ts";
import type { Check } from "../format/check-keys.ts";
import { topologyArgument } from "../topology-files.ts";
import type { CheckContext } from "./context.ts";
import { discardedBetween, discardsOfAll } from "./counters.ts";
import { CheckError, type CheckOutcome, type CheckResult } from "./result.ts";
import { carryOut, checkKindOf, titleOf } from "./table.ts";
import { withoutSessions } from "./within.ts";

/** A check with its place in the topology, from 1. */
export interface NumberedCheck {
  readonly number: number;
  readonly check: Check;
}

/** The checks of a topology, or those of these numbers. Throws where there is no check of a number. */
export function chosenChecks(
  checks: readonly Check[],
  only: readonly number[] | undefined,
): readonly NumberedCheck[] {
  const all = checks.map((check, index) => ({ number: index + 1, check }));
  const unknown = (only ?? []).find((number) => all[number - 1] === undefined);
  if (unknown !== undefined)
    throw new Error(`choose check ${unknown}: the topology has ${checks.length}, counted from 1`);
  return only === undefined ? all : all.filter(({ number }) => only.includes(number));
}

/** Hears of checks while they run. */
export interface CheckListener {
  began(number: number, title: string): void;
  ended(result: CheckResult): void;
}

/**
 * Carries out checks one after the other; one that fails stops none of the others. Rejects for bugs of ours
 * alone.
 */
export async function runChecks(
  checks: readonly NumberedCheck[],
  context: CheckContext,
  listener: CheckListener,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { number, check } of checks) {
    const title = titleOf(check);
    listener.began(number, title);
    const before = await discardsOfAll(context.topology);
    const startMs = performance.now();
    const tried = context.hasSessions ? check : withoutSessions(checkKindOf(check), check);
    const outcome = await outcomeOf(tried, context);
    const durationMs = Math.round(performance.now() - startMs);
    const discarded = outcome.passed
      ? undefined
      : discardedBetween(before, await discardsOfAll(context.topology));
    const result: CheckResult = {
      number,
      kind: checkKindOf(check),
      title,
      ...outcome,
      difference: outcome.difference,
      command: outcome.command ?? againCommand(context, number),
      durationMs,
      discarded,
    };
    results.push(result);
    listener.ended(result);
  }
  return results;
}

/** The command that carries out one check again. */
function againCommand({ topology }: CheckContext, number: number): string {
  return shellLine(["wirespan", "lab", "test", topologyArgument(topology.file), "--only", `${number}`]);
}

async function outcomeOf(check: Check, context: CheckContext): Promise<CheckOutcome> {
  try {
    return await carryOut(check, context);
  } catch (error) {
    if (!(error instanceof CheckError || error instanceof CommandError)) throw error;
    const seen = "it could not be carried out";
    return { passed: false, expected: titleOf(check), seen, difference: error.message };
  }
}
