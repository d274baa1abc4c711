import type { Command } from "commander";
import type { AdministeredKind, AdministrativeAction } from "../../daemon/administrative-states.ts";
import { ANSWER_MS, withAdvice, withSocket } from "../daemon-socket.ts";
import { exitCode, type Shell } from "../shell.ts";

interface SocketArguments {
  readonly socket: string;
}

/** TABLE: what can be done, its help, and what is said once it is done, and where nothing was to be done. */
const actions: readonly {
  readonly action: AdministrativeAction;
  readonly help: string;
  readonly done: string;
  readonly unchanged: string;
}[] = [
  {
    action: "down",
    help: "close it, until `up` or the daemon's next start; a reload does not open it",
    done: "is down, until it is opened by hand or the daemon starts anew",
    unchanged: "was down already",
  },
  {
    action: "up",
    help: "open what `down` closed",
    done: "may come up",
    unchanged: "was not closed by hand",
  },
  {
    action: "bounce",
    help: "close it and open it again",
    done: "was closed and may come up again",
    unchanged: "was closed and may come up again",
  },
];

/** TABLE: what is opened and closed by hand, and what that means. */
const kinds: readonly { readonly kind: AdministeredKind; readonly help: string }[] = [
  { kind: "tunnel", help: "close and open a tunnel: its peer gets StopCCN, static sessions stop forwarding" },
  { kind: "pseudowire", help: "close and open a pseudowire: its peer gets CDN" },
];

/** Adds `wirespan tunnel` and `wirespan pseudowire`. */
export function addAdminister(program: Command, shell: Shell): void {
  for (const { kind, help } of kinds) {
    const group = program.command(kind).description(help);
    for (const { action, help: actionHelp } of actions)
      withSocket(
        group.command(action).description(actionHelp).argument("<name>", `name of the ${kind}`),
      ).action((name: string, { socket }: SocketArguments) => administer(kind, action, name, socket, shell));
  }
}

/** Rejects as `askAdministration` does. */
async function administer(
  kind: AdministeredKind,
  action: AdministrativeAction,
  name: string,
  socket: string,
  shell: Shell,
): Promise<void> {
  const { askAdministration } = await import("../../daemon/api-client.ts");
  const request = { kind, action, name };
  const { changed, problem } = await withAdvice(askAdministration(socket, request, ANSWER_MS));
  const row = actions.find((one) => one.action === action);
  shell.out(`${kind} ${name} ${changed ? row?.done : row?.unchanged}\n`);
  if (problem === undefined) return;
  shell.error(`${kind} ${name} does not open: ${problem}\n`);
  shell.exit(exitCode.failed);
}

/** Adds `wirespan clear`. */
export function addClear(program: Command, shell: Shell): void {
  const group = program.command("clear").description("have what status counts begin at 0 again");
  const command = group
    .command("counters")
    .description("counters and discards of status begin at 0: all, or those of NAME; metrics go on")
    .argument("[name]", "a tunnel, with its pseudowires, or a pseudowire");
  withSocket(command).action(async (name: string | undefined, { socket }: SocketArguments) => {
    const { askToClear } = await import("../../daemon/api-client.ts");
    await withAdvice(askToClear(socket, name, ANSWER_MS));
    shell.out(`${name === undefined ? "all counters" : `the counters of ${name}`} begin at 0 now\n`);
  });
}
