import { toHex } from "../../src/bytes/hex.ts";
import type { Effect, Input } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import type { PeerSettings, PseudowireSettings } from "../../src/control/settings.ts";
import type { PsnPath, SessionParameters } from "../../src/wire/session-parameters.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** What the path between two LCCEs does to a datagram, each as a probability. */
export interface Path {
  readonly loss: number;
  readonly duplicate: number;
  readonly corrupt: number;
  /** Longest delay in ms beyond the latency; datagrams overtake each other within it. */
  readonly delayMs: number;
  /** What every datagram takes in ms; none unless it is given. */
  readonly latencyMs?: number;
  /** The longest datagram that arrives, without headers of IP and UDP; any unless it is given. */
  readonly mostOctets?: number;
}

export const perfect: Path = { loss: 0, duplicate: 0, corrupt: 0, delayMs: 5 };

interface Flight {
  readonly atMs: number;
  readonly to: Node;
  readonly path: PsnPath;
  readonly octets: Uint8Array;
}

/** What the world asks of a machine. */
export type Machine = Pick<Lcce, "handle" | "expire" | "deadlineMs">;

/** One LCCE of the world with what its effects have built so far. */
export class Node {
  readonly name: string;
  readonly address: string;
  lcce: Lcce;
  /** What the plane was told: sessions by local id. */
  readonly forwarding = new Map<number, SessionParameters>();
  readonly sent: { atMs: number; octets: Uint8Array }[] = [];
  readonly reports: string[] = [];
  alive = true;

  constructor(name: string, address: string, lcce: Lcce) {
    this.name = name;
    this.address = address;
    this.lcce = lcce;
  }
}

/** LCCEs, one clock and one seeded path: hours of protocol time in milliseconds of ours. */
export class World {
  readonly random: SeededRandom;
  nowMs = 0;
  path: Path;
  readonly nodes = new Map<string, Node>();
  /** Hears every datagram that is sent, with the node that it is for and the path as that node sees it. */
  tap: ((to: Node, path: PsnPath, octets: Uint8Array) => void) | undefined;
  /** Octets that nodes sent to addresses where nobody is. */
  strayOctets = 0;
  /** The most of them that went to one address and port beyond what had come from there. */
  unaskedOctets = 0;
  /** Octets that came from such addresses and ports, less those that went there. */
  readonly #balances = new Map<string, number>();
  #flights: Flight[] = [];

  constructor(seed: number, path: Path = perfect) {
    this.random = new SeededRandom(seed);
    this.path = path;
  }

  add(name: string, address: string): Node {
    const node = new Node(name, address, this.#lcce(name));
    this.nodes.set(address, node);
    return node;
  }

  /** Another machine at an address: whatever takes inputs and time as an LCCE does. */
  place(name: string, address: string, machine: Machine): Node {
    const node = new Node(name, address, machine as Lcce);
    this.nodes.set(address, node);
    return node;
  }

  /** As after kill -9: a fresh LCCE that knows nothing, at the same address. */
  restart(node: Node): void {
    node.lcce = this.#lcce(node.name);
    node.forwarding.clear();
  }

  input(node: Node, input: Input): void {
    this.#perform(node, node.lcce.handle(input, this.nowMs));
  }

  /** Runs until `done`, for at most `forMs`; true when it came about. */
  runUntil(done: () => boolean, forMs: number): boolean {
    const endMs = this.nowMs + forMs;
    while (!done()) {
      if (!this.#step(endMs)) return done();
    }
    return true;
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    while (this.#step(endMs));
    this.nowMs = endMs;
  }

  /** Puts a datagram on the way as `from` would send it. */
  transmit(from: Node, path: PsnPath, octets: Uint8Array): void {
    const to = this.nodes.get(path.remoteAddress);
    if (to === undefined) {
      this.strayOctets += octets.length;
      this.unaskedOctets = Math.max(this.unaskedOctets, -this.#book(path, -octets.length));
      return;
    }
    this.tap?.(to, mirrored(path, from.address), octets.slice());
    if (this.random.next() < this.path.loss) return;
    if (octets.length > (this.path.mostOctets ?? Number.POSITIVE_INFINITY)) return;
    const copies = this.random.next() < this.path.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delayed = octets.slice();
      if (delayed.length > 0 && this.random.next() < this.path.corrupt) {
        const at = Math.floor(this.random.next() * delayed.length);
        delayed[at] = (delayed[at] ?? 0) ^ (1 + Math.floor(this.random.next() * 255));
      }
      const { delayMs, latencyMs = 0 } = this.path;
      const atMs = this.nowMs + latencyMs + 1 + Math.floor(this.random.next() * delayMs);
      this.#flights.push({ atMs, to, path: mirrored(path, from.address), octets: delayed });
    }
  }

  /**
   * Puts a datagram in front of a node as if it came by `path`; it arrives whatever the path does to others.
   */
  inject(to: Node, path: PsnPath, octets: Uint8Array, afterMs: number): void {
    this.#flights.push({ atMs: this.nowMs + afterMs, to, path, octets });
    this.#book(path, octets.length);
  }

  #book({ remoteAddress, remotePort }: PsnPath, octets: number): number {
    const key = `${remoteAddress} ${remotePort}`;
    const balance = (this.#balances.get(key) ?? 0) + octets;
    this.#balances.set(key, balance);
    return balance;
  }

  #lcce(name: string): Lcce {
    const random = new SeededRandom(Math.floor(this.random.next() * 2 ** 32));
    return new Lcce(
      { hostName: name, routerId: Math.floor(this.random.next() * 2 ** 32), vendorName: "Wirespan" },
      random,
    );
  }

  /** Advances to the next thing that can happen; false when nothing does before `endMs`. */
  #step(endMs: number): boolean {
    const nodes = [...this.nodes.values()].filter((node) => node.alive);
    const due = [...this.#flights.map((flight) => flight.atMs), ...nodes.map((node) => node.lcce.deadlineMs)];
    const next = Math.min(...due.filter((atMs) => atMs !== undefined));
    if (next > endMs) return false;
    this.nowMs = Math.max(this.nowMs, next);
    const arrived = this.#flights.filter((flight) => flight.atMs <= this.nowMs);
    this.#flights = this.#flights.filter((flight) => flight.atMs > this.nowMs);
    for (const { to, path, octets } of arrived) {
      if (to.alive) this.input(to, { kind: "datagram", path, octets });
    }
    for (const node of nodes) this.#perform(node, node.lcce.expire(this.nowMs));
    return true;
  }

  #perform(node: Node, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "transmit":
          node.sent.push({ atMs: this.nowMs, octets: effect.octets });
          this.transmit(node, effect.path, effect.octets);
          break;
        case "forwarding-add":
        case "forwarding-update":
          node.forwarding.set(effect.session.localSessionId, effect.session);
          break;
        case "forwarding-remove":
          node.forwarding.delete(effect.localSessionId);
          break;
        case "report":
          node.reports.push(JSON.stringify(effect.event));
          break;
      }
    }
  }
}

function mirrored(path: PsnPath, senderAddress: string): PsnPath {
  return {
    encapsulation: path.encapsulation,
    localAddress: path.remoteAddress,
    localPort: path.remotePort,
    remoteAddress: senderAddress,
    remotePort: path.localPort,
  };
}

export function pathBetween(local: string, remote: string, encapsulation: "udp" | "ip" = "udp"): PsnPath {
  const port = encapsulation === "udp" ? 1701 : 0;
  return { encapsulation, localAddress: local, localPort: port, remoteAddress: remote, remotePort: port };
}

const utf8 = new TextEncoder();

/** Settings with everything at its default, and what a test wants otherwise. */
export function peerSettings(name: string, path: PsnPath, changes: Partial<PeerSettings> = {}): PeerSettings {
  return {
    name,
    path,
    role: "either",
    authentication: { mode: "none", digestType: "hmac-md5", secrets: [], hideAvps: false },
    delivery: { initialMs: 1000, capMs: 8000, limit: 10, receiveWindowSize: 8 },
    helloIntervalMs: 60_000,
    roaming: "control",
    reconnectInitialMs: 1000,
    reconnectCapMs: 60_000,
    ...changes,
  };
}

export function digestAuthentication(...secrets: readonly string[]): PeerSettings["authentication"] {
  return {
    mode: "digest",
    digestType: "hmac-sha1",
    secrets: secrets.map((secret) => utf8.encode(secret)),
    hideAvps: false,
  };
}

export function pseudowireSettings(
  name: string,
  changes: Partial<PseudowireSettings> = {},
): PseudowireSettings {
  return {
    name,
    type: "ethernet",
    remoteEndId: utf8.encode(name),
    cookieOctets: 8,
    sublayer: "none",
    sequencing: "none",
    ...changes,
  };
}

/** Sessions of `left` whose other end `right` holds with exactly the mirrored parameters. */
export function agreedSessions(left: Node, right: Node): readonly SessionParameters[] {
  const mirror = new Map([...right.forwarding.values()].map((session) => [session.localSessionId, session]));
  return [...left.forwarding.values()].filter((session) => {
    const other = mirror.get(session.remoteSessionId);
    return (
      other !== undefined &&
      other.remoteSessionId === session.localSessionId &&
      toHex(other.transmitCookie) === toHex(session.receiveCookie) &&
      toHex(other.receiveCookie) === toHex(session.transmitCookie) &&
      other.transmitSublayer === session.receiveSublayer &&
      other.receiveSublayer === session.transmitSublayer &&
      other.transmitSequencing === session.receiveSequencing &&
      other.receiveSequencing === session.transmitSequencing
    );
  });
}
