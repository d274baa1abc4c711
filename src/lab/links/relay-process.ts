import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CommandError } from "../command.ts";
import { inNode } from "../nodes.ts";
import type { LinkConditions } from "./conditions.ts";
import type { RelayCounters } from "./link-queue.ts";
import type { RelayAnswer, RelayPath, RelayRequest } from "./relay-messages.ts";

const RELAY = fileURLToPath(new URL("relay.js", import.meta.url));
const ANSWER_MS = 20_000;
const SEEDS = 2 ** 32;

/** The relay of a lab's links as its lab has it: a process in a namespace, started when a path needs it. */
export class RelayProcess {
  readonly #command: readonly string[];
  #running: Conversation | undefined;
  /** What the relay carries, so that it can be told again after it was killed. */
  readonly #paths = new Map<string, { readonly path: RelayPath; readonly conditions: LinkConditions }>();

  constructor(namespace: string) {
    this.#command = inNode(namespace, process.execPath, RELAY);
  }

  /** Carries frames of a path under these conditions from now on. Rejects with CommandError. */
  async set(path: RelayPath, conditions: LinkConditions): Promise<void> {
    await this.#ask({ set: path, conditions, seed: randomInt(SEEDS) });
    this.#paths.set(keyOf(path), { path, conditions });
  }

  /** Ends a path; what is on its way arrives at once. Rejects with CommandError. */
  async remove(path: RelayPath): Promise<void> {
    this.#paths.delete(keyOf(path));
    await this.#ask({ remove: path });
    if (this.#paths.size === 0) await this[Symbol.asyncDispose]();
  }

  /** Counters of a path since its conditions were last set. Rejects with CommandError. */
  async counters(path: RelayPath): Promise<RelayCounters | undefined> {
    return (await this.#ask({ counters: path })).counters;
  }

  /** Pid of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  async #ask(request: RelayRequest): Promise<RelayAnswer & { readonly problem?: undefined }> {
    const running = this.#running ?? this.#start();
    // One that ended by itself says why, and the next request starts another.
    if (running.ended) this.#running = undefined;
    const answer = await running.ask(request);
    if (answer.problem === undefined) return answer;
    throw new CommandError(this.#command, undefined, answer.problem, "");
  }

  /** Starts the relay with all paths that it had; again when somebody kills it, or links would be cut. */
  #start(): Conversation {
    const running = new Conversation(this.#command, (isKilled) => {
      if (this.#running === running && isKilled) this.#start();
    });
    this.#running = running;
    for (const { path, conditions } of this.#paths.values())
      running.ask({ set: path, conditions, seed: randomInt(SEEDS) }).catch(ignoreCommandError);
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.end();
  }
}

/** For a path whose relay has ended: whoever asks for it next is told. */
function ignoreCommandError(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}

function keyOf({ from, to }: RelayPath): string {
  return `${from} ${to}`;
}

/** One run of the relay, and the requests that it has not answered yet. */
class Conversation {
  readonly #command: readonly string[];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #waiting: { resolve: (answer: RelayAnswer) => void; reject: (error: Error) => void }[] = [];
  #stderr = "";
  ended = false;

  constructor(command: readonly string[], onEnd: (isKilled: boolean) => void) {
    const [file = "", ...words] = command;
    this.#command = command;
    this.#child = spawn(file, words, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin?.on("error", () => {});
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    const { stdout } = this.#child;
    if (stdout !== null) {
      createInterface({ input: stdout }).on("line", (line) =>
        this.#waiting.shift()?.resolve(JSON.parse(line) as RelayAnswer),
      );
    }
    this.#closed = new Promise((resolve) => {
      const close = (why: string, isKilled = false): void => {
        this.ended = true;
        for (const { reject } of this.#waiting.splice(0)) reject(this.#error(why));
        resolve();
        onEnd(isKilled);
      };
      this.#child.on("error", (error) => close(error.message));
      this.#child.on("close", (status, signal) =>
        close(`ended with ${signal ?? `exit status ${status}`}`, signal !== null),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(request: RelayRequest): Promise<RelayAnswer> {
    if (this.ended) return Promise.reject(this.#error("has ended"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#error("gave no answer")), ANSWER_MS);
      const settle =
        <T>(give: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          give(value);
        };
      this.#waiting.push({ resolve: settle(resolve), reject: settle(reject) });
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends it by the end of its input. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), ANSWER_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  #error(why: string): CommandError {
    return new CommandError(this.#command, undefined, `the relay of links ${why}`, this.#stderr);
  }
}
