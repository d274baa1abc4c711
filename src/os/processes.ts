import { errnoOf } from "./errors.ts";
import { linkTarget, namesInDirectory, readText } from "./files.ts";

/** Other processes, by /proc, as far as this user may see them. */

/** A process. */
export interface NamedProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * The processes with one of these names, in this network namespace as far as that can be seen. Throws
 * SystemError.
 */
export function processesNamed(names: readonly string[]): readonly NamedProcess[] {
  const own = linkTarget("/proc/self/ns/net");
  return processFolders().flatMap((folder) =>
    unlessGone(() => {
      const command = commandOf(folder);
      if (!names.includes(command) || linkTarget(`/proc/${folder}/ns/net`) !== own) return [];
      return [{ pid: Number(folder), command }];
    }),
  );
}

/** So many descriptors are looked at, at most, to find who has a socket. */
const MOST_DESCRIPTORS = 200_000;

/** The processes that have sockets open, by the inodes of these. Throws SystemError. */
export function socketOwners(inodes: ReadonlySet<number>): ReadonlyMap<number, NamedProcess> {
  const found = new Map<number, NamedProcess>();
  let left = MOST_DESCRIPTORS;
  for (const folder of processFolders()) {
    if (found.size === inodes.size || left <= 0) break;
    for (const inode of socketsOf(folder)) {
      left -= 1;
      if (!inodes.has(inode)) continue;
      const [command = ""] = unlessGone(() => [commandOf(folder)]);
      found.set(inode, { pid: Number(folder), command });
    }
  }
  return found;
}

/** Inodes of the sockets that a process has open. */
function socketsOf(folder: string): readonly number[] {
  return unlessGone(() =>
    namesInDirectory(`/proc/${folder}/fd`).flatMap((fd) =>
      unlessGone(() => {
        const inode = /^socket:\[(\d+)\]$/.exec(linkTarget(`/proc/${folder}/fd/${fd}`))?.[1];
        return inode === undefined ? [] : [Number(inode)];
      }),
    ),
  );
}

/** The names of all processes' folders in /proc, which are their pids. */
function processFolders(): readonly string[] {
  return namesInDirectory("/proc").filter((name) => /^\d+$/.test(name));
}

function commandOf(folder: string): string {
  return readText(`/proc/${folder}/comm`).trim();
}

/** What is read of a process; nothing where it ended, or this user may not see it. */
function unlessGone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error))) return [];
    throw error;
  }
}
