/**
 * Text of others, such as a peer's words, titles of files and what programs said, where a reader or a
 * terminal would take some of its characters for something else.
 */

/**
 * Control characters, separators of lines, lone surrogates, what XML cannot have, and what is not seen: two
 * names would look the same. Format characters (Cf) turn the direction of text or have no width, as others
 * that are ignored where they are not known (DI); emoji that such characters join are shown one by one.
 */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Cf}\p{Default_Ignorable_Code_Point}\ufffe\uffff]/gu;

/** A character as an escape sequence of JavaScript, such as \x1b. */
function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}

/** Escapes in place of what is not for printing, except the characters of `kept`. */
function escaped(text: string, kept: string): string {
  return text.replace(unprintable, (one) => (kept.includes(one) ? one : escapeOf(one)));
}

/** Text with an escape in place of every character that is not for printing, line ends too. */
export function escapedText(text: string): string {
  return escaped(text, "");
}

/** Text of several lines with escapes, such as \x1b, in place of characters that are not for printing. */
export function printableText(text: string): string {
  return escaped(text.replaceAll("\r\n", "\n"), "\n\t");
}

/** Text as a single line: blanks in place of line ends, escapes in place of what is not for printing. */
export function printableLine(text: string): string {
  // Escaped first: a byte order mark counts as a blank.
  return escaped(text, "\r\n\t")
    .trim()
    .replace(/\s*[\r\n]\s*|\t/g, " ");
}

/** Text of several lines within others: its later lines are indented, so that none is taken for another's. */
export function printableBlock(text: string, indent: string): string {
  return printableText(text).replaceAll("\n", `\n${indent}`);
}

/** Most characters of an excerpt. */
const MOST_CHARACTERS = 120;

/** A single line of no more than 120 characters, as of a peer's words; a longer one is cut between words. */
export function printableExcerpt(text: string): string {
  const line = printableLine(text.slice(0, MOST_CHARACTERS + 1));
  if (line.length <= MOST_CHARACTERS) return line;
  // No half of a character of two units at the end.
  const room = line.slice(0, MOST_CHARACTERS - 3).replace(/[\ud800-\udbff]$/, "");
  const lastBlank = line.lastIndexOf(" ", MOST_CHARACTERS - 3);
  return `${lastBlank > MOST_CHARACTERS / 2 ? room.slice(0, lastBlank) : room}...`;
}
