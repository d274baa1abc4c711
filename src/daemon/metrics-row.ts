/** What a row of the tables of metrics says; `metrics-table.ts` has them. */

/** A metric of subjects of one kind: of the whole daemon, of tunnels, or of pseudowires. */
export interface MetricRow<One> {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  /** Names of its labels, beside those that name the subject. */
  readonly labels: readonly string[];
  /** Its series with labels that are the same for all subjects. */
  readonly series?: readonly MetricSeries<One>[];
  /** Its series whose labels each subject says. */
  readonly samples?: (of: One) => readonly Sample[];
}

/** One series of each subject. */
export interface MetricSeries<One> {
  /** Values of the labels, in the order of their names. */
  readonly labels: readonly string[];
  /** Undefined where the subject does not have it. */
  value(of: One): number | undefined;
}

/** Values of labels, in the order of their names, and the value. */
export type Sample = readonly [labels: readonly string[], value: number];

/** One series without further labels. */
export function single<One>(
  value: (of: One) => number | undefined,
): Pick<MetricRow<One>, "labels" | "series"> {
  return { labels: [], series: [{ labels: [], value }] };
}

/** A count for each key of one label; only those that are not 0. */
export function byKey<One>(
  label: string,
  counts: (of: One) => Readonly<Record<string, number | undefined>>,
): Pick<MetricRow<One>, "labels" | "samples"> {
  return {
    labels: [label],
    samples: (of) => {
      const found: Sample[] = [];
      for (const [key, count = 0] of Object.entries(counts(of))) if (count !== 0) found.push([[key], count]);
      return found;
    },
  };
}
