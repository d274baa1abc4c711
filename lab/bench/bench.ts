import type { Print } from "../../src/lab/inside.ts";
import { baselines, candidates, usual } from "./candidates.ts";
import { machineFacts } from "./machine.ts";
import { type MeasureKey, measures } from "./measure-table.ts";
import { type IdleCost, type MeasureSettings, measureAll, measureIdle } from "./measures.ts";
import type { Candidate } from "./other-tunnels.ts";
import { type OutputFiles, writeResults } from "./output.ts";
import { type BenchResults, rotated } from "./results.ts";
import { keysIn, terminalTable } from "./tables.ts";
import { buildTestBed, sitesReach } from "./test-bed.ts";
import { congestionControl } from "./traffic.ts";

export interface BenchOptions extends OutputFiles {
  readonly repetitions: number;
  /** Approximate time of each measurement. */
  readonly seconds: number;
  /** Congestion control of TCP flows; undefined: the machine's. */
  readonly congestion?: string | undefined;
  /** Only candidates whose name matches, and the baselines. */
  readonly only?: RegExp | undefined;
  /** Only measures whose key matches. */
  readonly measures?: RegExp | undefined;
}

type Values = Partial<Record<MeasureKey, number[]>>;

/** Values measured so far; a candidate that failed once is skipped from then on. */
class RunRecord {
  readonly values: Map<string, Values>;
  readonly skipped: { name: string; reason: string }[] = [];
  failures = 0;
  readonly #print: Print;

  constructor(names: readonly string[], print: Print) {
    this.values = new Map(names.map((name) => [name, {}]));
    this.#print = print;
  }

  skip(name: string, reason: string): void {
    this.#print(`left out: ${name}: ${reason}`);
    this.skipped.push({ name, reason });
    this.values.delete(name);
  }

  add(name: string, values: Partial<Record<MeasureKey, number>>): string {
    const of = this.values.get(name) ?? {};
    const summary = measures.flatMap(({ key, digits }) => {
      const value = values[key];
      if (value === undefined) return [];
      const all = of[key] ?? [];
      all.push(value);
      of[key] = all;
      return [`${key} ${value.toFixed(digits)}`];
    });
    return summary.join(", ");
  }

  results(repetitions: number, settings: MeasureSettings): BenchResults {
    const found = [...this.values].map(([name, values]) => ({ name, values }));
    return { machine: machineFacts(), repetitions, ...settings, candidates: found, skipped: this.skipped };
  }
}

/**
 * Measures every candidate in turn, in several rounds; runs inside namespaces made for it. Resolves to an
 * exit code.
 */
export async function benchInside(options: BenchOptions, print: Print): Promise<number> {
  const { repetitions, seconds, congestion = congestionControl() } = options;
  const settings = { seconds, congestion };
  const keys = measures.map(({ key }) => key).filter((key) => options.measures?.test(key) ?? true);
  const only = options.only ?? usual;
  const chosen = candidates.filter(
    (candidate) => baselines.some((baseline) => baseline === candidate) || only.test(candidate.name),
  );
  const record = new RunRecord(
    chosen.map(({ name }) => name),
    print,
  );
  await buildTestBed();
  for (const candidate of chosen) {
    const reason = await candidate.whyNot?.();
    if (reason !== undefined) record.skip(candidate.name, reason);
  }
  for (let round = 0; round < repetitions; round += 1) {
    const idle = keys.includes("cpu") ? await measureIdle(seconds) : { busyUs: 0 };
    for (const candidate of rotated(chosen, round)) {
      if (!record.values.has(candidate.name)) continue;
      const summary = await measureOne(candidate, record, new Set(keys), settings, idle);
      if (summary !== undefined) print(`round ${round + 1} of ${repetitions}: ${candidate.name}: ${summary}`);
    }
  }
  const results = record.results(repetitions, settings);
  print(`\nMedians of ${repetitions} (least to greatest), × plain bridge, × kernel VXLAN of the same run:`);
  for (const key of keysIn(results)) print(`\n${terminalTable(results, key)}`);
  await writeResults(results, options);
  return record.failures === 0 ? 0 : 1;
}

/** Resolves to a line of the values; undefined where the candidate failed. */
async function measureOne(
  { name, connect }: Candidate,
  record: RunRecord,
  keys: ReadonlySet<MeasureKey>,
  settings: MeasureSettings,
  idle: IdleCost,
): Promise<string | undefined> {
  try {
    const undo = await connect();
    try {
      if (!(await sitesReach())) throw new Error("the sites do not reach each other");
      return record.add(name, await measureAll(keys, settings, idle));
    } finally {
      await undo();
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    record.failures += 1;
    record.skip(name, error.message);
    return undefined;
  }
}
