import { closeSync, openSync, readFileSync } from "node:fs";
import { fchdir, lastError, setns, unshare } from "./libc.ts";

/** The mount namespace of this thread, beside that of the first process of the machine or container. */

const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x2_0000;
/** By what /proc calls them. */
const FIRST = "1";
const THIS = "thread-self";

/** Something that is mounted, as one process or another sees it. */
export interface Mount {
  /** Of this mount alone, in whatever namespace. */
  readonly id: string;
  /** Device number of the file system, as "major:minor". */
  readonly device: string;
  /** The directory of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** Kind of file system, such as "bpf". */
  readonly kind: string;
}

/** All mounts that a process, or "thread-self", sees, in the order in which they cover one another (proc_pid_mountinfo(5)). Throws system errors. */
export function mountsOf(process: string): readonly Mount[] {
  return readFileSync(`/proc/${process}/mountinfo`, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [id = "", , device = "", root = "", mountPoint = ""] = line.split(" ");
      return { id, device, root, mountPoint, kind: / - (\S+)/.exec(line)?.[1] ?? "" };
    });
}

function rootOf(process: string): Mount | undefined {
  return mountsOf(process).findLast(({ mountPoint }) => mountPoint === "/");
}

/**
 * Whether this mount namespace is a copy of the first process's: another one, but with the same root directory. `ip netns exec` makes such a
 * copy, with a /sys of its own; a container has another root directory.
 */
export function isCopyOfFirst(): boolean {
  try {
    const [own, first] = [rootOf(THIS), rootOf(FIRST)];
    return own?.id !== first?.id && own?.device === first?.device && own?.root === first?.root;
  } catch {
    // Who may not see that may not enter it either.
    return false;
  }
}

/**
 * Does something with this thread in the mount namespace of the first process, and comes back. Gives back undefined where it may not
 * enter: that needs CAP_SYS_ADMIN and CAP_SYS_CHROOT. From then on this thread has a working directory of its own, which is the same.
 * Throws SystemError where there is no way back.
 */
export function inMountsOfFirst<T>(act: () => T): T | undefined {
  const first = openNamespaceOfFirst();
  if (first === undefined) return undefined;
  const [own, folder] = [openSync(`/proc/${THIS}/ns/mnt`, "r"), openSync(".", "r")];
  try {
    // Who shares root and working directory with other threads may not change the mount namespace.
    if (unshare(CLONE_FS) < 0 || setns(first, CLONE_NEWNS) < 0) return undefined;
    try {
      return act();
    } finally {
      comeBack(own, folder);
    }
  } finally {
    for (const fd of [first, own, folder]) closeSync(fd);
  }
}

function comeBack(namespace: number, folder: number): void {
  if (setns(namespace, CLONE_NEWNS) < 0 || fchdir(folder) < 0)
    throw lastError("come back to the mount namespace", "this process");
}

/** By the first process, or, where that has more rights than we have, by one of those that started us. */
function openNamespaceOfFirst(): number | undefined {
  const root = rootOf(FIRST)?.id;
  for (const pid of [FIRST, ...ancestors()]) {
    try {
      if (rootOf(pid)?.id === root) return openSync(`/proc/${pid}/ns/mnt`, "r");
    } catch {
      // The next one may do.
    }
  }
  return undefined;
}

/** Who started this process, who started that one, and so on; without the first process. */
function ancestors(): readonly string[] {
  const pids: string[] = [];
  for (let pid = parentOf("self"); pid > 1; pid = parentOf(`${pid}`)) pids.push(`${pid}`);
  return pids;
}

/** 0 where there is none, in this namespace of processes. */
function parentOf(process: string): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${process}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
