import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { fchdir, mount, setns, unshare } from "../../src/os/libc.ts";

const CLONE_NEWNS = 0x2_0000;
const MS_PRIVATE_ALL = 0x4000 | 0x4_0000;
const chroot = koffi.load("libc.so.6").func("int chroot(const char *path)") as unknown as (
  path: string,
) => number;

function must(answer: number, what: string): void {
  if (answer !== 0) throw new Error(`${what}: errno ${koffi.errno()}`);
}

/** Has this thread be in a mount namespace of its own until what is given back is disposed of. */
export function enterPrivateMounts(): Disposable {
  const own = openSync("/proc/thread-self/ns/mnt", "r");
  const leave = () => {
    must(setns(own, CLONE_NEWNS), "leave the mount namespace");
    closeSync(own);
  };
  try {
    must(unshare(CLONE_NEWNS), "make a mount namespace");
    must(mount("none", "/", "", MS_PRIVATE_ALL, 0), "make its mounts its own");
  } catch (error) {
    leave();
    throw error;
  }
  return { [Symbol.dispose]: leave };
}

/** Does something with this thread, which must not wait meanwhile, in a mount namespace that goes with it. */
export function inPrivateMounts<T>(act: () => T): T {
  using _ = enterPrivateMounts();
  return act();
}

/**
 * Does something with this thread, which has mounts of its own and must not wait meanwhile, in another root
 * directory.
 */
export function inRoot<T>(folder: string, act: () => T): T {
  const own = openSync("/", "r");
  try {
    must(chroot(folder), "change the root directory");
    return act();
  } finally {
    must(fchdir(own), "leave the root directory");
    must(chroot("."), "leave the root directory");
    closeSync(own);
  }
}
