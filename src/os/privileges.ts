import { dirname } from "node:path";
import { mountBpfFileSystem } from "./bpf-file-system.ts";
import { ignoreErrno } from "./errors.ts";
import { absolutePath, checkReadable, readText, statOf } from "./files.ts";
import { addressOf, capset, execve, fcntl, lastError, prctl, setrlimit } from "./libc.ts";

/**
 * TABLE: the capabilities that the running daemon needs, with their numbers (linux/capability.h), and for
 * what.
 */
const needed = {
  /** UDP ports below 1024 (`local_port`). */
  CAP_NET_BIND_SERVICE: 10,
  /** TAP devices, bridges, programs at interfaces, large buffers. */
  CAP_NET_ADMIN: 12,
  /** Packet sockets and IP protocol 115. */
  CAP_NET_RAW: 13,
  /** Programs with arithmetic on pointers. */
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
/** Kept too where root can read the program or the configuration by no other right. */
const CAP_DAC_OVERRIDE = 1;
const HIGHEST_CAPABILITY = 63;

const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;
const F_SETFD = 2;
/** Standard input, output and error. */
const STANDARD = [0, 1, 2] as const;
/** _LINUX_CAPABILITY_VERSION_3: two words of 32 bits each. */
const CAPABILITY_VERSION = 0x2008_0522;

/**
 * Capability sets of this process, one bit for each number: what it may do, and what any program it executes
 * may get.
 */
interface CapabilitySets {
  readonly permitted: bigint;
  readonly bounding: bigint;
}

/** Names of the capabilities of this process that `narrowPrivileges` knows, and the number of others. */
export function capabilityText(): string {
  const { permitted } = readCapabilities();
  const named = Object.entries({ ...needed, CAP_DAC_OVERRIDE }).filter(([, number]) =>
    has(permitted, number),
  );
  const others = numbersIn(permitted).length - named.length;
  const names = named.map(([name]) => name);
  return [...names, ...(others > 0 ? [`${others} other capabilities`] : [])].join(", ") || "no capability";
}

/**
 * Drops for good every capability that the daemon does not need, and core dumps, which would contain secrets.
 * Capabilities belong to threads, and the runtime has several already; so this process executes the same
 * program again, with the same arguments and process id, in which all threads start without them. Returns
 * where there is nothing to drop, also in the second execution. What needs more rights is done before:
 * mounting the bpf file system. `files` are those that must stay readable. Throws SystemError.
 */
export function narrowPrivileges(files: readonly string[]): void {
  setCoreLimit();
  const { permitted, bounding } = readCapabilities();
  const kept = keptOf(files);
  if ((permitted & ~kept) === 0n) return;
  mountBpfFileSystem();
  // Without CAP_SETPCAP the bounding set stays; no_new_privs keeps exec from restoring anything.
  for (const number of numbersIn(bounding & ~kept)) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  setCapabilities(permitted & kept);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) throw lastError("give up new privileges", "this process");
  executeAgain();
}

function keptOf(files: readonly string[]): bigint {
  const numbers: number[] = Object.values(needed);
  if (!files.every(isReadableByOwnerRoot)) numbers.push(CAP_DAC_OVERRIDE);
  return numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);
}

/**
 * Whether root can read a file by its mode alone: root may enter each directory of the path, and owns the
 * file.
 */
function isReadableByOwnerRoot(file: string): boolean {
  try {
    const path = absolutePath(file);
    checkReadable(path);
    if (statOf(path).uid !== 0) return false;
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const { uid, mode } = statOf(folder);
      if ((mode & (uid === 0 ? 0o100 : 0o001)) === 0) return false;
      if (folder === "/") return true;
    }
  } catch (error) {
    ignoreErrno(error);
    // An error of reading it is reported where it is opened.
    return true;
  }
}

function readCapabilities(): CapabilitySets {
  const status = readText("/proc/self/status");
  const setOf = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
  return { permitted: setOf("CapPrm"), bounding: setOf("CapBnd") };
}

function setCapabilities(set: bigint): void {
  const header = new Uint8Array(Uint32Array.of(CAPABILITY_VERSION, 0).buffer);
  const low = Number(set & 0xffff_ffffn);
  const high = Number(set >> 32n);
  // Effective, permitted, inheritable; and again for the upper halves.
  const data = new Uint8Array(Uint32Array.of(low, low, low, high, high, high).buffer);
  if (capset(addressOf(header), addressOf(data)) < 0) throw lastError("give up capabilities", "this process");
}

function setCoreLimit(): void {
  const limit = new Uint8Array(16);
  if (setrlimit(RLIMIT_CORE, addressOf(limit)) < 0) throw lastError("give up core dumps", "this process");
}

/** Executes this program again in this process; returns only by throwing. */
function executeAgain(): never {
  // The runtime set them to be closed at exec.
  for (const fd of STANDARD) fcntl(fd, F_SETFD, 0);
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1), null];
  const environment = [...Object.entries(process.env).map(([name, value]) => `${name}=${value}`), null];
  execve(process.execPath, words, environment);
  throw lastError("execute this program with fewer privileges", process.execPath);
}

function has(set: bigint, number: number): boolean {
  return ((set >> BigInt(number)) & 1n) === 1n;
}

function numbersIn(set: bigint): readonly number[] {
  return Array.from({ length: HIGHEST_CAPABILITY + 1 }, (_, number) => number).filter((number) =>
    has(set, number),
  );
}
