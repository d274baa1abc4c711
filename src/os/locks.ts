import { errnoOf } from "./errors.ts";
import { linkTarget, OpenFile, readText } from "./files.ts";
import {
  addressOf,
  bind,
  close,
  connect,
  errno,
  errnoName,
  flock,
  getsockopt,
  lastError,
  linux,
  listen,
  socket,
} from "./libc.ts";
import { unixAddress } from "./unix-address.ts";

/**
 * Locks between processes, released by the kernel when their holder ends, however it ends: names of a network
 * namespace, and files. Neither blocks.
 */

/** A lock, held until it is disposed of or the process ends. */
export type Lock = Disposable;

/**
 * Another holder of the lock; the pid is unknown where the kernel does not report it, as across pid
 * namespaces.
 */
export interface Holder {
  readonly pid: number | undefined;
}

/** The lock, or its holder. */
export type LockAttempt = { readonly lock: Lock; readonly holder?: undefined } | { readonly holder: Holder };

/** What follows on taking a lock: where it throws, the lock is released. */
export function holding<T>(lock: Lock, act: () => T): T {
  try {
    return act();
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

const CREDENTIALS_OCTETS = 12;
/**
 * Length of the queue of connections that ask for the holder's pid and are never accepted; beyond it the pid
 * stays unknown.
 */
const BACKLOG = 64;
/** Attempts to read the holder, with a pause: between its bind(2) and listen(2) it is unknown. */
const TRIES = 40;
const PAUSE_MS = 5;
/** Capabilities without which a holder cannot do what the name protects. */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/**
 * Locks a name of this network namespace (unix(7), abstract sockets), such as "wirespan/circuit/eth1": mount
 * namespaces and containers make no difference. A holder that has neither our user nor capabilities over the
 * network cannot do what the name protects, and is ignored. Throws SystemError where no socket can be opened.
 */
export function lockName(name: string): LockAttempt {
  const address = unixAddress(`@${name}`);
  for (let left = TRIES; ; left -= 1) {
    const fd = openStream(name);
    if (bind(fd, addressOf(address), address.length) === 0 && listen(fd, BACKLOG) === 0)
      return { lock: { [Symbol.dispose]: closeOnce(fd) } };
    const problem = lastError("take a lock", `the name ${name}`);
    close(fd);
    if (problem.errno !== "EADDRINUSE") throw problem;
    const holder = holderOf(name, address);
    if (holder === "nobody" && left > 0) sleepThread();
    else if (typeof holder === "string") return { lock: { [Symbol.dispose]: () => undefined } };
    else return { holder };
  }
}

/**
 * The holder of a name of this network namespace; undefined without one. Throws SystemError where no socket
 * can be opened.
 */
export function nameHolder(name: string): Holder | undefined {
  const holder = holderOf(name, unixAddress(`@${name}`));
  return typeof holder === "string" ? undefined : holder;
}

/**
 * The names of this network namespace that begin with `prefix` and are bound, by anybody. Throws SystemError.
 */
export function namesTaken(prefix: string): readonly string[] {
  return [...boundNames(prefix).keys()];
}

/** The same, with the inodes of their sockets. */
export function boundNames(prefix: string): ReadonlyMap<string, number> {
  const lines = readText("/proc/thread-self/net/unix", "latin1").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(` @${prefix}`);
      if (at < 0) return [];
      // Number, references, protocol, flags, type, state, inode, path
      const inode = Number(line.slice(0, at).split(/\s+/)[6]);
      return [[line.slice(at + 2), inode] as const];
    }),
  );
}

/** The names of a network namespace as locks: those of the kernel, or of a test. */
export interface NameLocks {
  readonly lockName: typeof lockName;
  readonly nameHolder: typeof nameHolder;
  readonly namesTaken: typeof namesTaken;
}

/** Those of the kernel, in this network namespace. */
export const kernelNames: NameLocks = { lockName, nameHolder, namesTaken };

/**
 * Locks a file and writes our pid into it; it is created if missing and stays when the lock goes. Or locks a
 * directory. Throws SystemError.
 */
export function lockFile(path: string, kind: "file" | "directory" = "file"): LockAttempt {
  const file = new OpenFile(path, kind === "file" ? "append" : "read", "open a file to lock it");
  try {
    if (flock(file.fd, linux.LOCK_EX | linux.LOCK_NB) === 0) {
      if (kind === "file") file.replace(`${process.pid}\n`);
      return { lock: file };
    }
    const problem = lastError("lock a file", path);
    if (!["EAGAIN", "EWOULDBLOCK"].includes(problem.errno)) throw problem;
    const pid = kind === "file" ? pidIn(file) : undefined;
    file[Symbol.dispose]();
    return { holder: { pid } };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function pidIn(file: OpenFile): number | undefined {
  const text = new Uint8Array(16);
  const length = file.read(text, 0);
  const pid = Number.parseInt(new TextDecoder().decode(text.subarray(0, length)), 10);
  return pid > 0 ? pid : undefined;
}

/** A function that closes a descriptor the first time it is called. */
function closeOnce(fd: number): () => void {
  let isOpen = true;
  return () => {
    if (isOpen) close(fd);
    isOpen = false;
  };
}

function openStream(name: string): number {
  const fd = socket(linux.AF_UNIX, linux.SOCK_STREAM | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK, 0);
  if (fd < 0) throw lastError("take a lock", `the name ${name}`);
  return fd;
}

function sleepThread(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

/** The holder of a name, by the credentials that the kernel recorded at its listen(2). */
function holderOf(name: string, address: Uint8Array): Holder | "nobody" | "does not count" {
  const fd = openStream(name);
  try {
    if (connect(fd, addressOf(address), address.length) !== 0)
      return errnoName(errno()) === "ECONNREFUSED" ? "nobody" : { pid: undefined };
    const credentials = new Int32Array(CREDENTIALS_OCTETS / 4);
    const size = new Uint32Array([CREDENTIALS_OCTETS]);
    const [into, length] = [credentials, size].map((cells) => addressOf(new Uint8Array(cells.buffer)));
    const isKnown = getsockopt(fd, linux.SOL_SOCKET, linux.SO_PEERCRED, into ?? 0, length ?? 0) === 0;
    const [pid = 0, user = -1] = credentials;
    if (!isKnown || pid === 0) return { pid: undefined };
    return user === 0 || user === process.geteuid?.() || hasRights(pid) ? { pid } : "does not count";
  } finally {
    close(fd);
  }
}

/**
 * Whether a process has capabilities over this network namespace; those in a user namespace of its own do not
 * count.
 */
function hasRights(pid: number): boolean {
  try {
    const status = readText(`/proc/${pid}/status`, "latin1");
    const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
    const has = [CAP_NET_ADMIN, CAP_NET_RAW].some((bit) => ((effective >> bit) & 1n) === 1n);
    return has && linkTarget(`/proc/${pid}/ns/user`) === linkTarget("/proc/self/ns/user");
  } catch (error) {
    const errno = errnoOf(error);
    // It has ended meanwhile.
    if (["ENOENT", "ESRCH"].includes(errno)) return false;
    // A process with more rights than ours.
    if (errno === "EACCES") return true;
    throw error;
  }
}
