import { resolve } from "node:path";
import { allPids, commandLine, environmentOf, processStatus, startTime } from "./processes.ts";
import { isTopologyPath, topologyFile, topologyName } from "./topology-files.ts";

/**
 * The labs that are up, found by their first processes. There are no files about them that could be wrong,
 * get lost or stay behind.
 */

/** The words of the command that is the first process of a lab; the path of its topology follows. */
export const HOLD = ["lab", "inside", "hold"] as const;

/**
 * Environment variable that names a set of labs: commands see only labs of the same set. Tests that run at
 * once have one each.
 */
export const LABS_VARIABLE = "WIRESPAN_LABS";

/** A lab that is up, or about to be. */
export interface RunningLab {
  readonly name: string;
  /** Absolute path of its topology: two labs with one name are told apart by it. */
  readonly path: string;
  /** First process of the lab's pid namespace, by the pid that it has here. */
  readonly pid: number;
  /** The start time of that process. */
  readonly started: string;
  /** The process that made the namespaces, and is in some of them. */
  readonly maker: number;
  /** The start time of that one. */
  readonly makerStarted: string | undefined;
}

/** The labs of this user and set, the oldest first. */
export function runningLabs(): readonly RunningLab[] {
  const labs = allPids().flatMap((pid) => labOf(pid) ?? []);
  return labs.sort((a, b) => Number(a.started) - Number(b.started) || a.pid - b.pid);
}

/** The lab whose first process this is. */
function labOf(pid: number): RunningLab | undefined {
  const words = commandLine(pid);
  const at = words.findIndex((_, index) => HOLD.every((word, offset) => words[index + offset] === word));
  const path = at < 0 ? undefined : words[at + HOLD.length];
  if (path === undefined) return undefined;
  const status = processStatus(pid);
  if (status === undefined || status.uid !== process.getuid?.()) return undefined;
  const isFirst = status.pids.length > 1 && status.pids.at(-1) === 1;
  if (!isFirst || environmentOf(pid, LABS_VARIABLE) !== process.env[LABS_VARIABLE]) return undefined;
  const started = startTime(pid);
  if (started === undefined) return undefined;
  const maker = status.parent;
  return { name: topologyName(path), path, pid, started, maker, makerStarted: startTime(maker) };
}

/** Whether the first process of a lab is still there. */
export function isRunning({ pid, started }: RunningLab): boolean {
  return startTime(pid) === started;
}

/** The lab of the topology at this path. */
export function labAt(path: string): RunningLab | undefined {
  return runningLabs().find((lab) => lab.path === path);
}

/** The lab of that name or path. Throws where there is none, and where a name could mean several. */
export function requireLab(nameOrPath: string): RunningLab {
  const [lab, ...others] = labsCalled(nameOrPath, runningLabs());
  if (lab === undefined)
    throw new Error(`find lab ${nameOrPath}: it is not up; bring it up: wirespan lab up ${nameOrPath}`);
  if (others.length > 0) throw new Error(ambiguity(nameOrPath, [lab, ...others]));
  return lab;
}

/**
 * The path of the topology that a test is of: that of the lab of this name that is up, else that of the
 * package's topology, or of the file. Throws where there is none, and where a name could mean several labs.
 */
export function testedPath(nameOrPath: string, labs: readonly RunningLab[] = runningLabs()): string {
  const [lab, ...others] = isTopologyPath(nameOrPath) ? [] : labsCalled(nameOrPath, labs);
  if (lab === undefined) return topologyFile(nameOrPath);
  if (others.length > 0) throw new Error(ambiguity(nameOrPath, [lab, ...others]));
  return lab.path;
}

/** The labs that a name or a path may mean. */
export function labsCalled(nameOrPath: string, labs: readonly RunningLab[]): readonly RunningLab[] {
  if (!isTopologyPath(nameOrPath)) return labs.filter(({ name }) => name === nameOrPath);
  const path = resolve(nameOrPath);
  return labs.filter((lab) => lab.path === path);
}

function ambiguity(name: string, labs: readonly RunningLab[]): string {
  const paths = labs.map(({ path }) => path).join(", ");
  return `find lab ${name}: ${labs.length} labs of that name are up; give the path of one: ${paths}`;
}
