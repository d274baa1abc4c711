import { type ChildProcess, spawn } from "node:child_process";
import { inNetworkNamespace } from "../os/network-namespace.ts";

/** A program ended with an error, could not be started, or took too long. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** Exit status; undefined when it was ended by a signal or never started. */
  readonly status: number | undefined;
  readonly stderr: string;

  constructor(command: readonly string[], status: number | undefined, why: string, stderr: string) {
    const output = stderr.trim();
    super(`${command.join(" ")}: ${why}${output === "" ? "" : `; it said: ${output}`}`);
    this.status = status;
    this.stderr = stderr;
  }
}

export interface CommandOptions {
  /** Text for its standard input; absent: none. */
  readonly input?: string;
  /** It is ended by SIGKILL after this; default 30 s. */
  readonly timeoutMs?: number;
  readonly environment?: NodeJS.ProcessEnv;
  /** File of the network namespace that it runs in; absent: that of this process. */
  readonly networkNamespace?: string;
  /** Exit statuses that are no error; default 0 alone. */
  readonly accept?: readonly number[];
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Output beyond this is discarded. */
const MAX_OUTPUT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Runs a program to its end, without a shell. Rejects with CommandError, which contains the command and its
 * standard error.
 */
export function run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const start = (): ChildProcess =>
      spawn(file, args, {
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        timeout: Math.ceil(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
        killSignal: "SIGKILL",
        ...(options.environment === undefined ? {} : { env: options.environment }),
      });
    const { networkNamespace } = options;
    const child = networkNamespace === undefined ? start() : inNetworkNamespace(networkNamespace, start);
    const output = collect(child);
    // A program that did not read shows that by its exit status.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
    child.on("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "ENOENT" ? "not installed, or not in PATH" : error.message;
      reject(new CommandError(command, undefined, why, ""));
    });
    child.on("close", (status, signal) => {
      if (status !== null && (options.accept ?? [0]).includes(status)) resolve({ status, ...output });
      else {
        const why = status === null ? `ended by ${signal}` : `exit status ${status}`;
        reject(new CommandError(command, status ?? undefined, why, output.stderr));
      }
    });
  });
}

/** What a program prints, parsed as JSON; nothing printed is an empty list. Rejects as `run` does. */
export async function runForJson<T>(command: readonly string[], options: CommandOptions = {}): Promise<T> {
  const { stdout } = await run(command, options);
  return JSON.parse(stdout === "" ? "[]" : stdout) as T;
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      if (output[stream].length < MAX_OUTPUT_CHARACTERS) output[stream] += text;
    });
  }
  return output;
}

/** Whether a program can be found in PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    await run(["sh", "-c", 'command -v "$1"', "sh", program]);
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return false;
  }
}

/** A program that runs beside this process and prints lines of JSON on its standard output. */
export class JsonLinesProcess {
  readonly #command: readonly string[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #buffered = "";
  #stderr = "";
  #lines: string[] = [];
  #waiting: (() => void) | undefined;
  #over = false;

  constructor(command: readonly string[]) {
    const [file = "", ...args] = command;
    this.#command = command;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin?.on("error", () => {});
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#receive(text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      const end = () => {
        this.#over = true;
        this.#waiting?.();
        resolve();
      };
      this.#child.on("close", end);
      this.#child.on("error", (error) => {
        this.#stderr += error.message;
        end();
      });
    });
  }

  /**
   * The next line, parsed. Rejects with CommandError when the program ends or the time is over before one
   * comes.
   */
  async next(timeoutMs: number): Promise<unknown> {
    const deadline = Date.now() + timeoutMs;
    while (this.#lines.length === 0) {
      const left = deadline - Date.now();
      if (this.#over) throw new CommandError(this.#command, undefined, "ended early", this.#stderr);
      if (left <= 0) throw new CommandError(this.#command, undefined, "took too long", this.#stderr);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return JSON.parse(this.#lines.shift() ?? "");
  }

  /** Resolves once it has ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Writes a line of JSON to its standard input. */
  send(value: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify(value)}\n`);
  }

  /** Closes its standard input, which asks it to report and end. */
  finish(): void {
    this.#child.stdin?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #receive(text: string): void {
    this.#buffered += text;
    const parts = this.#buffered.split("\n");
    this.#buffered = parts.pop() ?? "";
    this.#lines.push(...parts.filter((line) => line !== ""));
    this.#waiting?.();
  }
}
