import { ignoreErrno } from "./errors.ts";
import { OpenFile, readText } from "./files.ts";
import { fchdir, lastError, setns, unshare } from "./libc.ts";

/** The mount namespace of this thread, and that of the first process of the machine or container. */

const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x2_0000;
/** Names of processes in /proc. */
const FIRST = "1";
const THIS = "thread-self";

/** A mount, as seen by a process. */
export interface Mount {
  /** Identifies the mount, in whatever namespace. */
  readonly id: string;
  /** Device number of the file system, as "major:minor". */
  readonly device: string;
  /** The directory of the file system that is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** Kind of file system, such as "bpf". */
  readonly kind: string;
}

/**
 * All mounts that a process, or "thread-self", sees, in the order in which they cover one another
 * (proc_pid_mountinfo(5)). Throws SystemError.
 */
export function mountsOf(process: string): readonly Mount[] {
  return readText(`/proc/${process}/mountinfo`)
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
 * Whether this mount namespace is a copy of the first process's: another namespace with the same root
 * directory. `ip netns exec` makes such a copy, with a /sys of its own; a container has another root
 * directory.
 */
export function isCopyOfFirst(): boolean {
  try {
    const [own, first] = [rootOf(THIS), rootOf(FIRST)];
    return own?.id !== first?.id && own?.device === first?.device && own?.root === first?.root;
  } catch (error) {
    // Without the right to read it there is none to enter it.
    ignoreErrno(error);
    return false;
  }
}

/**
 * Runs `act` with this thread in the mount namespace of the first process, and returns to its own. Returns
 * undefined without the right to enter (CAP_SYS_ADMIN and CAP_SYS_CHROOT), or to come back into a working
 * directory that this process may not open. From then on this thread has a working directory of its own, the
 * same one. Throws SystemError where there is no way back.
 */
export function inMountsOfFirst<T>(act: () => T): T | undefined {
  using first = openNamespaceOfFirst();
  using own = openIfPossible(`/proc/${THIS}/ns/mnt`);
  using folder = openIfPossible(".");
  if (first === undefined || own === undefined || folder === undefined) return undefined;
  // A thread that shares root and working directory with others may not change its mount namespace.
  if (unshare(CLONE_FS) < 0 || setns(first.fd, CLONE_NEWNS) < 0) return undefined;
  try {
    return act();
  } finally {
    comeBack(own, folder);
  }
}

function openIfPossible(path: string): OpenFile | undefined {
  try {
    return new OpenFile(path, "read");
  } catch (error) {
    ignoreErrno(error);
    return undefined;
  }
}

function comeBack(namespace: OpenFile, folder: OpenFile): void {
  if (setns(namespace.fd, CLONE_NEWNS) < 0 || fchdir(folder.fd) < 0)
    throw lastError("come back to the mount namespace", "this process");
}

/** Opened from the first process, or, where that has more rights than we have, from one of our ancestors. */
function openNamespaceOfFirst(): OpenFile | undefined {
  const root = rootOf(FIRST)?.id;
  for (const pid of [FIRST, ...ancestors()]) {
    try {
      if (rootOf(pid)?.id === root) return new OpenFile(`/proc/${pid}/ns/mnt`, "read");
    } catch (error) {
      // The next one may do.
      ignoreErrno(error);
    }
  }
  return undefined;
}

/** The parent of this process, its parent, and so on; without the first process. */
function ancestors(): readonly string[] {
  const pids: string[] = [];
  for (let pid = parentOf("self"); pid > 1; pid = parentOf(`${pid}`)) pids.push(`${pid}`);
  return pids;
}

/** The parent's pid; 0 where there is none in this pid namespace. */
function parentOf(process: string): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readText(`/proc/${process}/status`))?.[1] ?? 0);
  } catch (error) {
    ignoreErrno(error);
    return 0;
  }
}
