import { addressText } from "../bytes/ip-address.ts";
import { errnoOf } from "./errors.ts";
import { readText } from "./files.ts";
import { boundNames } from "./locks.ts";
import { type NamedProcess, socketOwners } from "./processes.ts";

/**
 * Sockets of UDP and of IP protocols, and locks, in this network namespace, and which processes have them: by
 * looking alone, so that nobody notices.
 */

/** A socket that is bound to an address. */
export interface BoundSocket {
  readonly kind: "udp" | "raw";
  /** "0.0.0.0" or "::" for all. */
  readonly address: string;
  /** UDP port, or number of the IP protocol. */
  readonly port: number;
  readonly inode: number;
  /** Who has it; absent where that cannot be seen. */
  readonly owner?: NamedProcess | undefined;
}

/** A name that is locked (locks.ts). */
export interface LockedName {
  readonly name: string;
  readonly owner?: NamedProcess | undefined;
}

/** TABLE: files of proc_net(5), and what they list. */
const lists = [
  ["udp", "udp"],
  ["udp6", "udp"],
  ["raw", "raw"],
  ["raw6", "raw"],
] as const;

/**
 * The sockets that `isOfInterest` takes, with their processes as far as this user may see them. Throws
 * SystemError.
 */
export function boundSockets(isOfInterest: (socket: BoundSocket) => boolean): readonly BoundSocket[] {
  const found = lists.flatMap(([name, kind]) => readList(name, kind)).filter(isOfInterest);
  if (found.length === 0) return [];
  const owners = socketOwners(new Set(found.map(({ inode }) => inode)));
  return found.map((socket) => ({ ...socket, owner: owners.get(socket.inode) }));
}

/** The locked names that begin with one of `prefixes`, with their processes. Throws SystemError. */
export function lockedNames(prefixes: readonly string[]): readonly LockedName[] {
  const found = new Map(prefixes.flatMap((prefix) => [...boundNames(prefix)]));
  if (found.size === 0) return [];
  const owners = socketOwners(new Set(found.values()));
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
