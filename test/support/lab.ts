import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { askStatus } from "../../src/daemon/api-client.ts";
import type { PseudowireStatus, StatusReport } from "../../src/daemon/status.ts";
import { type CommandResult, run } from "../../src/lab/command.ts";
import { atNode, firstProcess } from "../../src/lab/lab.ts";

/** Exit statuses that a test looks at by itself. */
const ACCEPTED = [0, 1, 2, 3, 4];

/** The built command, as users run it. */
export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export function wirespan(...words: readonly string[]): Promise<CommandResult> {
  return run([process.execPath, MAIN, ...words], { accept: ACCEPTED, timeoutMs: 120_000 });
}

/** Waits until a condition holds; rejects, naming it, when `limitMs` are over. */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  limitMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await pause(20);
  }
}

/** Both planes carry the same frames. */
export const planes = ["userspace", "ebpf"] as const;

/**
 * A lab that is up for a test. Tests often use its nodes directly, not by the command, which has tests of its
 * own.
 */
export class Lab {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  /** `plane` is that of all daemons; default: what the topology says, and so the best that can be had. */
  static async up(topology: string, plane?: string): Promise<Lab> {
    const words = plane === undefined ? [] : ["--plane", plane];
    const { status, stderr } = await wirespan("lab", "up", topology, ...words);
    if (status !== 0) throw new Error(`lab up ${topology}: ${stderr}`);
    return new Lab(topology);
  }

  /** A path of the lab's own files, as this process sees it. */
  path(path: string): string {
    return join("/proc", `${firstProcess(this.#name)}`, "root", path);
  }

  exec(node: string, ...command: readonly string[]): Promise<CommandResult> {
    return run(atNode(this.#name, node, command), { accept: ACCEPTED, timeoutMs: 120_000 });
  }

  /** Runs a shell command with text for its standard input. */
  shell(node: string, command: string, input = ""): Promise<CommandResult> {
    return run(atNode(this.#name, node, ["sh", "-c", command]), { input, accept: ACCEPTED });
  }

  /** A program that goes on in a node beside the test. */
  spawn(node: string, ...command: readonly string[]): ChildProcess {
    const [file = "", ...words] = atNode(this.#name, node, command);
    return spawn(file, words, { stdio: "pipe" });
  }

  status(site: string): Promise<StatusReport> {
    return askStatus(this.path(`/run/wirespan-${site}.sock`));
  }

  async pseudowire(site: string, name: string): Promise<PseudowireStatus> {
    const found = (await this.status(site)).pseudowires.find((pseudowire) => pseudowire.name === name);
    if (found === undefined) throw new Error(`status at ${site}: no pseudowire ${name}`);
    return found;
  }

  /** The kinds of the segmenters at a site. */
  async segmenters(site: string): Promise<readonly string[]> {
    const { stdout } = await this.exec(`lcce-${site}`, "ip", "-json", "-details", "link", "show");
    const links = JSON.parse(stdout) as readonly { ifname: string; linkinfo?: { info_kind?: string } }[];
    return links
      .filter(({ ifname }) => ifname.startsWith("wsc"))
      .map(({ linkinfo }) => linkinfo?.info_kind ?? "");
  }

  async reaches(from: string, address: string): Promise<boolean> {
    return (await this.exec(from, "ping", "-q", "-c1", "-W1", address)).status === 0;
  }

  /** Waits until a ping passes: the first ones after a start may be lost. */
  async reached(from: string, address: string): Promise<void> {
    await eventually(`${from} reaches ${address}`, () => this.reaches(from, address));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await wirespan("lab", "down", this.#name);
  }
}

/** The output of a process until it ends. */
export function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve) => child.on("close", () => resolve(text)));
}
