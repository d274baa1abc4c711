import type { MetricRow, MetricSeries } from "./metrics-row.ts";

/**
 * The text format of Prometheus, version 0.0.4. There may be a million lines: they are made in slices of a
 * thousand, with a turn for others in between, and kept as long as their values stay the same.
 */

/** Subjects whose lines are made before others have their turn. */
const A_SLICE = 1000;

/** The content type of the text. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A label as it stands in a line. */
export function labelText(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"\n]/g, (one) => (one === "\n" ? "\\n" : `\\${one}`))}"`;
}

function head({ name, kind, help }: MetricRow<never>): string {
  const text = help.replace(/[\\\n]/g, (one) => (one === "\n" ? "\\n" : "\\\\"));
  return `# HELP ${name} ${text}\n# TYPE ${name} ${kind}\n`;
}

function labelsOf(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => labelText(name, values[index] ?? "")).join(",");
}

/** The lines of a slice of one series, and the values that they have. */
interface Lines {
  /** NaN where a subject has no line. */
  readonly values: Float64Array;
  octets: Uint8Array;
}

/** Makes the text of metrics of subjects of one kind, and keeps what does not change. */
export class MetricFamilies<One> {
  readonly #rows: readonly MetricRow<One>[];
  readonly #lines = new Map<MetricSeries<One>, Lines[]>();
  /** The labels of each subject. */
  #labels: readonly string[] = [];

  constructor(rows: readonly MetricRow<One>[]) {
    this.#rows = rows;
  }

  /** Adds the text to `pieces`; `labels` has those that name each subject. */
  async write(subjects: readonly One[], labels: readonly string[], pieces: Uint8Array[]): Promise<void> {
    this.#follow(labels);
    for (const row of this.#rows) {
      const begin = pieces.length;
      for (const series of row.series ?? [])
        for (let at = 0; at < subjects.length; at += A_SLICE) {
          const lines = this.#linesOf(row, series, subjects, at);
          if (lines.length > 0) pieces.push(lines);
          if (subjects.length > A_SLICE) await new Promise(setImmediate);
        }
      if (row.samples !== undefined)
        for (let at = 0; at < subjects.length; at += A_SLICE) {
          const lines = this.#samplesOf(row, row.samples, subjects, at);
          if (lines.length > 0) pieces.push(lines);
          if (subjects.length > A_SLICE) await new Promise(setImmediate);
        }
      if (pieces.length > begin) pieces.splice(begin, 0, Buffer.from(head(row as MetricRow<never>)));
    }
  }

  /** Forgets what it kept. */
  clear(): void {
    this.#lines.clear();
  }

  /** Lines of other subjects are of no use. */
  #follow(labels: readonly string[]): void {
    if (labels === this.#labels) return;
    const isSame =
      labels.length === this.#labels.length && labels.every((label, index) => label === this.#labels[index]);
    this.#labels = labels;
    if (!isSame) this.#lines.clear();
  }

  #linesOf(row: MetricRow<One>, series: MetricSeries<One>, subjects: readonly One[], at: number): Uint8Array {
    const slices = this.#lines.get(series) ?? [];
    this.#lines.set(series, slices);
    const end = Math.min(at + A_SLICE, subjects.length);
    const known = slices[at / A_SLICE];
    const { values, octets } = known ?? { values: new Float64Array(end - at).fill(Number.NaN), octets: none };
    let isSame = known !== undefined;
    for (let index = at; index < end; index += 1) {
      const value = series.value(subjects[index] as One) ?? Number.NaN;
      if (Object.is(values[index - at], value)) continue;
      isSame = false;
      values[index - at] = value;
    }
    if (isSame) return octets;
    const own = labelsOf(row.labels, series.labels);
    let text = "";
    for (let index = at; index < end; index += 1) {
      const value = values[index - at] as number;
      if (!Number.isNaN(value)) text += `${row.name}${braced(this.#labels[index] ?? "", own)} ${value}\n`;
    }
    const made = Buffer.from(text);
    slices[at / A_SLICE] = { values, octets: made };
    return made;
  }

  #samplesOf(
    row: MetricRow<One>,
    samples: NonNullable<MetricRow<One>["samples"]>,
    subjects: readonly One[],
    at: number,
  ): Uint8Array {
    let text = "";
    for (let index = at; index < Math.min(at + A_SLICE, subjects.length); index += 1)
      for (const [labels, value] of samples(subjects[index] as One))
        text += `${row.name}${braced(this.#labels[index] ?? "", labelsOf(row.labels, labels))} ${value}\n`;
    return Buffer.from(text);
  }
}

const none = new Uint8Array(0);

function braced(subject: string, own: string): string {
  if (subject === "" && own === "") return "";
  return `{${subject}${subject === "" || own === "" ? "" : ","}${own}}`;
}
