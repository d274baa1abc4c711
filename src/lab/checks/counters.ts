import { controlDiscards } from "../../control/control-discards.ts";
import type { StatusReport } from "../../daemon/status.ts";
import { counterTable } from "../../forwarding/counters-table.ts";
import { discardReasons } from "../../forwarding/discard-reasons.ts";
import { statusOf } from "../daemons.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { type Topology, wirespansOf } from "../format/topology.ts";
import { byHand, type CheckContext, wirespanNamed } from "./context.ts";
import { type Expectation, expectationText, expectedConditions, unmet } from "./expectation.ts";
import { CheckError, type CheckOutcome } from "./result.ts";
import { valueAt } from "./value-path.ts";
import { limitOf, type Try, tryWithin } from "./within.ts";

/** Counts by the reason of a discard, by the names of LCCEs. */
export type DiscardsByLcce = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Names of all that a daemon counts. */
const counterNames: ReadonlySet<string> = new Set([
  ...counterTable.map(({ name }) => name),
  ...discardReasons.map(({ name }) => name),
  ...Object.keys(controlDiscards),
]);

/**
 * Everything that a daemon counted, by its name: sums over its pseudowires, with what belongs to none, and
 * control messages that were given up.
 */
export function countersOf(report: StatusReport): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  const add = (counts: Readonly<Record<string, number>>): void => {
    for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
  };
  for (const pseudowire of report.pseudowires) {
    add(pseudowire.discards);
    add(Object.fromEntries(counterTable.map(({ name }) => [name, pseudowire[name]])));
  }
  add(report.discards);
  add(report.control);
  return Object.fromEntries(sums);
}

/** The counters of one time that are higher than at another one, with by how much. */
export function movedCounters(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const moved = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(moved.filter(([, difference]) => difference > 0));
}

/** What all daemons discarded so far, by the names of their LCCEs; without those that do not answer. */
export async function discardsOfAll(topology: Topology): Promise<DiscardsByLcce> {
  const reports = await Promise.all(
    wirespansOf(topology).map(async ({ name, site }) => [name, await statusOf(site)] as const),
  );
  const passed = new Set<string>(counterTable.map(({ name }) => name));
  return Object.fromEntries(
    reports.flatMap(([name, report]) => {
      const counts = Object.entries(report === undefined ? {} : countersOf(report));
      const discards = Object.fromEntries(counts.filter(([counter]) => !passed.has(counter)));
      return report === undefined ? [] : [[name, discards]];
    }),
  );
}

/** What was discarded between two times; without daemons that discarded nothing. */
export function discardedBetween(before: DiscardsByLcce, after: DiscardsByLcce): DiscardsByLcce {
  const moved = Object.entries(after).map(
    ([name, counts]) => [name, movedCounters(before[name] ?? {}, counts)] as const,
  );
  return Object.fromEntries(moved.filter(([, counts]) => Object.keys(counts).length > 0));
}

/** Compares what an LCCE counted with what was expected. */
export async function checkCounter(check: CheckOf<"counter">, context: CheckContext): Promise<CheckOutcome> {
  const [lcceName, counter] = check.counter;
  const lcce = wirespanNamed(context, lcceName);
  if (!counterNames.has(counter))
    throw new CheckError(`nothing counts ${counter}; there are ${[...counterNames].join(", ")}`);
  const expected = `${counter} at ${lcceName}: ${expectationText(check.expect)}`;
  const attempt = async (): Promise<Try> => {
    const report = await statusOf(lcce.site);
    if (report === undefined) return noStatus(expected, lcceName);
    const count = countersOf(report)[counter] ?? 0;
    const before = context.countersBefore.get(lcce.site)?.[counter];
    const difference = unmet(check.expect, `${count}`);
    const seen = before === undefined ? `${count}` : `${count} (${before} before the checks)`;
    const isFinal = isTooHigh(check.expect, count);
    return { passed: difference === undefined, isFinal, expected, seen, difference };
  };
  const command = byHand(context, lcce.name, "wirespan", "status");
  return { ...(await tryWithin(limitOf("counter", check.within), attempt)), command };
}

/** Whether a count, which never falls, is beyond what may be. */
function isTooHigh(expectation: Expectation, count: number): boolean {
  const { equals, at_most: most } = expectedConditions(expectation);
  return (most !== undefined && count > most) || (typeof equals === "number" && count > equals);
}

function noStatus(expected: string, name: string): Try {
  const seen = `the daemon of ${name} does not answer`;
  return { passed: false, expected, seen, difference: `${seen}; see its log` };
}

/** Compares a value of an LCCE's status with what was expected. */
export async function checkStatus(check: CheckOf<"status">, context: CheckContext): Promise<CheckOutcome> {
  const [lcceName, path] = check.status;
  const lcce = wirespanNamed(context, lcceName);
  const expected = `${path} at ${lcceName}: ${expectationText(check.expect)}`;
  const attempt = async (): Promise<Try> => {
    const report = await statusOf(lcce.site);
    if (report === undefined) return noStatus(expected, lcceName);
    const found = valueAt(report, path);
    if ("problem" in found) {
      return { passed: false, expected, seen: "no such value", difference: found.problem };
    }
    const { value } = found;
    const seen = typeof value === "object" ? JSON.stringify(value) : String(value);
    const difference = unmet(check.expect, seen);
    return { passed: difference === undefined, expected, seen, difference };
  };
  const command = byHand(context, lcce.name, "wirespan", "status", "--json");
  return { ...(await tryWithin(limitOf("status", check.within), attempt)), command };
}
