import type { Command } from "commander";
import { NoAnswerError } from "../daemon/api-errors.ts";

/** A daemon that reads a file of 100 000 pseudowires for a reload answers nothing for some ten seconds. */
export const ANSWER_MS = 20_000;

/** The control socket where none is given: that of the environment, as in nodes of labs, or the default. */
export function defaultSocket(): string {
  const { WIRESPAN_SOCKET = "" } = process.env;
  return WIRESPAN_SOCKET === "" ? "/run/wirespan/wirespan.sock" : WIRESPAN_SOCKET;
}

/** Adds the option that names the daemon's control socket. */
export function withSocket(command: Command): Command {
  return command.option("--socket <path>", "control socket of the daemon", defaultSocket());
}

/** Adds to the failure of a daemon that does not answer what to do about it. */
export async function withAdvice<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    throw new NoAnswerError(
      `${error.message}; it hangs, is stopped, or is still starting: see its log, ` +
        "and its state by: ps -C node -o pid,stat,args",
      { cause: error },
    );
  }
}
