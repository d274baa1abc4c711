import { CommanderError } from "commander";
import { NoAnswerError, NoDaemonError } from "../daemon/api-errors.ts";
import { TopologyError } from "../lab/format/topology-error.ts";
import { createProgram } from "./program.ts";
import { exitCode, problemOf } from "./shell.ts";

// A reader that has seen enough, such as `head`, is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCode.ok);
});

const program = createProgram({
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  exit: (code) => {
    process.exitCode = code;
  },
});

try {
  if (process.argv[2] === "complete") {
    const { addCompletion } = await import("./completion.ts");
    await addCompletion(program, process.argv.slice(3));
  }
  await program.parseAsync();
} catch (error) {
  process.exitCode = codeOf(error);
  if (!(error instanceof CommanderError)) {
    const message = problemOf(error);
    const detail =
      process.env["WIRESPAN_DEBUG"] !== undefined && error instanceof Error ? `\n${error.stack}` : "";
    // Each of its lines begins with the place that it is about, as those of `wirespan check` do.
    const program = error instanceof TopologyError ? "" : "wirespan: ";
    process.stderr.write(`${program}${message}${detail}\n`);
    // Node's loader reports it once more, with its stack, from a promise that nobody has.
    if ((error as NodeJS.ErrnoException).code === "EMFILE") process.exit();
  }
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof TopologyError) return exitCode.badConfiguration;
  return error instanceof NoDaemonError || error instanceof NoAnswerError
    ? exitCode.noDaemon
    : exitCode.failed;
}
