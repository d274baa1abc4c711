import { readFileSync, writeFileSync } from "node:fs";
import { writePart } from "./document.ts";
import { plotSvg } from "./plot.ts";
import type { BenchResults } from "./results.ts";
import { markdownOf } from "./tables.ts";

/** Files for the results. */
export interface OutputFiles {
  /** All single results. */
  readonly json?: string | undefined;
  /** Tables in Markdown. */
  readonly markdown?: string | undefined;
  /** Bars as SVG. */
  readonly plot?: string | undefined;
  /** A Markdown file that has marks for `part`: the tables go in between. */
  readonly document?: string | undefined;
  readonly part?: string | undefined;
}

/** Writes the results of candidates. */
export async function writeResults(results: BenchResults, files: OutputFiles): Promise<void> {
  writeText(results, markdownOf(results), "candidates", files);
  if (files.plot !== undefined) writeFileSync(files.plot, await plotSvg(results));
}

/** Writes results as JSON and as Markdown, in a document by default between the marks of `part`. */
export function writeText(results: object, text: string, part: string, files: OutputFiles): void {
  const { json, markdown, document } = files;
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (markdown !== undefined) writeFileSync(markdown, `${text}\n`);
  if (document !== undefined) writePart(document, files.part ?? part, text);
}

/** Writes the results of an earlier run again, from its JSON file. Resolves to an exit code. */
export async function writeAgain(from: string, files: OutputFiles): Promise<number> {
  await writeResults(JSON.parse(readFileSync(from, "utf8")) as BenchResults, files);
  return 0;
}
