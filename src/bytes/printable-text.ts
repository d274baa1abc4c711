/**
 * Text of others, such as a peer's words, titles of files and what programs said, where a reader or a
 * terminal would take some of its characters for something else.
 */

/**
 * Control characters, separators of lines, characters that turn the direction of text, lone surrogates and
 * what XML cannot have.
 */
const unprintable = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** A character as an escape sequence of JavaScript, such as \x1b. */
function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
}

/** Text of several lines with escapes, such as \x1b, in place of characters that are not for printing. */
export function printableText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(unprintable, (one) => (one === "\n" || one === "\t" ? one : escapeOf(one)));
}

/** Text as a single line: blanks in place of line ends, escapes in place of what is not for printing. */
export function printableLine(text: string): string {
  return printableText(text.trim().replace(/\s*[\r\n]\s*|\t/g, " "));
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
  const room = line.slice(0, MOST_CHARACTERS - 3);
  const lastBlank = line.lastIndexOf(" ", MOST_CHARACTERS - 3);
  return `${lastBlank > MOST_CHARACTERS / 2 ? room.slice(0, lastBlank) : room}...`;
}
