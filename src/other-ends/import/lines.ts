/** A line of a text, with the number of the first one that it continues. */
export interface NumberedLine {
  readonly line: number;
  readonly text: string;
}

/** The lines of a text that hold anything. */
export function linesIn(text: string): readonly NumberedLine[] {
  return text
    .split(/\r?\n/)
    .map((each, index) => ({ line: index + 1, text: each }))
    .filter((each) => each.text.trim() !== "");
}

/** The same without blanks at the ends, those that end with a backslash joined with the next. */
export function joinedLines(text: string): readonly NumberedLine[] {
  const joined: NumberedLine[] = [];
  let begun: { line: number; parts: string[] } | undefined;
  for (const { line, text: whole } of linesIn(text)) {
    const part = whole.trim();
    begun ??= { line, parts: [] };
    begun.parts.push(part.replace(/\\$/, " ").trim());
    if (part.endsWith("\\")) continue;
    joined.push({ line: begun.line, text: begun.parts.join(" ") });
    begun = undefined;
  }
  if (begun !== undefined) joined.push({ line: begun.line, text: begun.parts.join(" ") });
  return joined;
}

/** A word without the quotes that it stands in. */
export function unquoted(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, "$2");
}
