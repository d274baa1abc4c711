import type { ConnectionSnapshot, LcceSnapshot } from "../control/snapshot.ts";
import type { Clock } from "../environment.ts";
import { OWN_ADDRESS, PathMtus, type SendError } from "../os/path-mtus.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { Note } from "./notes.ts";

/** The addresses of the two ends of a tunnel. */
export interface TunnelAddresses {
  readonly local: string;
  readonly remote: string;
}

/** TABLE: what it means that a message cannot be sent, by the errno. */
const meanings: Readonly<Record<string, string>> = {
  ENETUNREACH: "no route to this address",
  EHOSTUNREACH: "the route is unreachable, or the next hop does not answer",
  EACCES: "a broadcast address, or prohibited by a route",
  EINVAL: "not reachable from this local address, or the route is a blackhole",
  EPERM: "a packet filter or an IPsec policy of this machine forbids it",
  ENETDOWN: "the outgoing interface is down",
  EADDRNOTAVAIL: "the local address is no longer on this machine",
};

/** TABLE: commands that show more than the route, by the errno. */
const further: Readonly<Record<string, readonly string[]>> = {
  EPERM: ["nft list ruleset", "ip xfrm policy"],
};

/** The text for a verdict of the kernel on a route, with what to do. */
export function sendProblem({ local, remote }: TunnelAddresses, verdict: SendError): string {
  const commands = [...(further[verdict] ?? []), `ip route get ${remote} from ${local}`];
  const see = `see: ${commands.join(", ")}`;
  if (verdict === OWN_ADDRESS)
    return `remote ${remote} is an address of this machine itself; a tunnel needs another machine; ${see}`;
  const meaning = meanings[verdict];
  const why = meaning === undefined ? verdict : `${verdict} (${meaning})`;
  return `cannot send messages to ${remote}: ${why}; ${see}`;
}

/** Whether a control connection has received nothing from its peer yet. */
export function hasHeardNothing(
  connection: ConnectionSnapshot | undefined,
): connection is ConnectionSnapshot {
  return connection !== undefined && connection.state !== "established" && connection.received === 0;
}

/** How long an answer of the kernel about a route holds, unless routes or interfaces change. */
const HOLDS_MS = 2000;

/**
 * Why messages do not leave for the peers of tunnels: what sending said the last time, or else what the
 * kernel says of the route, which also tells of tunnels that have nothing to send just now. Nothing here is
 * of what the network says, such as ICMP, which anybody forges.
 */
export class SendProblems implements Disposable {
  readonly #clock: Clock;
  readonly #routes = PathMtus.open();
  /**
   * By the addresses of both ends: the errno of the last message, where it was refused; and what the kernel
   * said of routes.
   */
  readonly #refused = new Map<string, string>();
  readonly #known = new Map<string, SendError | undefined>();
  #knownMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A message was given to the kernel, which refused it with this errno or took it. */
  sent({ localAddress, remoteAddress }: PsnPath, errno: string | undefined): void {
    const key = `${localAddress} ${remoteAddress}`;
    if (errno === undefined) this.#refused.delete(key);
    else this.#refused.set(key, errno);
  }

  /** Drops what is known, after routes or interfaces changed. */
  forget(): void {
    this.#refused.clear();
    this.#knownMs = Number.NEGATIVE_INFINITY;
  }

  /** The problems of all tunnels, as notes. */
  *all(
    tunnels: readonly (TunnelAddresses & { readonly name: string })[],
    { connections }: LcceSnapshot,
  ): Iterable<Note> {
    const snapshots = new Map(connections.map((one) => [one.peer, one]));
    for (const tunnel of tunnels) {
      const connection = snapshots.get(tunnel.name);
      // One that has only begun may be answered yet.
      const problem = this.problemOf(tunnel, hasHeardNothing(connection) && connection.retransmitted > 0);
      if (problem !== undefined) yield { kind: "tunnel", name: tunnel.name, text: problem };
    }
  }

  /**
   * Why messages cannot be sent, as text; of a peer that is silent also that its address is this machine's
   * own.
   */
  problemOf(ends: TunnelAddresses, isPeerSilent: boolean): string | undefined {
    const verdict = this.#verdictOf(ends);
    if (verdict === undefined || (verdict === OWN_ADDRESS && !isPeerSilent)) return undefined;
    return sendProblem(ends, verdict);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#routes[Symbol.dispose]();
  }

  #verdictOf({ local, remote }: TunnelAddresses): SendError | undefined {
    const key = `${local} ${remote}`;
    const refused = this.#refused.get(key);
    if (refused !== undefined || this.#isClosed) return refused;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#knownMs > HOLDS_MS) {
      this.#known.clear();
      this.#knownMs = nowMs;
    }
    if (!this.#known.has(key)) {
      const [verdict] = this.#routes.sendErrors([{ localAddress: local, remoteAddress: remote }]);
      this.#known.set(key, verdict);
    }
    return this.#known.get(key);
  }
}
