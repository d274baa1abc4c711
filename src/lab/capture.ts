import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import type { CapturePoint } from "./capture-point.ts";
import { CommandError } from "./command.ts";
import { inNode } from "./nodes.ts";
import { filterWords, tcpdumpCommand } from "./tcpdump.ts";

const READY_MS = 10_000;
/** Time for what was sent last to pass the point, and to reach tcpdump. */
const LATE_MS = 300;

/** A tcpdump that runs at a point. */
class Tcpdump {
  readonly #child: ChildProcess;
  #said = "";

  constructor(command: readonly string[]) {
    const [program = "", ...words] = command;
    this.#child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
  }

  /** Rejects with CommandError, such as when tcpdump is not installed. */
  ready(command: readonly string[]): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new CommandError(command, undefined, why, this.#said));
      };
      const timer = setTimeout(() => fail("took too long; is tcpdump installed?"), READY_MS);
      this.#child.stderr?.on("data", () => {
        if (!this.#said.includes("listening on")) return;
        clearTimeout(timer);
        resolve();
      });
      this.#child.on("error", (error) => fail(error.message));
      this.#child.on("close", (code) => fail(endText(code, this.#said)));
    });
  }

  /** Ends it; resolves to what it said. */
  async end(): Promise<string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.on("close", resolve));
      this.#child.kill("SIGINT");
      await ended;
    }
    return this.#said;
  }
}

/** How tcpdump ended before it captured: what it says itself follows. */
export function endText(code: number | null, said: string): string {
  const isMissing = said.trim() === "" || said.includes("No such file or directory");
  return `exit status ${code}${isMissing ? "; is tcpdump installed?" : ""}`;
}

function tcpdumpAt({ node, device }: CapturePoint, ...words: readonly string[]): readonly string[] {
  return inNode(node, ...tcpdumpCommand("-i", device, "-n", "-s0", "--immediate-mode", ...words));
}

/**
 * A capture of everything that passes a point, or of what a filter of tcpdump takes, written to a file from
 * the moment `start` resolves.
 */
export class Capture {
  readonly #tcpdump: Tcpdump;

  private constructor(tcpdump: Tcpdump) {
    this.#tcpdump = tcpdump;
  }

  /** Rejects with CommandError, such as when tcpdump is not installed. */
  static async start(point: CapturePoint, file: string, filter = ""): Promise<Capture> {
    const command = tcpdumpAt(point, "-U", "-w", file, ...filterWords(filter));
    const tcpdump = new Tcpdump(command);
    await tcpdump.ready(command);
    return new Capture(tcpdump);
  }

  /** Ends tcpdump; the file is complete then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tcpdump.end();
  }
}

/** A count of the packets that pass a point and a filter of tcpdump. */
export class PacketCount {
  readonly #command: readonly string[];
  readonly #tcpdump: Tcpdump;

  private constructor(command: readonly string[], tcpdump: Tcpdump) {
    this.#command = command;
    this.#tcpdump = tcpdump;
  }

  /** Rejects with CommandError, such as for a filter that tcpdump does not understand. */
  static async start(point: CapturePoint, filter: string): Promise<PacketCount> {
    const command = tcpdumpAt(point, "-w", "-", ...filterWords(filter));
    const tcpdump = new Tcpdump(command);
    await tcpdump.ready(command);
    return new PacketCount(command, tcpdump);
  }

  /**
   * Ends it, and resolves to the number of packets. Rejects with CommandError where tcpdump did not count to
   * the end: somebody killed it.
   */
  async end(): Promise<number> {
    await pause(LATE_MS);
    const said = await this.#tcpdump.end();
    const count = /^(\d+) packets? captured/m.exec(said)?.[1];
    if (count === undefined) throw new CommandError(this.#command, undefined, "ended before the count", said);
    return Number(count);
  }
}
