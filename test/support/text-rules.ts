import { readdirSync, readFileSync } from "node:fs";
import type { SourceFile } from "./architecture.ts";

/** Rules for the text of files, whatever it means: its width, and words that were replaced. */

const root = new URL("../../", import.meta.url);

/** Files of folders of the repository whose names end in one of these ways, by their paths from its root. */
export function readTexts(folders: readonly string[], endings: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" })
      .filter((path) => endings.some((ending) => path.endsWith(ending)))
      .sort()
      .map((path) => readText(`${folder}/${path}`)),
  );
}

/** A file of the repository. */
export function readText(path: string): SourceFile {
  return { path, text: readFileSync(new URL(path, root), "utf8") };
}

const MOST_COLUMNS = 110;

/** Lines longer than 110 columns. */
export function longLines(files: readonly SourceFile[]): readonly string[] {
  return linesOf(files).flatMap(({ at, line }) =>
    line.length > MOST_COLUMNS ? [`${at}: ${line.length} columns`] : [],
  );
}

/** Lines with a word that was replaced, each with the word that it has now. Capitals tell words apart. */
export function replacedWords(
  files: readonly SourceFile[],
  words: Readonly<Record<string, string>>,
): readonly string[] {
  const pattern = new RegExp(`(?<![\\w-])(?:${Object.keys(words).join("|")})(?![\\w-])`, "g");
  return linesOf(files).flatMap(({ at, line }) =>
    [...line.matchAll(pattern)].map(([word]) => `${at}: "${word}" is "${words[word]}" now`),
  );
}

function linesOf(files: readonly SourceFile[]): readonly { readonly at: string; readonly line: string }[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").map((line, index) => ({ at: `${path}:${index + 1}`, line })),
  );
}
