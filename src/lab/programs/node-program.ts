import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { errnoOf } from "../../os/errors.ts";
import { inNodeWithNames } from "../nodes.ts";

/** Time that a program has to end by itself after a signal. */
const END_MS = 10_000;

const SUCCESS = "exit status 0";

/** What a program of a node is started with. */
export interface ProgramSettings {
  /** Name of the node that it runs in. */
  readonly node: string;
  /** What it is: "wirespan", "run", "dnsmasq", the name of one of FRR's daemons. */
  readonly name: string;
  readonly command: readonly string[];
  /** Path of the file that its output is appended to. */
  readonly log: string;
  /** Its working directory; default that of this process. */
  readonly folder?: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Writes the files that it reads, before each start. */
  readonly prepare?: () => void;
  /** Whether it may end by itself with status 0, such as a script that has done its work; default false. */
  readonly mayEnd?: boolean;
  /** A file that it makes once it does its work. */
  readonly upFile?: string;
  /** Whether it is started only once the node's other programs are up; default false. */
  readonly waitsForOthers?: boolean;
  /** Whether it does its work; default: once there is its file, or as soon as it runs where it makes none. */
  readonly isUp?: () => Promise<boolean>;
}

/**
 * State of a program: `off` before its first start, `running`, `stopped` by the lab, or `ended` without being
 * asked to.
 */
export type ProgramState = "off" | "running" | "stopped" | "ended";

/**
 * A program in a node, with a process group of its own, which can be started and stopped any number of times.
 */
export class NodeProgram {
  readonly #settings: ProgramSettings;
  readonly #changed: (program: NodeProgram) => void;
  #child: ChildProcess | undefined;
  #closed: Promise<void> = Promise.resolve();
  #state: ProgramState = "off";
  #ending: string | undefined;

  /** `changed` is called after each start, and each end. */
  constructor(settings: ProgramSettings, changed: (program: NodeProgram) => void = () => {}) {
    this.#settings = settings;
    this.#changed = changed;
  }

  get node(): string {
    return this.#settings.node;
  }

  get name(): string {
    return this.#settings.name;
  }

  get waitsForOthers(): boolean {
    return this.#settings.waitsForOthers === true;
  }

  /** Path of the file with its output. */
  get log(): string {
    return this.#settings.log;
  }

  get state(): ProgramState {
    return this.#state;
  }

  /** Its process, while it runs. */
  get pid(): number | undefined {
    return this.#state === "running" ? this.#child?.pid : undefined;
  }

  /** How it ended by itself, such as "exit status 1"; undefined in any other state. */
  get ending(): string | undefined {
    return this.#state === "ended" ? this.#ending : undefined;
  }

  /** Whether it ended by itself and should not have. */
  get hasFailed(): boolean {
    return this.#state === "ended" && !this.#isDone;
  }

  get #isDone(): boolean {
    return this.#settings.mayEnd === true && this.#ending === SUCCESS;
  }

  /** Starts it; does nothing while it runs. A program that cannot be started has ended, with the reason. */
  start(): void {
    if (this.#state === "running") return;
    const { node, command, log, folder, environment, prepare, upFile } = this.#settings;
    prepare?.();
    if (upFile !== undefined) rmSync(upFile, { force: true });
    const output = openSync(log, "a", 0o600);
    const [file = "", ...words] = inNodeWithNames(node, ...command);
    const child = spawn(file, words, {
      stdio: ["ignore", output, output],
      // A group of its own: what it starts gets the same signals.
      detached: true,
      env: { ...process.env, ...environment },
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    closeSync(output);
    this.#child = child;
    this.#state = "running";
    this.#closed = new Promise((resolve) => {
      const end = (how: string): void => {
        if (this.#state === "running") this.#state = "ended";
        this.#ending = how;
        this.#changed(this);
        resolve();
      };
      child.on("error", ({ message }) => end(`start ${command[0]}: ${message}`));
      child.on("close", (status, signal) =>
        end(signal === null ? `exit status ${status}` : `ended by ${signal}`),
      );
    });
    if (child.pid !== undefined) this.#changed(this);
  }

  /** Whether it runs and does its work, or has done it. */
  async isUp(): Promise<boolean> {
    if (this.#state !== "running") return this.#state === "ended" && this.#isDone;
    const { isUp, upFile } = this.#settings;
    return isUp === undefined ? upFile === undefined || existsSync(upFile) : await isUp();
  }

  /** Resolves once it has ended, however it does; at once while it does not run. */
  ended(): Promise<void> {
    return this.#closed;
  }

  /** Ends it and what it started; by SIGKILL where it has not ended after ten seconds. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const running = this.#state === "running";
    if (this.#state !== "off") this.#state = "stopped";
    // What it started may go on after it.
    this.#signal(signal);
    if (!running) return;
    const timer = setTimeout(() => this.#signal("SIGKILL"), END_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
}
