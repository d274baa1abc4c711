import { existsSync, readdirSync, readFileSync } from "node:fs";
import { allPids, commandLine, environmentOf, processStatus } from "../../src/lab/processes.ts";
import { LABS_VARIABLE } from "../../src/lab/running.ts";

/** What labs may leave on this machine, and where to look for it. */

/** A process of a set of labs. */
export interface LabProcess {
  readonly pid: number;
  readonly words: readonly string[];
}

/** All processes of a set of labs that run, in the labs and beside them. */
export function processesOf(labs: string): readonly LabProcess[] {
  return allPids()
    .filter((pid) => environmentOf(pid, LABS_VARIABLE) === labs && processStatus(pid)?.isZombie === false)
    .map((pid) => ({ pid, words: commandLine(pid) }));
}

const FOLDERS = ["/run/netns", "/sys/class/net", "/sys/fs/bpf"];

/**
 * Of other tests, which run beside this one: their namespaces, with mounts and ends of pairs, have names that
 * begin with `ws`, and daemons in them pin in the machine's own bpf file system. Labs have theirs apart.
 */
const ofOtherTests = /\/run\/netns\/ws|\/sys\/class\/net\/ws|\/sys\/fs\/bpf\/wirespan$/;

/** What this machine has, outside all namespaces of labs, of the kinds of things that labs make. */
export function machineState(): readonly string[] {
  const files = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).map((name) => `${folder}/${name}`),
  );
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
  return [...files, ...mounts].filter((line) => !ofOtherTests.test(line));
}
