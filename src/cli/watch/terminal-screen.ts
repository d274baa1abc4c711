import { emitKeypressEvents } from "node:readline";
import type { WatchKey } from "./watch-model.ts";

/** TABLE: what terminals are told (ECMA-48; xterm; synchronised output of contour). */
const codes = {
  /** The alternate screen, without a cursor; what is too long for a line is not wrapped. */
  enter: "\x1b[?1049h\x1b[?25l\x1b[?7l",
  leave: "\x1b[?7h\x1b[?25h\x1b[?1049l",
  begin: "\x1b[?2026h",
  end: "\x1b[?2026l",
  clear: "\x1b[2J",
  clearRest: "\x1b[K",
} as const;

/** TABLE: signals that end the watch, by their numbers: a shell sees 128 and that. */
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** What a terminal tells. */
export interface ScreenListener {
  key(key: WatchKey): void;
  resized(): void;
}

/**
 * The whole screen of the terminal at standard output, and its keys. Of what is drawn only lines that differ
 * are written, each frame at once. The terminal is put back when this is disposed of, by signals, and before
 * the text of any crash.
 */
export class TerminalScreen implements Disposable {
  readonly #listener: ScreenListener;
  #drawn: readonly string[] = [];
  #isOpen = true;

  constructor(listener: ScreenListener) {
    this.#listener = listener;
    const { stdin, stdout } = process;
    process.on("exit", this.#leave);
    process.on("uncaughtExceptionMonitor", this.#leave);
    for (const signal of Object.keys(signals) as (keyof typeof signals)[]) process.on(signal, this.#end);
    stdout.on("resize", this.#resized);
    stdout.write(codes.enter);
    if (stdin.isTTY) {
      emitKeypressEvents(stdin);
      stdin.setRawMode(true);
      stdin.on("keypress", this.#pressed);
      stdin.resume();
    }
  }

  get columns(): number {
    return process.stdout.columns;
  }

  get lines(): number {
    return process.stdout.rows;
  }

  /** Shows lines; a terminal that has not taken the frame before is not given another. */
  draw(lines: readonly string[]): void {
    const { stdout } = process;
    if (!this.#isOpen || stdout.writableNeedDrain) return;
    const changes = Array.from({ length: Math.max(lines.length, this.#drawn.length) }, (_, index) =>
      lines[index] === this.#drawn[index]
        ? ""
        : `\x1b[${index + 1};1H${lines[index] ?? ""}${codes.clearRest}`,
    ).join("");
    this.#drawn = lines;
    if (changes !== "") stdout.write(`${codes.begin}${changes}${codes.end}`);
  }

  [Symbol.dispose](): void {
    this.#leave();
    const { stdin, stdout } = process;
    process.off("exit", this.#leave);
    process.off("uncaughtExceptionMonitor", this.#leave);
    for (const signal of Object.keys(signals) as (keyof typeof signals)[]) process.off(signal, this.#end);
    stdout.off("resize", this.#resized);
    stdin.off("keypress", this.#pressed);
    stdin.pause();
  }

  readonly #pressed = (text: string | undefined, key: WatchKey): void => {
    this.#listener.key({ ...key, text });
  };

  readonly #resized = (): void => {
    this.#drawn = [];
    process.stdout.write(codes.clear);
    this.#listener.resized();
  };

  readonly #end = (signal: NodeJS.Signals): void => {
    this.#leave();
    process.exit(128 + (signals[signal as keyof typeof signals] ?? 0));
  };

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdout.write(codes.leave);
  };
}
