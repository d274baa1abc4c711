import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { operationalMessage } from "../bytes/errors.ts";
import { circuitFramesKey } from "../config/circuits.ts";
import type { CircuitConfig, TunnelConfig } from "../config/config.ts";
import { errnoOf, SystemError } from "../os/errors.ts";
import { makeOneDirectory } from "../os/files.ts";
import {
  type Holder,
  holding,
  kernelNames,
  type Lock,
  type LockAttempt,
  lockFile,
  type NameLocks,
} from "../os/locks.ts";
import { isUnspecified } from "./settings.ts";

/** Locks on what a daemon must own alone, so that a second one, started by mistake, does no harm. */

/** The text that names the holder of a lock. */
export function describeHolder({ pid }: Holder): string {
  return pid === undefined ? "another wirespan" : `another wirespan (pid ${pid})`;
}

/**
 * The right to be the daemon of a control socket: in its directory, which is made where it is not there, and
 * in this network namespace, whose interfaces beside circuits are named after it. Throws SystemError, also
 * where another daemon has it.
 */
export function lockDaemon(controlSocket: string, names: NameLocks = kernelNames): Lock {
  makeDirectory(dirname(controlSocket));
  const file = lockOrThrow(controlSocket, lockFile(`${controlSocket}.lock`));
  const name = holding(file, () => lockOrThrow(controlSocket, names.lockName(daemonLockName(controlSocket))));
  return {
    [Symbol.dispose]() {
      file[Symbol.dispose]();
      name[Symbol.dispose]();
    },
  };
}

function lockOrThrow(controlSocket: string, attempt: LockAttempt): Lock {
  const { holder } = attempt;
  if (holder === undefined) return attempt.lock;
  throw new SystemError("open the control socket", {
    errno: "EADDRINUSE",
    target: controlSocket,
    hint:
      `${describeHolder(holder)} is running with this control socket; ` +
      `see: wirespan status --socket ${controlSocket}; ` +
      "to run a second daemon, give it an lcce.control_socket of its own",
  });
}

/**
 * The daemon of a control socket in this network namespace; undefined where there is none. Throws
 * SystemError.
 */
export function daemonHolder(controlSocket: string): Holder | undefined {
  return kernelNames.nameHolder(daemonLockName(controlSocket));
}

/** What the names of locks of daemons and of circuits begin with. */
export const lockPrefixes = { daemon: "wirespan/daemon/", circuit: "wirespan/circuit/" } as const;

/** The name of the lock of the daemon of a control socket. */
export function daemonLockName(controlSocket: string): string {
  const digits = createHash("sha256").update(controlSocket).digest("hex").slice(0, 32);
  return `${lockPrefixes.daemon}${digits}`;
}

/** The name of the lock of the frames of a circuit. */
export function circuitLockName(circuit: Pick<CircuitConfig, "device" | "vlan">): string {
  return `${lockPrefixes.circuit}${circuitFramesKey(circuit)}`;
}

/** As mkdir -p, which in Node never ends below /proc. Throws SystemError. */
function makeDirectory(path: string): void {
  try {
    make(path);
  } catch (error) {
    const errno = errnoOf(error);
    const hint =
      "set lcce.control_socket to a path where a directory can be, such as /run/wirespan/wirespan.sock";
    throw new SystemError("make the directory of the control socket", {
      errno,
      target: path,
      hint,
      cause: error,
    });
  }
}

function make(path: string): void {
  try {
    makeOneDirectory(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    make(dirname(path));
    makeOneDirectory(path);
  }
}

/** A lock, or the reason why it is taken and what to do. */
export type Claim = { readonly lock: Lock; readonly problem?: undefined } | { readonly problem: string };

/** Beyond so many VLANs of one daemon, more have no lock of their own: each costs a descriptor. */
const MOST_VLAN_LOCKS = 8192;
let vlanLocks = 0;

/**
 * The right to carry the frames of a circuit, in this network namespace: of a whole port, or of one VLAN of
 * it. Throws SystemError where no socket can be opened, and then nothing is locked.
 */
export function lockCircuit(
  { device, vlan }: Pick<CircuitConfig, "device" | "vlan">,
  { lockName, nameHolder, namesTaken }: NameLocks = kernelNames,
): Claim {
  const port = circuitLockName({ device });
  const refused = (what: string, holder: Holder): Claim => ({
    problem:
      `${describeHolder(holder)} carries ${what}; stop it, ` +
      "or remove the circuit from one of the two configurations",
  });
  if (vlan === undefined) {
    const locking = lockName(port);
    if (locking.holder !== undefined) return refused(`the frames of ${device}`, locking.holder);
    const holder = holding(locking.lock, () => firstHolder(namesTaken(`${port}/`), nameHolder));
    if (holder === undefined) return locking;
    locking.lock[Symbol.dispose]();
    return refused(`VLANs of ${device}`, holder);
  }
  const whole = nameHolder(port);
  if (whole !== undefined) return refused(`the frames of ${device}`, whole);
  if (vlanLocks >= MOST_VLAN_LOCKS) return { lock: { [Symbol.dispose]: () => undefined } };
  const locking = lockName(circuitLockName({ device, vlan }));
  if (locking.holder !== undefined) return refused(`VLAN ${vlan.id} of ${device}`, locking.holder);
  const late = holding(locking.lock, () => nameHolder(port));
  if (late !== undefined) {
    locking.lock[Symbol.dispose]();
    return refused(`the frames of ${device}`, late);
  }
  vlanLocks += 1;
  return {
    lock: {
      [Symbol.dispose]() {
        vlanLocks -= 1;
        locking.lock[Symbol.dispose]();
      },
    },
  };
}

/** As `lockCircuit`; a fault of the machine is a reason as any other. */
export function claimCircuit(circuit: CircuitConfig, lock: typeof lockCircuit = lockCircuit): Claim {
  try {
    return lock(circuit);
  } catch (error) {
    return { problem: operationalMessage(error) };
  }
}

/** The two ends of a tunnel as addresses; `localPort` is the one of the file. */
type TunnelEnds = Pick<TunnelConfig, "encapsulation" | "localPort" | "remotePort"> & {
  readonly local: string;
  readonly remote: string;
  /** What tunnels at the same ends differ in: names that the peer must have, and prefixes of its address. */
  readonly peer?: readonly (string | number | undefined)[];
};

/**
 * How many locks of tunnels at the same ends this process holds. Where it holds one, no other daemon has any,
 * and none is asked for: to ask for each would make a thousand tunnels a million questions.
 */
const locksAtEnds = new WeakMap<NameLocks["lockName"], Map<string, number>>();

/** Counts a lock at its ends until it is released. */
function counted(lock: Lock, counts: Map<string, number>, ends: string): Lock {
  counts.set(ends, (counts.get(ends) ?? 0) + 1);
  return {
    [Symbol.dispose]() {
      const left = (counts.get(ends) ?? 1) - 1;
      if (left === 0) counts.delete(ends);
      else counts.set(ends, left);
      lock[Symbol.dispose]();
    },
  };
}

/**
 * The right to speak with a peer from a local address and port, in this network namespace; and who else
 * speaks with it from that address by other ports, which the peer may or may not tell apart. Throws
 * SystemError where no socket can be opened, and then nothing is locked.
 */
export function lockEnds(
  { encapsulation, local, localPort, remote, remotePort, peer }: TunnelEnds,
  { lockName, nameHolder, namesTaken }: NameLocks = kernelNames,
): { readonly claim: Claim; readonly neighbour: string | undefined } {
  const prefix = `wirespan/${encapsulation}/${local}/`;
  const ends = `${prefix}${localPort}/${remote}/${remotePort}`;
  const own = `${ends}${peerKey(peer)}`;
  const refused = (holder: Holder) => {
    const problem =
      holder.pid === process.pid
        ? `another tunnel of this configuration has the same addresses and ports now (${local} to ` +
          `${isUnspecified(remote) ? "any" : remote}), and nothing tells their peers apart: give each a ` +
          "peer_host_name or peer_router_id, or remove one"
        : `${describeHolder(holder)} has a tunnel with the same addresses and ports; stop it, ` +
          "or remove the tunnel from one of the two configurations";
    return { claim: { problem }, neighbour: undefined };
  };
  const locking = lockName(own);
  if (locking.holder !== undefined) return refused(locking.holder);
  const counts = locksAtEnds.get(lockName) ?? new Map<string, number>();
  locksAtEnds.set(lockName, counts);
  if (counts.has(ends)) return { claim: { lock: counted(locking.lock, counts, ends) }, neighbour: undefined };
  const [same, neighbour] = holding(locking.lock, () => {
    const others = namesTaken(prefix).filter((name) => name !== own && name.includes(`/${remote}/`));
    const isSame = (name: string) => name === ends || name.startsWith(`${ends}/`);
    const isOther = (holder: Holder) => holder.pid !== process.pid;
    // Only one daemon can tell peers at the same ends apart.
    return [
      firstHolder(others.filter(isSame), nameHolder, isOther),
      firstHolder(
        others.filter((name) => !isSame(name)),
        nameHolder,
        isOther,
      ),
    ];
  });
  if (same !== undefined) {
    locking.lock[Symbol.dispose]();
    return refused(same);
  }
  const text =
    neighbour &&
    `${describeHolder(neighbour)} has a tunnel with ${remote} on other ports: ` +
      "a peer that does not tell ports apart will have only one of them up at a time";
  return { claim: { lock: counted(locking.lock, counts, ends) }, neighbour: text };
}

/** What the lock of a tunnel that is not the only one at its ends ends in; nothing where nothing is asked. */
function peerKey(peer: TunnelEnds["peer"] = []): string {
  if (peer.every((part) => part === undefined)) return "";
  return `/${createHash("sha256").update(JSON.stringify(peer)).digest("hex").slice(0, 16)}`;
}

/** The first of the names' holders that counts. */
function firstHolder(
  names: readonly string[],
  holderOf: NameLocks["nameHolder"],
  counts: (holder: Holder) => boolean = () => true,
): Holder | undefined {
  return names.map(holderOf).find((holder) => holder !== undefined && counts(holder));
}
