import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTime } from "./processes.ts";

/**
 * Folders in the machine's temporary folder that belong to a process. The name says to which one, so that
 * what a process leaves that was killed is taken away by the next one.
 */

/** Pids are those of a pid namespace: that of a container is not known outside. */
function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
}

/** The beginning of the names of a process's folders. */
function prefixOf(pid: number, started: string | undefined): string {
  return `wirespan-of-${pidNamespace()}-${pid}-${started ?? ""}-`;
}

/** A new folder of this process, which takes it away again by `rmSync`. */
export function makeOwnFolder(): string {
  return mkdtempSync(join(tmpdir(), prefixOf(process.pid, startTime(process.pid))));
}

/** Takes away the folders of this user's processes that have ended. */
export function removeLeftFolders(): void {
  const own = new RegExp(`^wirespan-of-${pidNamespace()}-(\\d+)-(\\d+)-[^-]+$`);
  for (const name of readdirSync(tmpdir())) {
    const [, pid, started] = own.exec(name) ?? [];
    if (pid === undefined || startTime(Number(pid)) === started) continue;
    const path = join(tmpdir(), name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true && stat.uid === process.getuid?.())
      rmSync(path, { recursive: true, force: true });
  }
}
