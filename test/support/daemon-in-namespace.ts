import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askReload, askStatus } from "../../src/daemon/api-client.ts";
import type { PseudowireStatus, ReloadReport, StatusReport } from "../../src/daemon/status.ts";
import { eventually, MAIN } from "./lab.ts";

export interface DaemonOptions {
  /** A command that runs it. */
  readonly prefix?: readonly string[];
  /** Variables beside those of the test. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder, with the control socket, of an earlier one that ended; by default one of its own. */
  readonly folder?: string;
  /** What is done to its folder before it starts. */
  readonly before?: (folder: string) => void;
}

/**
 * A daemon of its own in a network namespace that a test made, with its file and control socket in a folder
 * of its own.
 */
export class DaemonInNamespace {
  readonly folder: string;
  readonly socket: string;
  /** Resolves to its exit code once it ended and its log was read; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  #log = "";

  private constructor(
    namespace: string,
    config: object,
    { prefix = [], environment, before, folder }: DaemonOptions,
  ) {
    this.folder = folder ?? mkdtempSync(join(tmpdir(), "wirespan-daemon-"));
    this.socket = join(this.folder, "control.sock");
    this.write(config);
    before?.(this.folder);
    const words = [...prefix, process.execPath, MAIN, "run", "-c", join(this.folder, "wirespan.yaml")];
    // Its mount namespace stays that of the test, so that pins have the file system that all see.
    this.#process = spawn("nsenter", [`--net=/run/netns/${namespace}`, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.ended = new Promise((resolve) => this.#process.once("close", resolve));
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on("data", (chunk) => {
        this.#log += String(chunk);
      });
  }

  /** Starts it and waits until it answers. */
  static async start(
    namespace: string,
    config: object,
    options: DaemonOptions = {},
  ): Promise<DaemonInNamespace> {
    const daemon = new DaemonInNamespace(namespace, config, options);
    try {
      await eventually("the daemon answers", async () => {
        if (daemon.#process.exitCode !== null) throw new Error(`the daemon ended: ${daemon.log}`);
        return daemon.status().then(
          () => true,
          () => false,
        );
      });
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  /** All that it wrote so far. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  status(): Promise<StatusReport> {
    return askStatus(this.socket);
  }

  async pseudowire(name: string): Promise<PseudowireStatus> {
    const found = (await this.status()).pseudowires.find((pseudowire) => pseudowire.name === name);
    if (found === undefined) throw new Error(`no pseudowire ${name}`);
    return found;
  }

  /** Writes another configuration, but for the control socket, which is its own; its host name is "here". */
  write(config: object): void {
    const { lcce } = config as { readonly lcce?: object };
    const own = { ...config, lcce: { host_name: "here", ...lcce, control_socket: this.socket } };
    writeFileSync(join(this.folder, "wirespan.yaml"), JSON.stringify(own));
  }

  reload(config: object): Promise<ReloadReport> {
    this.write(config);
    return askReload(this.socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
