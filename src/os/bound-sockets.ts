import { addressText } from "../bytes/ip-address.ts";
import { errnoOf } from "./errors.ts";
import { linkTarget, namesInDirectory, readText } from "./files.ts";

/**
 * Sockets of UDP and of IP protocols, and locks, in this network namespace, and which processes have them: by
 * looking alone, so that nobody notices.
 */

/** A process. */
export interface SocketOwner {
  readonly pid: number;
  readonly command: string;
}

/** A socket that is bound to an address. */
export interface BoundSocket {
  readonly kind: "udp" | "raw";
  /** "0.0.0.0" or "::" for all. */
  readonly address: string;
  /** UDP port, or number of the IP protocol. */
  readonly port: number;
  readonly inode: number;
  /** Who has it; absent where that cannot be seen. */
  readonly owner?: SocketOwner | undefined;
}

/** A name that is locked (locks.ts). */
export interface LockedName {
  readonly name: string;
  readonly owner?: SocketOwner | undefined;
}

/** TABLE: files of proc_net(5), and what they list. */
const lists = [
  ["udp", "udp"],
  ["udp6", "udp"],
  ["raw", "raw"],
  ["raw6", "raw"],
] as const;
/** So many descriptors are looked at, at most, to find who has a socket. */
const MOST_DESCRIPTORS = 200_000;

/**
 * The sockets that `isOfInterest` takes, with their processes as far as this user may see them. Throws
 * SystemError.
 */
export function boundSockets(isOfInterest: (socket: BoundSocket) => boolean): readonly BoundSocket[] {
  const found = lists.flatMap(([name, kind]) => readList(name, kind)).filter(isOfInterest);
  if (found.length === 0) return [];
  const owners = ownersOf(new Set(found.map(({ inode }) => inode)));
  return found.map((socket) => ({ ...socket, owner: owners.get(socket.inode) }));
}

/** The locked names that begin with one of `prefixes`, with their processes. Throws SystemError. */
export function lockedNames(prefixes: readonly string[]): readonly LockedName[] {
  const found = new Map(
    readText("/proc/thread-self/net/unix", "latin1")
      .split("\n")
      .flatMap((line) => {
        // Number, references, protocol, flags, type, state, inode, path
        const [, , , , , , inode, path = ""] = line.split(/\s+/);
        const name = path.slice(1);
        return path.startsWith("@") && prefixes.some((each) => name.startsWith(each))
          ? [[name, Number(inode)] as const]
          : [];
      }),
  );
  if (found.size === 0) return [];
  const owners = ownersOf(new Set(found.values()));
  return [...found].map(([name, inode]) => ({ name, owner: owners.get(inode) }));
}

function readList(name: string, kind: BoundSocket["kind"]): readonly BoundSocket[] {
  let text: string;
  try {
    text = readText(`/proc/thread-self/net/${name}`, "latin1");
  } catch (error) {
    // A kernel without IPv6.
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
  return text
    .trim()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      // Number, local address, remote address, state, queues, timer, retransmissions, uid, timeout, inode
      const fields = line.trim().split(/\s+/);
      const [address = "", port = ""] = (fields[1] ?? "").split(":");
      if (address === "") return [];
      return {
        kind,
        address: addressIn(address),
        port: Number.parseInt(port, 16),
        inode: Number(fields[9] ?? 0),
      };
    });
}

/** Words of 32 bits, each in the order of this machine. */
function addressIn(digits: string): string {
  const octets = Uint8Array.from(digits.match(/../g) ?? [], (each) => Number.parseInt(each, 16));
  for (let at = 0; at < octets.length; at += 4) octets.subarray(at, at + 4).reverse();
  return addressText(octets);
}

function ownersOf(inodes: ReadonlySet<number>): ReadonlyMap<number, SocketOwner> {
  const found = new Map<number, SocketOwner>();
  let left = MOST_DESCRIPTORS;
  for (const name of namesInDirectory("/proc")) {
    if (!/^\d+$/.test(name) || found.size === inodes.size || left <= 0) continue;
    for (const inode of socketsOf(name)) {
      left -= 1;
      if (inodes.has(inode)) found.set(inode, { pid: Number(name), command: commandOf(name) });
    }
  }
  return found;
}

/** Inodes of the sockets that a process has open; none where this user may not see them, or it ended. */
function socketsOf(pid: string): readonly number[] {
  return unlessGone(() =>
    namesInDirectory(`/proc/${pid}/fd`).flatMap((fd) =>
      unlessGone(() => {
        const inode = /^socket:\[(\d+)\]$/.exec(linkTarget(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode === undefined ? [] : [Number(inode)];
      }),
    ),
  );
}

function commandOf(pid: string): string {
  return unlessGone(() => [readText(`/proc/${pid}/comm`).trim()])[0] ?? "";
}

function unlessGone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error))) return [];
    throw error;
  }
}
