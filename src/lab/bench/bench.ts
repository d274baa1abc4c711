import { writeFileSync } from "node:fs";
import Table from "cli-table3";
import type { Print } from "../inside.ts";
import { type Candidate, candidates, usual } from "./candidates.ts";
import { buildGround, sitesReach } from "./ground.ts";
import { type Measure, measures } from "./measures.ts";

export interface BenchOptions {
  readonly repetitions: number;
  /** Of each measurement, about. */
  readonly seconds: number;
  /** Only candidates whose name this matches, and the baselines. */
  readonly only?: RegExp | undefined;
  /** Only measures whose key this matches. */
  readonly measures?: RegExp | undefined;
  /** File for all single results. */
  readonly json?: string | undefined;
}

/** All values of one candidate, by measure. */
type Results = ReadonlyMap<string, ReadonlyMap<string, number[]>>;

const BASELINES = 2;

/** Measures every candidate in turn, several times round; runs inside namespaces made for it. Resolves to an exit code. */
export async function benchInside(options: BenchOptions, print: Print): Promise<number> {
  const { repetitions, seconds, json } = options;
  const chosen = await chooseCandidates(options.only ?? usual, print);
  const taken = measures.filter(({ key }) => options.measures?.test(key) ?? true);
  await buildGround();
  const results: Results = new Map(
    chosen.map(({ name }) => [name, new Map(taken.map(({ key }) => [key, []]))]),
  );
  for (let round = 1; round <= repetitions; round += 1) {
    for (const candidate of chosen) {
      const values = await measureOne(candidate, taken, seconds);
      for (const [key, value] of values) results.get(candidate.name)?.get(key)?.push(value);
      const words = taken.map(
        ({ key, digits }) => `${key} ${(values.get(key) ?? Number.NaN).toFixed(digits)}`,
      );
      print(`round ${round} of ${repetitions}: ${candidate.name}: ${words.join(", ")}`);
    }
  }
  print(`\nMedians of ${repetitions} (least to greatest), × plain bridge, × kernel VXLAN of the same run:`);
  for (const measure of taken) print(`\n${measure.title}\n${tableOf(measure, results)}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(plainOf(results), null, 2)}\n`);
  return 0;
}

async function chooseCandidates(only: RegExp, print: Print): Promise<readonly Candidate[]> {
  const chosen: Candidate[] = [];
  for (const [index, candidate] of candidates.entries()) {
    if (index >= BASELINES && !only.test(candidate.name)) continue;
    if ((await candidate.isPossible?.()) ?? true) chosen.push(candidate);
    else print(`left out, not installed: ${candidate.name}`);
  }
  return chosen;
}

async function measureOne(
  { name, join }: Candidate,
  taken: readonly Measure[],
  seconds: number,
): Promise<ReadonlyMap<string, number>> {
  const undo = await join();
  try {
    if (!(await sitesReach())) throw new Error(`measure ${name}: the sites do not reach each other`);
    const values = new Map<string, number>();
    for (const { key, take } of taken) values.set(key, await take(seconds));
    return values;
  } finally {
    await undo();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function tableOf({ key, digits }: Measure, results: Results): string {
  const of = (name: string) => results.get(name)?.get(key) ?? [];
  const bases = candidates.slice(0, BASELINES).map(({ name }) => median(of(name)));
  const table = new Table({
    head: ["candidate", "median", "spread", "× plain", "× VXLAN"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const name of results.keys()) {
    const values = of(name);
    const spread = `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
    const ratios = bases.map((base) => (median(values) / base).toFixed(2));
    table.push([name, median(values).toFixed(digits), spread, ...ratios]);
  }
  return table.toString();
}

function plainOf(results: Results): object {
  return Object.fromEntries([...results].map(([name, values]) => [name, Object.fromEntries(values)]));
}
