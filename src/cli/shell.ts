import { messageOf } from "../bytes/errors.ts";
import { printableText } from "../bytes/printable-text.ts";

/** Exit codes, documented in --help and docs/operating.md. */
export const exitCode = { ok: 0, failed: 1, usage: 2, badConfiguration: 3, noDaemon: 4 } as const;

/** Where a command writes, and how it sets the exit code. */
export interface Shell {
  out(text: string): void;
  error(text: string): void;
  exit(code: number): void;
}

/** The message of a failure, for a terminal; with what to do if too many files are open. */
export function problemOf(error: unknown): string {
  const hint = (error as NodeJS.ErrnoException).code === "EMFILE" ? "; raise the limit: ulimit -n 1024" : "";
  return `${printableText(messageOf(error))}${hint}`;
}
