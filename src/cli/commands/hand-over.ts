import type { Command } from "commander";
import { withAdvice, withSocket } from "../daemon-socket.ts";
import type { Shell } from "../shell.ts";

/** Adds `wirespan hand-over`. */
export function addHandOver(program: Command, shell: Shell): void {
  const command = program
    .command("hand-over")
    .description("end the daemon for the next one, such as of an upgrade: eBPF goes on forwarding meanwhile");
  withSocket(command).action(async ({ socket }: { readonly socket: string }) => {
    const { endForNext } = await import("../../daemon/take-over.ts");
    const { pid, goesOn, plane, planeReason } = await withAdvice(endForNext(socket));
    const text = goesOn
      ? "forwarding continues; start the next daemon soon: messages of peers are not answered"
      : `nothing is forwarded until the next one is started: plane ${plane}: ${planeReason}`;
    shell.out(`the daemon with pid ${pid} ended: ${text}\n`);
  });
}
