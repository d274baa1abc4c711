import { readdirSync, readFileSync } from "node:fs";
import { errnoOf } from "../os/errors.ts";

/** What /proc tells of the processes of this machine. */

/** TABLE: why a file of a process cannot be read: it ended, or it is somebody else's. */
const notToBeRead = ["ENOENT", "ESRCH", "EACCES", "EPERM"];

/** A file of a process; undefined where it has ended, or is not ours. Throws whatever else is wrong. */
function processFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (!notToBeRead.includes(errnoOf(error))) throw error;
    return undefined;
  }
}

/** The pids of all processes. */
export function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** A process as its /proc/PID/status has it. */
export interface ProcessStatus {
  readonly parent: number;
  readonly uid: number;
  /** Its pid in each pid namespace, from ours to its own. */
  readonly pids: readonly number[];
  readonly isZombie: boolean;
}

/** The status of a process; undefined where it has ended. */
export function processStatus(pid: number): ProcessStatus | undefined {
  const text = processFile(pid, "status");
  if (text === undefined) return undefined;
  const words = (field: string): readonly string[] =>
    new RegExp(`^${field}:\\s*(.*)$`, "m").exec(text)?.[1]?.split(/\s+/) ?? [];
  return {
    parent: Number(words("PPid")[0]),
    uid: Number(words("Uid")[0]),
    pids: words("NSpid").map(Number),
    isZombie: words("State")[0] === "Z",
  };
}

/** The words of a process's command line; none where it has ended. */
export function commandLine(pid: number): readonly string[] {
  return (processFile(pid, "cmdline") ?? "").split("\0").slice(0, -1);
}

/** The value of a variable in the environment that a process was started with. */
export function environmentOf(pid: number, variable: string): string | undefined {
  const entries = (processFile(pid, "environ") ?? "").split("\0");
  return entries.find((entry) => entry.startsWith(`${variable}=`))?.slice(variable.length + 1);
}

/**
 * When a process was started, in clock ticks since boot, which tells it from a later one with the same pid;
 * undefined where it has ended.
 */
export function startTime(pid: number): string | undefined {
  const text = processFile(pid, "stat");
  if (text === undefined) return undefined;
  // The name of the program stands in parentheses, and may hold any character.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
