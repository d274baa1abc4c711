import Table from "cli-table3";
import { type MeasureKey, measureOf, measures } from "./measure-table.ts";
import { type BenchResults, figureOf, type MachineFacts } from "./results.ts";

/** Results as tables: for terminals, and in Markdown. */

const ABSENT = "-";

function text(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? ABSENT : value.toFixed(digits);
}

/** The keys that any candidate has values of, in the order of the tables. */
export function keysIn(results: BenchResults): readonly MeasureKey[] {
  const keys = measures.map(({ key }) => key);
  return keys.filter((key) => results.candidates.some(({ values }) => values[key] !== undefined));
}

/** One measure of all candidates, for a terminal. */
export function terminalTable(results: BenchResults, key: MeasureKey): string {
  const { title, digits } = measureOf(key);
  const table = new Table({
    head: ["candidate", "median", "spread", "× plain", "× VXLAN"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name } of results.candidates) {
    const figure = figureOf(results, name, key);
    if (figure === undefined) continue;
    const spread = `${text(figure.least, digits)} to ${text(figure.greatest, digits)}`;
    table.push([
      name,
      text(figure.median, digits),
      spread,
      text(figure.timesPlain, 2),
      text(figure.timesVxlan, 2),
    ]);
  }
  return `${title}\n${table.toString()}`;
}

/** A Markdown table: its first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map(line).join("\n");
}

/** Measures with ratios; the others have medians and spread. */
const HEADLINES: readonly MeasureKey[] = ["tcp1", "clean60"];

/** All results in Markdown. */
export function markdownOf(results: BenchResults): string {
  const keys = keysIn(results);
  // Without clean rates the floods are headlines.
  const headlines = HEADLINES.map((key) =>
    key === "clean60" && !keys.includes(key) ? "flood60" : key,
  ).filter((key) => keys.includes(key));
  const others = keys.filter((key) => !headlines.includes(key));
  const parts = [machineLine(results), ratioTable(results, headlines)];
  if (others.length > 0) parts.push(spreadTable(results, others));
  for (const { name, reason } of results.skipped) parts.push(`Left out: ${name} (${oneLine(reason)}).`);
  return parts.join("\n\n");
}

function ratioTable(results: BenchResults, keys: readonly MeasureKey[]): string {
  const head = ["candidate", ...keys.flatMap((key) => [measureOf(key).title, "× plain", "× VXLAN"])];
  const rows = results.candidates.map(({ name }) => [
    name,
    ...keys.flatMap((key) => {
      const figure = figureOf(results, name, key);
      const ratios = [figure?.timesPlain, figure?.timesVxlan].map((ratio) => text(ratio, 2));
      return [text(figure?.median, measureOf(key).digits), ...ratios];
    }),
  ]);
  return markdownTable(head, rows);
}

function spreadTable(results: BenchResults, keys: readonly MeasureKey[]): string {
  const head = ["candidate", ...keys.map((key) => measureOf(key).title)];
  const rows = results.candidates.map(({ name }) => [
    name,
    ...keys.map((key) => {
      const figure = figureOf(results, name, key);
      if (figure === undefined) return ABSENT;
      const [middle, least, greatest] = [figure.median, figure.least, figure.greatest].map((value) =>
        text(value, measureOf(key).digits),
      );
      return `${middle} (${least} to ${greatest})`;
    }),
  ]);
  return markdownTable(head, rows);
}

/** The machine of a measurement. */
export function machineText(machine: MachineFacts): string {
  const { date, kernel, processor, cores, memoryGigabytes, node, wirespan } = machine;
  const hardware = `${cores} × ${processor}, ${memoryGigabytes} GB`;
  return `${date}, Wirespan ${wirespan}, Linux ${kernel}, Node ${node}, ${hardware}.`;
}

function machineLine({ machine, repetitions, seconds, congestion }: BenchResults): string {
  const by = congestion === undefined ? "" : `, TCP by ${congestion}`;
  const how = `Medians of ${repetitions}, ${seconds} s a measurement${by}`;
  return `${machineText(machine)} ${how}; least and greatest in parentheses.`;
}

function oneLine(reason: string): string {
  return reason.trim().split("\n").at(-1) ?? "";
}
