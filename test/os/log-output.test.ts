import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LogOutput } from "../../src/os/log-output.ts";
import { eventually } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-log-output-"));
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** What a pipe holds (pipe(7)). */
const PIPE_OCTETS = 64 * 1024;
/** One line that a pipe does not hold whole. */
const LONG = `${"x".repeat(2 * PIPE_OCTETS)}\n`;

afterAll(() => rmSync(folder, { recursive: true }));

/** A pipe with its own reader. */
class Pipe implements Disposable {
  readonly #reader: number;
  readonly #writer: number;
  readonly output: LogOutput;
  #readerIsOpen = true;

  constructor(name: string) {
    const path = join(folder, name);
    execFileSync("mkfifo", [path]);
    this.#reader = openSync(path, O_RDONLY | O_NONBLOCK);
    this.#writer = openSync(path, O_WRONLY);
    this.output = new LogOutput(this.#writer);
  }

  /** Everything that is in it now. */
  read(): string {
    const octets = Buffer.alloc(2 * PIPE_OCTETS);
    try {
      return octets.toString("utf8", 0, readSync(this.#reader, octets));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      return "";
    }
  }

  /** Takes what is in it, and the reader away. */
  leave(): void {
    while (this.read() !== "");
    closeSync(this.#reader);
    this.#readerIsOpen = false;
  }

  [Symbol.dispose](): void {
    if (this.#readerIsOpen) this.leave();
    closeSync(this.#writer);
  }
}

test("what a reader does not take at once comes later, whole and in order", async () => {
  using pipe = new Pipe("later");
  pipe.output.write(LONG);
  pipe.output.write("second\n");
  let text = "";
  await eventually("all is read", () => {
    text += pipe.read();
    return text.endsWith("second\n");
  });
  expect(text).toBe(`${LONG}second\n`);
  expect(pipe.output.losses).toEqual({ lines: 0, reason: undefined });
});

test("lines beyond the bound of the queue are lost and counted; those before them are not", async () => {
  using pipe = new Pipe("bound");
  const lines = Array.from({ length: 500 }, (_, index) => `${index} ${"y".repeat(1000)}\n`);
  for (const line of lines) pipe.output.write(line);
  const { lines: lost, reason } = pipe.output.losses;
  expect(reason).toBe("EAGAIN");
  const kept = lines.slice(0, lines.length - lost).join("");
  expect(kept.length).toBeGreaterThan(256 * 1024);
  let text = "";
  await eventually("what was kept is read", () => {
    text += pipe.read();
    return text.length >= kept.length;
  });
  expect(text).toBe(kept);
  pipe.output.write("again\n");
  expect(pipe.read()).toBe("again\n");
});

test("a flush waits for a reader that hangs no longer than it is told", () => {
  using pipe = new Pipe("flush");
  pipe.output.write(LONG);
  const begin = performance.now();
  pipe.output.flush(200);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(199);
  const first = pipe.read();
  pipe.output.flush(10);
  expect(`${first}${pipe.read()}`.length).toBeGreaterThan(PIPE_OCTETS);
  expect(pipe.output.losses.lines).toBe(0);
});

test("a closed reader loses lines with EPIPE: also the one that was partly written", () => {
  using pipe = new Pipe("closed");
  pipe.output.write(LONG);
  pipe.leave();
  pipe.output.write("nobody reads it\n");
  pipe.output.flush(1000);
  expect(pipe.output.losses).toEqual({ lines: 2, reason: "EPIPE" });
});

test("behind a line that was lost in its middle the next begins anew", () => {
  using pipe = new Pipe("anew");
  pipe.output.write(LONG);
  pipe.leave();
  pipe.output.flush(1000);
  expect(pipe.output.losses).toEqual({ lines: 1, reason: "EPIPE" });
  // Another reader comes, and finds none of what the former one left.
  const next = openSync(join(folder, "anew"), O_RDONLY | O_NONBLOCK);
  pipe.output.write("next\n");
  const octets = Buffer.alloc(100);
  expect(octets.toString("utf8", 0, readSync(next, octets))).toBe("\nnext\n");
  closeSync(next);
});

test.each([
  ["ENOSPC", "of a full disk", () => openSync("/dev/full", O_WRONLY)],
  ["EBADF", "that is not open for writing", () => openSync("/dev/null", O_RDONLY)],
])("%s %s is counted for each line", (reason, _, open) => {
  const descriptor = open();
  const output = new LogOutput(descriptor);
  output.write("one\n");
  output.write("two\n");
  expect(output.losses).toEqual({ lines: 2, reason });
  closeSync(descriptor);
});
