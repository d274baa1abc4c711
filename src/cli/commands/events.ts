import { type Command, InvalidArgumentError, Option } from "commander";
import { eventLevels } from "../../daemon/levels.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface EventsArguments {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly tunnel?: string;
  readonly pseudowire?: string;
  readonly level?: string;
  readonly since?: number;
  readonly last?: number;
  readonly socket: string;
}

/** TABLE: units of times on the command line, in ms. */
const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as "10m", in ms. Throws InvalidArgumentError. */
function parseAgo(text: string): number {
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = units[unit];
  if (unitMs === undefined) throw new InvalidArgumentError("Write a time as 30s, 10m, 2h or 1d.");
  return Number(number) * unitMs;
}

function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("Write how many, as a number.");
  return Number(text);
}

/** Adds `wirespan events`. */
export function addEvents(program: Command, shell: Shell): void {
  const command = program
    .command("events")
    .description("show the latest events of a running daemon, which are also in its log")
    .option("-f, --follow", "go on with new events, until interrupted or the daemon ends")
    .option("-n, --last <count>", "the last ones alone, so many", parseCount)
    .option("--since <time>", "those of the last 30s, 10m, 2h or 1d", parseAgo)
    .option("--tunnel <name>", "those of a tunnel and its pseudowires")
    .option("--pseudowire <name>", "those of a pseudowire")
    .addOption(
      new Option(
        "--level <level>",
        "those at least so severe; with --follow, debug and trace show what the log shows at these levels",
      ).choices(eventLevels),
    )
    .option("--json", "print one JSON object per event and line");
  withSocket(command).action((given: EventsArguments) => events(given, shell));
}

async function events(given: EventsArguments, shell: Shell): Promise<void> {
  const { follow = false, json, socket, since: sinceMs, tunnel, pseudowire, level, last } = given;
  const [{ openEvents }, { EventParser, eventText }] = await Promise.all([
    import("../../daemon/api-client.ts"),
    import("../event-text.ts"),
  ]);
  if (!follow && (level === "trace" || level === "debug"))
    shell.error(
      `events at ${level} are not kept; see them as they come: wirespan events -f --level ${level}\n`,
    );
  const asked = { follow, tunnel, pseudowire, level, sinceMs, last };
  const parser = new EventParser();
  for await (const piece of await withAdvice(openEvents(socket, asked, ANSWER_MS)))
    for (const data of parser.take(piece)) shell.out(`${json === true ? data : eventText(data)}\n`);
  if (!follow) return;
  shell.error("the daemon ended, or dropped this reader\n");
  shell.exit(exitCode.noDaemon);
}
