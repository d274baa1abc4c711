import { createProgram } from "../../src/cli/program.ts";

/** What a command wrote to both outputs, and its exit code; undefined where it set none. */
export interface CommandOutcome {
  readonly out: string;
  readonly error: string;
  readonly code: number | undefined;
}

/** Runs a command of `wirespan` in this process. Rejects with what it throws. */
export async function runCommand(...words: readonly string[]): Promise<CommandOutcome> {
  const written = { out: "", error: "", code: undefined as number | undefined };
  const shell = {
    out: (text: string) => {
      written.out += text;
    },
    error: (text: string) => {
      written.error += text;
    },
    exit: (code: number) => {
      written.code = code;
    },
  };
  await createProgram(shell).parseAsync(words, { from: "user" });
  return written;
}
