import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { CommandResult } from "../../src/lab/command.ts";
import type { LinkEnd } from "../../src/lab/links/bypass.ts";
import type { LinkChange, LinkControlOptions, LinkReport } from "../../src/lab/links/link-control.ts";

/** The program that has the links, which a command of a lab may start too. */
export const LINK_BED = fileURLToPath(new URL("link-bed.mjs", import.meta.url));

/** A port of a node, or of the segment. */
export type BedPort = readonly [node: string, port: string];

/** The link of node a of the bed; node b is its neighbour. */
export const linkOfA: LinkEnd = { segmentNamespace: "segment", farDevice: "to-a" };

const own = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** Nodes at a segment in namespaces that end with this object, and link-bed.mjs, which has their links. */
export class LinkBed {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #id = 0;

  private constructor(child: ChildProcess, ready: () => void) {
    this.#child = child;
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    this.#ended = new Promise((resolve) =>
      child.on("close", () => {
        for (const { reject } of this.#waiting.values())
          reject(new Error(`the bed of links ended: ${stderr}`));
        resolve();
      }),
    );
    if (child.stdout === null) throw new Error("the bed of links has no output");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line);
      if (id === undefined) return ready();
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
  }

  /** Makes it; `bridge` are options of the bridge. With `user`, in a user namespace, as without root. */
  static make({ user = false, bridge = "" } = {}): Promise<LinkBed> {
    const words = [...(user ? ["--user", "--map-root-user"] : []), ...own];
    return LinkBed.attach(spawn("unshare", [...words, process.execPath, LINK_BED, bridge]));
  }

  /** The bed that a process is, which runs LINK_BED. */
  static async attach(child: ChildProcess): Promise<LinkBed> {
    let bed: LinkBed | undefined;
    await new Promise<void>((resolve, reject) => {
      bed = new LinkBed(child, resolve);
      void bed.#ended.then(() => reject(new Error("the bed of links ended before it was ready")));
    });
    if (bed === undefined) throw new Error("the bed of links is not there");
    return bed;
  }

  /** Opens a LinkControl, which the other methods use by its name. */
  async open(name: string, options: LinkControlOptions = {}): Promise<void> {
    await this.#ask("open", name, options);
  }

  set(name: string, link: LinkEnd, change: LinkChange): Promise<LinkReport> {
    return this.#ask("set", name, link, change) as Promise<LinkReport>;
  }

  async prepare(name: string, link: LinkEnd): Promise<void> {
    await this.#ask("prepare", name, link);
  }

  async remove(name: string, link: LinkEnd): Promise<void> {
    await this.#ask("remove", name, link);
  }

  report(name: string): Promise<readonly LinkReport[]> {
    return this.#ask("report", name) as Promise<readonly LinkReport[]>;
  }

  relayPid(name: string): Promise<number> {
    return this.#ask("relayPid", name) as Promise<number>;
  }

  async close(name: string): Promise<void> {
    await this.#ask("close", name);
  }

  /** Runs a command in the bed's namespaces, of which nodes are others. */
  async run(...command: readonly string[]): Promise<CommandResult> {
    return (await this.#ask("run", command)) as CommandResult;
  }

  exec(node: string, ...command: readonly string[]): Promise<CommandResult> {
    return this.run("ip", "netns", "exec", node, ...command);
  }

  /** Sends frames into an interface; resolves to those of `wanted` that do not come out of another one. */
  crossing(
    from: BedPort,
    to: BedPort,
    sent: readonly string[],
    wanted: readonly string[],
  ): Promise<readonly string[]> {
    return this.#ask("crossing", from, to, sent, wanted) as Promise<readonly string[]>;
  }

  #ask(task: string, ...words: readonly unknown[]): Promise<unknown> {
    const id = this.#id++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, task, words })}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
