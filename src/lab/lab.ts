import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ignoreErrno } from "../os/errors.ts";
import type { TestOptions } from "./inside.ts";
import { inNamespacesOf, inNewNamespaces, onTerminal, ownCommand, whileThisRuns } from "./namespaces.ts";
import { inNodeWithNames, nodeEnvironment, RUN, SHELL_START } from "./nodes.ts";
import { optionWords } from "./options.ts";
import { startTime } from "./processes.ts";
import { resultWords } from "./result-options.ts";
import { isRunning, labAt, type RunningLab, requireLab, testedPath } from "./running.ts";
import { until } from "./until.ts";

/**
 * Labs as commands. Everything of a lab is made inside new network, mount and pid namespaces (and a user
 * namespace without root): when its first process ends, nothing is left.
 */

const SHUT_DOWN_MS = 10_000;

/** Checks that a topology works: in the lab that is up, else in one made for it. Resolves to an exit code. */
export async function testLab(
  nameOrPath: string,
  { capture, keep = false, ...others }: TestOptions & { readonly keep?: boolean },
): Promise<number> {
  const words = [...optionWords(others), ...resultWords(others)];
  const path = testedPath(nameOrPath);
  if (keep && labAt(path) === undefined) {
    // Imported late: it takes long, and without `keep` the process inside alone reads the topology.
    const { readTopology } = await import("./format/read.ts");
    const { startLab } = await import("./up.ts");
    // What has not come up is a result of the test.
    await startLab(readTopology(path), others, () => {});
  }
  const lab = labAt(path);
  if (lab !== undefined) {
    if (capture !== undefined)
      throw new Error(
        "capture a lab that is up: take it down first, and leave --keep out; or use wirespan lab capture",
      );
    return onTerminal(inNamespacesOf(lab.pid, ownCommand("lab", "inside", "check", path, ...words)));
  }
  const options = [...(capture === undefined ? [] : ["--capture", resolve(capture)]), ...words];
  return onTerminal(
    whileThisRuns(inNewNamespaces(ownCommand("lab", "inside", "test", path, ...options))),
    "pipe",
  );
}

/** Takes a lab down: its daemons close their control connections, then everything of it ends. */
export async function downLab(nameOrPath: string): Promise<void> {
  const lab = requireLab(nameOrPath);
  signal(lab, "SIGTERM");
  if (!(await until(() => Promise.resolve(!isRunning(lab)), SHUT_DOWN_MS))) signal(lab, "SIGKILL");
  // The process that made the namespaces is in some of them.
  const { maker, makerStarted } = lab;
  await until(() => Promise.resolve(startTime(maker) !== makerStarted), SHUT_DOWN_MS);
}

function signal(lab: RunningLab, name: NodeJS.Signals): void {
  try {
    if (isRunning(lab)) process.kill(lab.pid, name);
  } catch (error) {
    // It has just ended.
    ignoreErrno(error);
  }
}

/** Runs a command in a node of a lab that is up; resolves to its exit code. */
export function execLab(nameOrPath: string, node: string, command: readonly string[]): Promise<number> {
  return onTerminal(inLab(labWith(nameOrPath, node), node, command));
}

/** Opens a shell in a node of a lab that is up, whose prompt names the node; resolves to its exit code. */
export function shellInLab(nameOrPath: string, node: string): Promise<number> {
  const lab = labWith(nameOrPath, node);
  const named = ["env", `WIRESPAN_NODE=${lab.name} ${node}`, `ENV=${SHELL_START}`];
  const start = `command -v bash >/dev/null && exec bash --rcfile ${SHELL_START} -i || exec sh -i`;
  return onTerminal(inLab(lab, node, [...named, "sh", "-c", start]));
}

/** The lab of a name or path, which has a node. Throws where it has none of that name. */
function labWith(nameOrPath: string, node: string): RunningLab {
  const lab = requireLab(nameOrPath);
  const nodes = namespacesIn(lab);
  if (!nodes.includes(node))
    throw new Error(`run a command in node ${node} of lab ${lab.name}: there are ${nodes.join(", ")}`);
  return lab;
}

/** Names of the nodes and segments of a lab that is up. */
export function namespacesIn({ pid }: RunningLab): readonly string[] {
  const names = readdirSync(join("/proc", `${pid}`, "root", RUN, "netns"));
  // Those of the lab's own begin with a dot.
  return names.filter((name) => !name.startsWith(".")).sort();
}

/** A command of this machine that runs another one in a node of a lab that is up. */
export function inLab(lab: RunningLab, node: string, command: readonly string[]): readonly string[] {
  const variables = Object.entries(nodeEnvironment(node, lab.path)).map(
    ([name, value]) => `${name}=${value}`,
  );
  return inNamespacesOf(lab.pid, ["env", ...variables, ...inNodeWithNames(node, ...command)]);
}

/** As `inLab`, in the lab of that name or path. */
export function atNode(nameOrPath: string, node: string, command: readonly string[]): readonly string[] {
  return inLab(requireLab(nameOrPath), node, command);
}

/** The pid of the first process of a lab that is up, which sees the lab's own mounts, such as /run. */
export function firstProcess(nameOrPath: string): number {
  return requireLab(nameOrPath).pid;
}
