import type { Command } from "commander";
import { OperationalError } from "../../bytes/errors.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import type { Shell } from "../shell.ts";

interface PageArguments {
  readonly socket: string;
}

const help = `
The link has the token of http.token, where there is one: whoever has the link can read everything.`;

/** Adds `wirespan page`. */
export function addPage(program: Command, shell: Shell): void {
  const command = program
    .command("page")
    .description("print the link to the web page of a running daemon")
    .addHelpText("after", help);
  withSocket(command).action((given: PageArguments) => page(given, shell));
}

/** Rejects as `askPage` does, and with OperationalError where the page cannot be opened by a link. */
async function page({ socket }: PageArguments, shell: Shell): Promise<void> {
  const { askPage } = await import("../../daemon/api-client.ts");
  const { links, waiting } = await withAdvice(askPage(socket, ANSWER_MS));
  for (const text of waiting) shell.error(`${text}\n`);
  if (links.length === 0) throw new OperationalError(`print the link to the page: ${nothing(waiting)}`);
  for (const link of links) shell.out(`${link}\n`);
}

function nothing(waiting: readonly string[]): string {
  if (waiting.length > 0) return "no address of http.listen is open";
  return (
    "the daemon does not listen for HTTP at an address; add to its file\n" +
    "  http:\n    listen: 127.0.0.1:9701\nand run: wirespan reload"
  );
}
