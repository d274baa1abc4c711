import { closeSync, ftruncateSync, openSync, readFileSync, readlinkSync, readSync, writeSync } from "node:fs";
import { SystemError } from "./errors.ts";
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

/**
 * Locks between processes, which the kernel lets go of when their holder ends, however it ends: names of a network namespace, and
 * files. Neither waits.
 */

/** What is held until it is disposed of, or the process ends. */
export type Lock = Disposable;

/** Somebody else has a lock; the pid is unknown where the kernel does not tell it, as across pid namespaces. */
export interface Holder {
  readonly pid: number | undefined;
}

/** The lock, or who has it. */
export type LockAttempt = { readonly lock: Lock; readonly holder?: undefined } | { readonly holder: Holder };

/** struct sockaddr_un holds the family and so many octets of a name. */
const FAMILY_OCTETS = 2;
const MOST_NAME_OCTETS = 108;
const CREDENTIALS_OCTETS = 12;
/** Whoever asks for the holder's pid stays in its queue, as nobody accepts; beyond that it is not told any more. */
const BACKLOG = 64;
/** Between binding and listening, a holder is not told yet: it is asked so often, with such a pause. */
const TRIES = 40;
const PAUSE_MS = 5;
/** The only rights with which a holder could do what we do; others have the name by mistake, or to be a nuisance. */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/**
 * Takes a name of this network namespace (unix(7), abstract sockets), such as "wirespan/circuit/eth1": mount namespaces and
 * containers make no difference. A holder that has neither our user nor rights over the network cannot do what the name stands for and does
 * not count. Throws SystemError where no socket can be had.
 */
export function lockName(name: string): LockAttempt {
  const address = abstractAddress(name);
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

/** Who has a name of this network namespace; undefined where nobody has it. Throws SystemError where no socket can be had. */
export function nameHolder(name: string): Holder | undefined {
  const holder = holderOf(name, abstractAddress(name));
  return typeof holder === "string" ? undefined : holder;
}

/** The names of this network namespace that begin so and are taken, by anybody. */
export function namesTaken(prefix: string): readonly string[] {
  const lines = readFileSync("/proc/thread-self/net/unix", "latin1").split("\n");
  const found = lines.flatMap((line) => {
    const at = line.indexOf(` @${prefix}`);
    return at < 0 ? [] : [line.slice(at + 2)];
  });
  return [...new Set(found)];
}

/**
 * Locks a file, which is made where it is not there and stays when the lock goes, and writes our pid into it; or locks a directory.
 * Throws SystemError.
 */
export function lockFile(path: string, kind: "file" | "directory" = "file"): LockAttempt {
  let fd: number;
  try {
    fd = kind === "file" ? openSync(path, "a+", 0o600) : openSync(path, "r");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "EIO";
    throw new SystemError("open a file to lock it", { errno: code, target: path, cause: error });
  }
  if (flock(fd, linux.LOCK_EX | linux.LOCK_NB) === 0) {
    if (kind === "file") {
      ftruncateSync(fd, 0);
      writeSync(fd, `${process.pid}\n`);
    }
    return { lock: { [Symbol.dispose]: closeOnce(fd) } };
  }
  const problem = lastError("lock a file", path);
  const pid = kind === "file" ? pidIn(fd) : undefined;
  closeSync(fd);
  if (!["EAGAIN", "EWOULDBLOCK"].includes(problem.errno)) throw problem;
  return { holder: { pid } };
}

function pidIn(fd: number): number | undefined {
  const text = new Uint8Array(16);
  const length = readSync(fd, text, 0, text.length, 0);
  const pid = Number.parseInt(new TextDecoder().decode(text.subarray(0, length)), 10);
  return pid > 0 ? pid : undefined;
}

/** Closes a descriptor once, however often it is asked to. */
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

/** struct sockaddr_un. */
function abstractAddress(name: string): Uint8Array {
  const text = new TextEncoder().encode(`\0${name}`);
  if (text.length > MOST_NAME_OCTETS) throw new RangeError(`a lock's name of ${text.length} octets: ${name}`);
  const octets = new Uint8Array(FAMILY_OCTETS + text.length);
  new DataView(octets.buffer).setUint16(0, linux.AF_UNIX, true);
  octets.set(text, FAMILY_OCTETS);
  return octets;
}

/** Whose name it is, by the credentials that the kernel noted when it began to listen. */
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

/** Rights over this network namespace; those that a process has in a user namespace of its own are none. */
function hasRights(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
    const has = [CAP_NET_ADMIN, CAP_NET_RAW].some((bit) => ((effective >> bit) & 1n) === 1n);
    return has && readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync("/proc/self/ns/user");
  } catch (error) {
    // A process that we may not look into has more rights than we; one that is not there has ended meanwhile.
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
