/** Words as a shell takes them. */

/** A word for a shell, quoted where it needs it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Words as a command line of a shell. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
