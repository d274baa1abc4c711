import { type ChildProcess, spawn } from "node:child_process";
import { CommandError } from "./command.ts";
import { inNode } from "./nodes.ts";

const READY_MS = 10_000;

/**
 * A capture of everything that crosses the WAN, written to a file by tcpdump from the moment `start`
 * resolves.
 */
export class Capture {
  readonly #tcpdump: ChildProcess;

  private constructor(tcpdump: ChildProcess) {
    this.#tcpdump = tcpdump;
  }

  /** Rejects with CommandError, such as when tcpdump is not installed. */
  static async start(file: string): Promise<Capture> {
    const command = inNode("wan", "tcpdump", "-i", "bridge", "-U", "-s0", "-Z", "root", "-w", file);
    const [program = "", ...words] = command;
    const tcpdump = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      let output = "";
      const fail = (why: string) =>
        reject(new CommandError(command, undefined, `${why}; is tcpdump installed?`, output));
      const timer = setTimeout(() => fail("took too long"), READY_MS);
      tcpdump.stderr?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (!output.includes("listening on")) return;
        clearTimeout(timer);
        resolve();
      });
      tcpdump.on("error", (error) => fail(error.message));
      tcpdump.on("exit", (code) => fail(`exit status ${code}`));
    });
    return new Capture(tcpdump);
  }

  /** Ends tcpdump; the file is complete then. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#tcpdump.on("exit", resolve));
    this.#tcpdump.kill("SIGINT");
    await ended;
  }
}
