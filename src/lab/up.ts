import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";
import { readConfigurations } from "./drawing/configurations.ts";
import { textDrawing } from "./drawing/text-drawing.ts";
import { readTopology } from "./format/read.ts";
import { namespacesOf, type Topology, wirespansOf } from "./format/topology.ts";
import type { LabOptions, Print } from "./inside.ts";
import { inNewNamespaces, ownCommand, WAITS_DESCRIPTOR, whileStarterWaits } from "./namespaces.ts";
import { optionWords } from "./options.ts";
import { processStatus } from "./processes.ts";
import { HOLD, labAt } from "./running.ts";
import { type LabMessage, STAY } from "./starter.ts";

/** Labs that stay: the command that starts one, and leaves it. */

/** How `lab up` tells what it does. */
export interface UpOutput {
  readonly print: Print;
  /** What of the topology may be a mistake. */
  readonly warn: Print;
  /** Shows what has come up so far, in place of what was shown before; undefined takes it away. */
  readonly progress: (text: string | undefined) => void;
}

/**
 * Builds a topology that stays until it is taken down; resolves once its sessions are up. Where they do not
 * come up it stays too, and this rejects with the reasons.
 */
export async function upLab(nameOrPath: string, options: LabOptions, output: UpOutput): Promise<void> {
  const topology = readTopology(nameOrPath, output.warn);
  const problems = await startLab(topology, options, output.progress);
  if (problems.length > 0) throw new Error(complaint(topology, problems));
  output.print(textDrawing(topology, readConfigurations(topology)));
  for (const line of usage(topology)) output.print(line);
}

/** Builds a topology that stays until it is taken down; resolves to what of its sessions did not come up. */
export async function startLab(
  topology: Topology,
  options: LabOptions,
  progress: UpOutput["progress"],
): Promise<readonly string[]> {
  const { name, file: path } = topology;
  if (labAt(path) !== undefined)
    throw new Error(`bring lab ${name} up: it is up already; see: wirespan lab status ${name}`);
  const lab = inNewNamespaces(ownCommand(...HOLD, path, ...optionWords(options)));
  const [program = "", ...words] = whileStarterWaits(STAY.trim(), lab);
  const stdio: "pipe"[] = ["pipe", "pipe", "pipe", "pipe"];
  const starting = spawn(program, words, { stdio, detached: true }) as ChildProcessWithoutNullStreams;
  const problems = await problemsOf(starting, name, progress).finally(() => progress(undefined));
  const first = labAt(path);
  if (first !== undefined && processStatus(first.pid)?.parent !== starting.pid) {
    starting.stdin.end();
    throw new Error(`bring lab ${name} up: another command brought it up meanwhile`);
  }
  await leave(starting);
  return problems;
}

/**
 * What has not come up in a lab that stands. Rejects with the last words of its processes where they end
 * instead.
 */
function problemsOf(
  starting: ChildProcessWithoutNullStreams,
  name: string,
  progress: UpOutput["progress"],
): Promise<readonly string[]> {
  let errors = "";
  starting.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: starting.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as LabMessage;
      if (message.isReady === true) resolve(message.problems);
      else progress(message.progress);
    });
    starting.on("error", (error) =>
      reject(new Error(`start unshare: ${error.message}; it is of the package util-linux`)),
    );
    starting.on("close", (_, signal) => {
      const said = errors.trim().replace(/^wirespan: /, "");
      const silent = signal === null ? "it was taken down, or killed" : `it was ended by ${signal}`;
      reject(new Error(`bring lab ${name} up: ${said === "" ? silent : said}`));
    });
  });
}

/** Tells a lab to stay, and lets go of it: this process can end without it. */
async function leave(starting: ChildProcessWithoutNullStreams): Promise<void> {
  for (const pipe of [starting.stdio[WAITS_DESCRIPTOR] as Writable, starting.stdin])
    await new Promise<void>((resolve) => pipe.end(STAY, () => resolve()));
  starting.stdout.destroy();
  starting.stderr.destroy();
  starting.unref();
}

function complaint({ name }: Topology, problems: readonly string[]): string {
  return [
    `bring lab ${name} up: it stands, but not everything in it came up:`,
    ...problems.map((problem) => `  ${problem}`),
    "It stays up. To look closer, and to end it:",
    `  wirespan lab status ${name}`,
    `  wirespan lab logs ${name}`,
    `  wirespan lab down ${name}`,
  ].join("\n");
}

/** How to use a lab that is up. */
function usage(topology: Topology): readonly string[] {
  const { name } = topology;
  const [daemon] = wirespansOf(topology);
  return [
    `lab ${name} is up. Its nodes: ${namespacesOf(topology).join(", ")}`,
    `  wirespan lab status ${name}                 what there is, and what is not up`,
    `  wirespan lab exec ${name} NODE COMMAND...   run a command in a node`,
    ...(daemon === undefined ? [] : [`  wirespan lab exec ${name} ${daemon.name} wirespan status`]),
    `  wirespan lab test ${name}                   check that it works`,
    `  wirespan lab down ${name}                   take it down`,
  ];
}
