import { type Command, InvalidArgumentError } from "commander";
import { withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface WatchArguments {
  readonly once?: boolean;
  readonly interval: number;
  readonly socket: string;
}

const help = `
Keys: q quit; arrows, page up and down, home, end: mark a row; enter: all of it; / filter, escape: none;
s sort by the file, state, name, in, out or discards; r the other way round.
Without a terminal, and with --once, it prints lines.`;

/** In seconds. */
const intervals = { least: 0.2, most: 3600 } as const;

/** Adds `wirespan watch`. */
export function addWatch(program: Command, shell: Shell): void {
  const command = program
    .command("watch")
    .description("show what passes the pseudowires of a running daemon, as it does")
    .argument("[name]", "a tunnel or a pseudowire; default: all")
    .option("--once", "print what passes within one interval, and end")
    .option("--interval <seconds>", "how long to wait between two looks", secondsOf, 1)
    .addHelpText("after", help);
  withSocket(command).action(async (name: string | undefined, options: WatchArguments) => {
    const { once = false, interval, socket } = options;
    const { watchOnTerminal, watchPlainly } = await import("../watch/watch.ts");
    const wanted = { socket, name, intervalMs: interval * 1000 };
    if (once || !process.stdout.isTTY) return watchPlainly(wanted, once, (text) => shell.out(text));
    await watchOnTerminal(wanted);
    // A question to a daemon that hangs would keep the process for its time.
    process.exit(exitCode.ok);
  });
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  const { least, most } = intervals;
  if (text.trim() !== "" && seconds >= least && seconds <= most) return seconds;
  throw new InvalidArgumentError(`wanted seconds, from ${least} to ${most}.`);
}
