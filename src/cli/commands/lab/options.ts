import { type Command, InvalidArgumentError } from "commander";

/** Arguments and options that commands of `wirespan lab` share. */

/** TABLE: arguments, each with its name and help. */
export const labArguments = {
  topology: ["<topology>", "name of a topology of this package, or path to a .yaml file"],
  lab: ["<lab>", "name of a lab that is up, or path of its .yaml file"],
  node: ["<node>", "name of a node of the lab"],
} as const;

/** Adds the options of commands that start daemons. */
export function withStartOptions(command: Command): Command {
  return command
    .option("--plane <plane>", "plane of all daemons: auto, userspace or ebpf (needs root)")
    .option(
      "--timeout <seconds>",
      "give up waiting for sessions after so long without anything that comes up (default: as the file says)",
      seconds,
    );
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("wanted a number of seconds.");
}
