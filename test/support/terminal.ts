import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MAIN } from "./lab.ts";

/** What a command printed, on both outputs, and its exit status. */
export interface Printed {
  readonly status: number | null;
  readonly text: string;
}

/** A folder in which commands are run as users type them, with `wirespan` in PATH. */
export class Terminal {
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(folder: string) {
    this.#folder = folder;
    const programs = join(folder, ".bin");
    mkdirSync(programs, { recursive: true });
    const wirespan = join(programs, "wirespan");
    writeFileSync(wirespan, `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
    chmodSync(wirespan, 0o755);
    this.#environment = { ...process.env, PATH: `${programs}:${process.env["PATH"]}` };
  }

  #spawn(commands: string): ChildProcess {
    const options = { cwd: this.#folder, env: this.#environment, detached: true } as const;
    return spawn("bash", ["-e", "-o", "pipefail", "-c", commands], { ...options, stdio: "pipe" });
  }

  /** Runs commands to their end; the first that fails is the last. */
  async run(commands: string): Promise<Printed> {
    const child = this.#spawn(commands);
    const text = collected(child);
    const [status] = (await once(child, "close")) as [number | null];
    return { status, text: text() };
  }

  /** Starts commands that go on until they are interrupted; resolves once they have printed a text. */
  async start(commands: string, ready: RegExp): Promise<RunningCommands> {
    const child = this.#spawn(commands);
    const text = collected(child);
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream?.on("data", () => {
          if (ready.test(text())) resolve();
        });
      child.on("close", () => reject(new Error(`${commands.trim()} ended: ${text()}`)));
    });
    return {
      interrupt: async () => {
        process.kill(-(child.pid ?? 0), "SIGINT");
        await once(child, "close");
      },
    };
  }
}

/** Commands that go on. */
export interface RunningCommands {
  /** Ends them as Ctrl-C does. */
  interrupt(): Promise<void>;
}

function collected(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  return () => text;
}
