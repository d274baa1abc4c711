import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ignoreErrno } from "../os/errors.ts";
import type { LabOptions, Print, TestOptions } from "./inside.ts";
import { inNewNamespaces, isRoot, onTerminal, whileThisRuns } from "./namespaces.ts";
import { inNode, lcceOf, RUN, socketOf } from "./nodes.ts";
import type { Topology } from "./topology.ts";
import { until } from "./until.ts";

/**
 * Labs as commands. Everything of a lab is made inside new network, mount and pid namespaces (and a user
 * namespace without root): when its first process ends, nothing is left.
 */

const MAIN = fileURLToPath(new URL("../cli/main.js", import.meta.url));
const SHUT_DOWN_MS = 10_000;

/** A lab that is up, as recorded in its state file. */
interface RunningLab {
  readonly name: string;
  /** As given to `up`: a name or the path of a file. */
  readonly topology: string;
  /** First process of the lab's namespaces. */
  readonly pid: number;
  /** Its start time in clock ticks since boot, which tells it from a later process with the same pid. */
  readonly started: string;
}

/** The part of a lab that runs inside new namespaces, as a command. */
function newLab(...args: readonly string[]): readonly string[] {
  return inNewNamespaces([process.execPath, MAIN, "lab", "inside", ...args]);
}

/** The command that runs inside the namespaces of a lab that is up. */
function namespacesOf(lab: RunningLab, ...args: readonly string[]): readonly string[] {
  const user = isRoot ? [] : ["--user", "--preserve-credentials"];
  const here = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", process.cwd()];
  return [
    "nsenter",
    "--target",
    `${lab.pid}`,
    ...user,
    "--net",
    "--mount",
    "--pid",
    "--root",
    "--",
    ...here,
    ...args,
  ];
}

/** Checks that a topology works: in the lab that is up, else in one made for it. Resolves to an exit code. */
export async function testLab(topology: string, { capture, plane }: TestOptions): Promise<number> {
  const lab = findLab((await readTopology(topology)).name);
  if (lab !== undefined) {
    if (capture !== undefined)
      throw new Error("capture a lab that is up: take it down first, or run tcpdump in its node wan");
    return onTerminal(
      namespacesOf(lab, process.execPath, MAIN, "lab", "inside", "check", absolute(topology)),
    );
  }
  const args = [...(capture === undefined ? [] : ["--capture", resolve(capture)]), ...planeArguments(plane)];
  return onTerminal(whileThisRuns(newLab("test", absolute(topology), ...args)));
}

function planeArguments(plane: string | undefined): readonly string[] {
  return plane === undefined ? [] : ["--plane", plane];
}

/** Builds a topology that stays until `downLab`; resolves once its sessions are up. */
export async function upLab(nameOrPath: string, { plane }: LabOptions, print: Print): Promise<void> {
  const topology = absolute(nameOrPath);
  const wanted = await readTopology(topology);
  const { name } = wanted;
  if (findLab(name) !== undefined)
    throw new Error(`bring lab ${name} up: it is up already; see: wirespan lab list`);
  const log = openSync(join(stateFolder(), `${name}.log`), "w", 0o600);
  const [file = "", ...args] = newLab("hold", topology, ...planeArguments(plane));
  const child = spawn(file, args, { stdio: ["ignore", "pipe", log], detached: true });
  closeSync(log);
  const { stdout } = child;
  if (stdout === null) throw new Error(`bring lab ${name} up: unshare has no output`);
  const problem = await new Promise<string | undefined>((done, reject) => {
    child.on("error", (error) => reject(new Error(`start unshare: ${error.message}; install util-linux`)));
    child.on("exit", () =>
      reject(
        new Error(`bring lab ${name} up: ${readFileSync(join(stateFolder(), `${name}.log`), "utf8").trim()}`),
      ),
    );
    createInterface({ input: stdout }).on("line", (line) =>
      done((JSON.parse(line) as { problem?: string }).problem),
    );
  });
  const pid = childOf(child.pid ?? 0);
  if (pid === undefined) throw new Error(`bring lab ${name} up: it ended at once`);
  const lab: RunningLab = { name, topology, pid, started: startOf(pid) ?? "" };
  writeFileSync(join(stateFolder(), `${name}.json`), JSON.stringify(lab), { mode: 0o600 });
  stdout.destroy();
  child.unref();
  if (problem !== undefined) throw new Error(`bring lab ${name} up: ${problem}`);
  print(`lab ${name} is up. Its nodes: ${nodesOf(wanted).join(", ")}`);
  print(`  wirespan lab exec ${name} NODE COMMAND...   run a command in a node`);
  for (const site of Object.keys(wanted.sites))
    print(`  wirespan lab exec ${name} ${lcceOf(site)} wirespan status --socket ${socketOf(site)}`);
  print(`  wirespan lab test ${name}                   check that it works`);
  print(`  wirespan lab down ${name}                   take it down`);
}

/** Takes a lab down: its daemons close their control connections, then everything of it ends. */
export async function downLab(name: string): Promise<void> {
  const lab = requireLab(name);
  process.kill(lab.pid, "SIGTERM");
  const ended = await until(() => Promise.resolve(startOf(lab.pid) !== lab.started), SHUT_DOWN_MS);
  if (!ended) process.kill(lab.pid, "SIGKILL");
  rmSync(join(stateFolder(), `${lab.name}.json`), { force: true });
}

/** Runs a command in a node of a lab that is up; resolves to its exit code. */
export function execLab(name: string, node: string, command: readonly string[]): Promise<number> {
  const nodes = readdirSync(join("/proc", `${firstProcess(name)}`, "root", RUN, "netns")).sort();
  if (!nodes.includes(node))
    throw new Error(`run a command in node ${node} of lab ${name}: there are ${nodes.join(", ")}`);
  return onTerminal(atNode(name, node, command));
}

/** A command of this machine that runs another one in a node of a lab that is up. */
export function atNode(name: string, node: string, command: readonly string[]): readonly string[] {
  return namespacesOf(requireLab(name), ...inNode(node, ...command));
}

/** The pid of the first process of a lab that is up, which sees the lab's own mounts, such as /run. */
export function firstProcess(name: string): number {
  return requireLab(name).pid;
}

/** The labs that are up. */
export function runningLabs(): readonly string[] {
  const files = readdirSync(stateFolder()).filter((file) => file.endsWith(".json"));
  return files.map((file) => file.replace(/\.json$/, "")).filter((name) => findLab(name) !== undefined);
}

/** Imported late: it takes long, and most commands need only a lab's name. */
async function readTopology(nameOrPath: string): Promise<Topology> {
  return (await import("./topology.ts")).readTopology(nameOrPath);
}

function nodesOf({ sites }: Topology): readonly string[] {
  const ofSites = Object.entries(sites).flatMap(([site, { hosts }]) => [
    `lcce-${site}`,
    `switch-${site}`,
    ...Object.keys(hosts),
  ]);
  return [...ofSites, "wan"];
}

function absolute(topology: string): string {
  return /\.ya?ml$/.test(topology) ? resolve(topology) : topology;
}

function requireLab(nameOrPath: string): RunningLab {
  const name = basename(nameOrPath).replace(/\.ya?ml$/, "");
  const lab = findLab(name);
  if (lab === undefined)
    throw new Error(`find lab ${name}: it is not up; bring it up: wirespan lab up ${name}`);
  return lab;
}

function findLab(name: string): RunningLab | undefined {
  let lab: RunningLab;
  try {
    lab = JSON.parse(readFileSync(join(stateFolder(), `${name}.json`), "utf8")) as RunningLab;
  } catch (error) {
    // Not there, or just being written.
    if (!(error instanceof SyntaxError)) ignoreErrno(error);
    return undefined;
  }
  return startOf(lab.pid) === lab.started ? lab : undefined;
}

/** Directory of the state files of labs that are up, accessible to us alone. */
function stateFolder(): string {
  const folder = join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `wirespan-lab-${process.getuid?.()}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new Error(`use ${folder}: it belongs to, or is open to, somebody else; remove it`);
  }
  return folder;
}

/** Fields of /proc/PID/stat after the name: state, parent, ...; undefined when there is no such process. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch (error) {
    ignoreErrno(error);
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat?.[0] === "Z" ? undefined : stat?.[19];
}

function childOf(parent: number): number | undefined {
  const pids = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  return pids.find((pid) => statOf(pid)?.[1] === String(parent));
}
