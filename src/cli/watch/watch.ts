import { setTimeout as pause } from "node:timers/promises";
import { operationalMessage } from "../../bytes/errors.ts";
import { askStatus } from "../../daemon/api-client.ts";
import { ANSWER_MS, withAdvice } from "../daemon-socket.ts";
import { chosenOf } from "../status/chosen.ts";
import { fittingColumns, outputColumns } from "../text-layout.ts";
import { TerminalScreen } from "./terminal-screen.ts";
import { plainLines, rowsOnScreen, screenLines } from "./watch-lines.ts";
import { firstModel, type WatchModel, withKey, withProblem, withReport } from "./watch-model.ts";

export interface WatchOptions {
  readonly socket: string;
  /** The tunnel or pseudowire that alone is watched. */
  readonly name: string | undefined;
  readonly intervalMs: number;
}

/** Rejects as `askStatus` does, and with NoSuchNameError. */
async function begin({ socket, name }: WatchOptions): Promise<WatchModel> {
  const report = await withAdvice(askStatus(socket, ANSWER_MS));
  if (name !== undefined) chosenOf(report, name);
  return firstModel(report, name);
}

/** What comes of one more question: what is known then, by what is known until then. */
async function ask(socket: string): Promise<(model: WatchModel) => WatchModel> {
  try {
    const report = await askStatus(socket, ANSWER_MS);
    return (model) => withReport(model, report);
  } catch (error) {
    const problem = operationalMessage(error);
    return (model) => withProblem(model, problem);
  }
}

/** Prints the table each interval, or once; without a terminal. */
export async function watchPlainly(
  options: WatchOptions,
  isOnce: boolean,
  out: (text: string) => void,
): Promise<void> {
  let model = await begin(options);
  do {
    await pause(options.intervalMs);
    const change = await ask(options.socket);
    model = change(model);
    out(`${plainLines(model, outputColumns()).join("\n")}\n`);
    if (!isOnce) out("\n");
  } while (!isOnce);
}

/**
 * Shows the daemon on the whole terminal. Resolves once a key ends it; a question to the daemon may be under
 * way then.
 */
export async function watchOnTerminal(options: WatchOptions): Promise<void> {
  let model = await begin(options);
  await new Promise<void>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const draw = () => screen.draw(screenLines(model, fittingColumns(screen.columns), screen.lines));
    const screen = new TerminalScreen({
      key: (key) => {
        const after = withKey(model, key, rowsOnScreen(model, screen.lines));
        if (after === "quit") {
          clearTimeout(timer);
          screen[Symbol.dispose]();
          return resolve();
        }
        model = after;
        draw();
      },
      resized: () => draw(),
    });
    const look = async () => {
      const change = await ask(options.socket);
      model = change(model);
      draw();
      timer = setTimeout(again, options.intervalMs);
    };
    // A bug of ours: the terminal is put back before its text is printed.
    const again = () =>
      void look().catch((error: unknown) => {
        screen[Symbol.dispose]();
        reject(error);
      });
    draw();
    timer = setTimeout(again, options.intervalMs);
  });
}
