import type { Command } from "commander";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

/** Adds `wirespan reload`. */
export function addReload(program: Command, shell: Shell): void {
  const command = program
    .command("reload")
    .description("make a running daemon read its configuration again; an invalid file changes nothing");
  withSocket(command).action(async ({ socket }: { readonly socket: string }) => {
    const { askReload } = await import("../../daemon/api-client.ts");
    const report = await withAdvice(askReload(socket, ANSWER_MS));
    for (const problem of report.problems) shell.error(`${problem}\n`);
    if (report.plan !== "") shell.out(`${report.plan}\n`);
    if (report.refused) shell.exit(exitCode.badConfiguration);
    else if (report.problems.length > 0) shell.exit(exitCode.failed);
  });
}
