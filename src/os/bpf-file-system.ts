import { dirname, join } from "node:path";
import { errnoOf, ignoreErrno, SystemError } from "./errors.ts";
import {
  fileSystemType,
  makeDirectories,
  namesInDirectory,
  removeEmptyDirectory,
  removeTree,
} from "./files.ts";
import { close, errno, errnoName, mount, moveMount, openTree } from "./libc.ts";
import { type Lock, lockFile } from "./locks.ts";
import { inMountsOfFirst, isCopyOfFirst, type Mount, mountsOf } from "./mount-namespace.ts";

/** Pin directories in the bpf file system, in which maps and links outlive the process. */

const MOUNT_POINT = "/sys/fs/bpf";
/** Our directory in it, with one directory for each daemon. */
const ROOT = join(MOUNT_POINT, "wirespan");
/** File system type of bpf in statfs(2) (linux/magic.h). */
const BPF_FS_MAGIC = 0xcafe4a11;
const OWNER_ONLY = 0o700;
/** Numbers of system calls that are the same on all machines. */
const OPEN_TREE = 428;
const MOVE_MOUNT = 429;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const AT_FDCWD = -100;

/**
 * A directory to pin in, or why there is none. `caveat`: why pins do not outlive all processes of this mount
 * namespace.
 */
export type PinDirectory =
  | {
      readonly path: string;
      readonly lock: Lock;
      readonly caveat?: string | undefined;
      readonly reason?: undefined;
    }
  | {
      readonly path?: undefined;
      readonly lock?: undefined;
      readonly caveat?: undefined;
      readonly reason: string;
    };

/**
 * Makes a directory to pin in, and mounts the bpf file system in this mount namespace if it is not mounted.
 * In a private mount namespace pins go with its last process; then there is a caveat. Existing pins stay. The
 * directory belongs to this process while the lock is held; one that another process holds, perhaps of
 * another network namespace, is left alone.
 */
export function pinDirectory(name: string): PinDirectory {
  const reason = isMounted() ? undefined : mountProblem();
  if (reason !== undefined) return { reason };
  const path = pinPath(ROOT, name);
  try {
    makeDirectories(path, OWNER_ONLY);
  } catch (error) {
    return { reason: refused("make a directory for pins", path, error).message };
  }
  const attempt = lockFile(path, "directory");
  if (attempt.holder === undefined) return { path, lock: attempt.lock, caveat: caveat() };
  return {
    reason: `another wirespan has the pins in ${path}; give one of the two another lcce.control_socket`,
  };
}

/** Whether there is a bpf file system to pin in, as things stand: nothing is mounted. */
export interface BpfFileSystemState {
  readonly isMounted: boolean;
  /**
   * Whether a daemon that is started as root mounts the machine's own here: `ip netns exec` has covered it
   * with a new /sys.
   */
  readonly isCovered: boolean;
  /** Why pins go with the last process of this mount namespace; undefined where they do not. */
  readonly caveat: string | undefined;
  /** Whether the machine's own comes back, by itself or with the daemon, where this one is unmounted. */
  readonly isOnTop: boolean;
}

/** The state of the bpf file system in this mount namespace. */
export function bpfFileSystemState(): BpfFileSystemState {
  const mounted = isMounted();
  return {
    isMounted: mounted,
    isCovered: !mounted && isCopyOfFirst(),
    caveat: mounted ? caveat() : undefined,
    isOnTop: mounted && (isCopyOfFirst() || bpfMounts().length > 1),
  };
}

/** Mounts of bpf at our place, in the order in which they cover one another. */
function bpfMounts(): readonly Mount[] {
  return mountsOf("thread-self").filter(
    ({ kind, mountPoint }) => kind === "bpf" && mountPoint === MOUNT_POINT,
  );
}

/**
 * Why pins go with the last process of this mount namespace; undefined where the first process of the machine
 * or container sees them too.
 */
function caveat(): string | undefined {
  const hint = "in a container, or by hand; the first process of this machine does not see it";
  try {
    if (process.pid === 1) return `this process is the first of its container, which ends with it`;
    const ours = bpfMounts().at(-1);
    if (mountsOf("1").some(({ kind, device }) => kind === "bpf" && device === ours?.device)) return undefined;
    return `${MOUNT_POINT} is mounted for its mount namespace alone (${hint})`;
  } catch (error) {
    const problem = `${errnoOf(error)} (/proc/1/mountinfo)`;
    return `whether ${MOUNT_POINT} is the machine's own cannot be seen: ${problem}`;
  }
}

/**
 * Mounts the bpf file system if it is not mounted; whoever pins later reports why that was impossible. Where
 * `ip netns exec` has covered the machine's mount with a new /sys, the machine's is mounted here again, so
 * that pins live as long as without it. Throws SystemError.
 */
export function mountBpfFileSystem(): void {
  if (!isMounted() && !(isCopyOfFirst() && mountThatOfFirst())) mountProblem();
}

/**
 * Mounts the first process's bpf file system here, after mounting one there if it has none. Returns whether
 * that worked.
 */
function mountThatOfFirst(): boolean {
  const tree = inMountsOfFirst(() => {
    if (!isMounted() && mountProblem() !== undefined) return -1;
    return openTree(OPEN_TREE, AT_FDCWD, MOUNT_POINT, OPEN_TREE_CLONE);
  });
  if (tree === undefined || tree < 0) return false;
  const answer = moveMount(MOVE_MOUNT, tree, "", AT_FDCWD, MOUNT_POINT, MOVE_MOUNT_F_EMPTY_PATH);
  close(tree);
  return answer === 0;
}

/**
 * The path of a pin in a directory. The file system allows no dot in a name: it is written as "%2E", other
 * special characters accordingly.
 */
export function pinPath(directory: string, name: string): string {
  return join(directory, encodeURIComponent(name).replaceAll(".", "%2E"));
}

/** Removes a pin; one that is not there is no error. Throws SystemError. */
export function removePin(path: string): void {
  try {
    // Also a directory that somebody made in its place.
    removeTree(path);
  } catch (error) {
    throw refused("remove a pin", path, error);
  }
}

/**
 * Removes a directory that `pinDirectory` made, and all pins in it; again is no error. Throws SystemError.
 */
export function removeDirectory(path: string): void {
  try {
    removeTree(path);
    removeEmptyDirectory(dirname(path));
  } catch (error) {
    // Another daemon's pins are there too, or the last one's are gone already.
    if (["ENOTEMPTY", "ENOENT"].includes(errnoOf(error))) return;
    throw refused("remove a directory of pins", path, error);
  }
}

/**
 * Whether there are pins, of a running process or a former one, in a directory whose name begins with
 * `prefix`.
 */
export function arePinned(prefix: string): boolean {
  try {
    return namesInDirectory(ROOT).some((name) => join(ROOT, name).startsWith(pinPath(ROOT, prefix)));
  } catch (error) {
    if (["ENOENT", "EACCES"].includes(errnoOf(error))) return false;
    throw refused("look for pins", ROOT, error);
  }
}

/**
 * Removes the directories whose names begin with `prefix`, with all their pins, except `kept` and those that
 * a process holds. Throws SystemError.
 */
export function removeUnheld(prefix: string, kept?: string): void {
  for (const name of namesInDirectory(ROOT)) {
    const path = join(ROOT, name);
    if (path.startsWith(pinPath(ROOT, prefix)) && path !== kept) removeIfLeft(path);
  }
}

/** The directories whose names begin with `prefix`, as a pattern for a shell. */
export function pinsPattern(prefix: string): string {
  return `${pinPath(ROOT, prefix)}*`;
}

function removeIfLeft(path: string): void {
  const attempt = lockFile(path, "directory");
  if (attempt.holder !== undefined) return;
  removeDirectory(path);
  attempt.lock[Symbol.dispose]();
}

function isMounted(): boolean {
  try {
    return fileSystemType(MOUNT_POINT) === BPF_FS_MAGIC;
  } catch (error) {
    ignoreErrno(error);
    return false;
  }
}

function mountProblem(): string | undefined {
  if (mount("bpf", MOUNT_POINT, "bpf", 0, 0) === 0) return undefined;
  const name = errnoName(errno());
  const hint = mountHints[name] ?? "mount -t bpf bpf /sys/fs/bpf";
  return `${MOUNT_POINT} is no bpf file system, and mounting one was refused: ${name} (${hint})`;
}

const mountHints: Readonly<Record<string, string>> = {
  EPERM: "needs CAP_SYS_ADMIN; or once as root: mount -t bpf bpf /sys/fs/bpf",
  EACCES: "needs CAP_SYS_ADMIN; or once as root: mount -t bpf bpf /sys/fs/bpf",
  ENOENT: "the directory is not there; is sysfs mounted, and has the kernel CONFIG_BPF_SYSCALL?",
  ENODEV: "needs a kernel with CONFIG_BPF_SYSCALL",
};

function refused(operation: string, target: string, cause: unknown): SystemError {
  const hint = "pins belong to root; see: ls -la /sys/fs/bpf/wirespan";
  return new SystemError(operation, { errno: errnoOf(cause), target, hint, cause });
}
