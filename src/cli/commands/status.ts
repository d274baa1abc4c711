import type { Command } from "commander";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import type { Shell } from "../shell.ts";

interface StatusArguments {
  readonly json?: boolean;
  readonly socket: string;
}

/** Adds `wirespan status`. */
export function addStatus(program: Command, shell: Shell): void {
  const command = program
    .command("status")
    .description("show tunnels, pseudowires and counters of a running daemon")
    .option("--json", "print the report as JSON (docs/operating.md)");
  withSocket(command).action(async ({ json, socket }: StatusArguments) => {
    const { askStatus } = await import("../../daemon/api-client.ts");
    const report = await withAdvice(askStatus(socket, ANSWER_MS));
    if (json === true) return shell.out(`${JSON.stringify(report, null, 2)}\n`);
    const { statusText } = await import("../status-text.ts");
    shell.out(`${statusText(report)}\n`);
  });
}
