import type { Command } from "commander";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface EventsArguments {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly socket: string;
}

/** Adds `wirespan events`. */
export function addEvents(program: Command, shell: Shell): void {
  const command = program
    .command("events")
    .description("show the latest events of a running daemon, which are also in its log")
    .option("-f, --follow", "go on with new events, until interrupted or the daemon ends")
    .option("--json", "print one JSON object per event and line");
  withSocket(command).action((given: EventsArguments) => events(given, shell));
}

async function events({ follow = false, json, socket }: EventsArguments, shell: Shell): Promise<void> {
  const [{ openEvents }, { EventParser, eventText }] = await Promise.all([
    import("../../daemon/api-client.ts"),
    import("../event-text.ts"),
  ]);
  const parser = new EventParser();
  for await (const piece of await withAdvice(openEvents(socket, follow, ANSWER_MS)))
    for (const data of parser.take(piece)) shell.out(`${json === true ? data : eventText(data)}\n`);
  if (!follow) return;
  shell.error("the daemon ended, or dropped this reader\n");
  shell.exit(exitCode.noDaemon);
}
