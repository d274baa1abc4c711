import { readFileSync, writeFileSync } from "node:fs";

/** A document with parts written by measurements, between marks that name them. */

function marks(part: string): readonly [string, string] {
  return [`<!-- bench:${part} -->`, `<!-- /bench:${part} -->`];
}

/** The document with a new text between the marks of a part. Throws Error where the marks are missing. */
export function withPart(document: string, part: string, text: string): string {
  const [begin, end] = marks(part);
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`write part ${part} of the document: it has no ${begin} ... ${end}`);
  return `${document.slice(0, from)}${begin}\n\n${text.trim()}\n\n${document.slice(to)}`;
}

/** Writes a part of a Markdown file. */
export function writePart(file: string, part: string, text: string): void {
  writeFileSync(file, withPart(readFileSync(file, "utf8"), part, text));
}
