import type { MeasureKey } from "./measure-table.ts";

/** Results of a run, as in its JSON file. */
export interface BenchResults {
  readonly machine: MachineFacts;
  readonly repetitions: number;
  /** Approximate time of each measurement. */
  readonly seconds: number;
  /** Congestion control of TCP flows; absent in older results. */
  readonly congestion?: string;
  /** In the order of the tables. */
  readonly candidates: readonly CandidateResults[];
  /** Candidates that could not be measured, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export interface CandidateResults {
  readonly name: string;
  /** All values of all rounds. */
  readonly values: Readonly<Partial<Record<MeasureKey, readonly number[]>>>;
}

/** What speeds depend on; nothing identifies the machine. */
export interface MachineFacts {
  readonly date: string;
  readonly kernel: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly node: string;
  readonly wirespan: string;
}

/** Names of the candidates that others are compared with. */
export const PLAIN = "plain bridge";
export const VXLAN = "kernel VXLAN";

/** NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The value that a share `quantile` of all does not exceed. NaN of no values. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}

/** Statistics of one measure of one candidate. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
  /**
   * Its median divided by that of the plain bridge, and of kernel VXLAN; NaN where these were not measured.
   */
  readonly timesPlain: number;
  readonly timesVxlan: number;
}

/** Undefined where nothing was measured. */
export function figureOf(results: BenchResults, name: string, key: MeasureKey): Figure | undefined {
  const of = (candidate: string) =>
    results.candidates.find((found) => found.name === candidate)?.values[key] ?? [];
  const values = of(name);
  if (values.length === 0) return undefined;
  return {
    median: median(values),
    least: Math.min(...values),
    greatest: Math.max(...values),
    timesPlain: median(values) / median(of(PLAIN)),
    timesVxlan: median(values) / median(of(VXLAN)),
  };
}

/** The order of a round: each begins with another candidate, so that none always follows the same. */
export function rotated<T>(items: readonly T[], round: number): readonly T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
