import type { Effect, Input } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import type { PeerSettings } from "../../src/control/settings.ts";
import { type PsnPath, pathKey, type SessionParameters } from "../../src/wire/session-parameters.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { pathBetween, peerSettings, pseudowireSettings } from "./world.ts";

type Name = "hub" | "branch";

interface Flight {
  readonly atMs: number;
  readonly to: Name;
  readonly path: PsnPath;
  readonly octets: Uint8Array;
  readonly isGenuine: boolean;
}

/** One of the two LCCEs. */
interface Site {
  readonly lcce: Lcce;
  /** Its address and port as the other sees them: those of a NAT, if there is one. */
  seen: { address: string; port: number };
  session: SessionParameters | undefined;
  readonly events: string[];
  /** How often a connection was established. */
  connections: number;
  /** Paths by which the other's own messages came, after something was sent there. */
  readonly proven: Set<string>;
  readonly balance: Map<string, number>;
}

const LATENCY_MS = 20;

/**
 * Two LCCEs whose addresses and ports change as the other sees them. What goes to a former one is lost. Notes
 * each violation of what holds whoever sends whatever: no session moves to a path by which the peer did not
 * answer, and no such path gets more octets than came from there.
 */
export class NatWorld {
  readonly random: SeededRandom;
  readonly sites: Readonly<Record<Name, Site>>;
  readonly violations: string[] = [];
  /** What went to each of them, as it saw it. */
  readonly heard: { readonly to: Name; readonly path: PsnPath; readonly octets: Uint8Array }[] = [];
  nowMs = 0;
  loss = 0;
  /** Whether the hub has data of the branch all the time, which is a hint where it comes from elsewhere. */
  hasTraffic = false;
  #flights: Flight[] = [];
  #trafficMs = 0;

  constructor(seed: number, changes: Partial<PeerSettings>, encapsulation: "udp" | "ip" = "udp") {
    this.random = new SeededRandom(seed);
    const port = encapsulation === "udp" ? 1701 : 0;
    this.sites = {
      hub: this.#site("hub", "192.0.2.1", port),
      branch: this.#site("branch", "192.0.2.2", port),
    };
    for (const name of ["hub", "branch"] as const) {
      const path = pathBetween(this.sites[name].seen.address, this.#other(name).seen.address, encapsulation);
      const role = name === "hub" ? "responder" : "initiator";
      this.input(name, {
        kind: "open-connection",
        peer: { ...peerSettings("peer", path), ...changes, path, role },
      });
      const pseudowire = pseudowireSettings("lan");
      this.input(name, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
    }
  }

  input(name: Name, input: Input): void {
    this.#perform(name, this.sites[name].lcce.handle(input, this.nowMs));
  }

  /** Puts a datagram before one of them that is not from the other. */
  forge(to: Name, path: PsnPath, octets: Uint8Array): void {
    this.#flights.push({ atMs: this.nowMs + 1, to, path, octets, isGenuine: false });
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    while (this.#step(endMs));
    this.nowMs = endMs;
  }

  runUntil(done: () => boolean, forMs: number): boolean {
    const endMs = this.nowMs + forMs;
    while (!done()) if (!this.#step(endMs)) return done();
    return true;
  }

  get isUp(): boolean {
    return this.sites.hub.session !== undefined && this.sites.branch.session !== undefined;
  }

  /** Whether each sends its frames to where the other is. */
  get isRight(): boolean {
    return (["hub", "branch"] as const).every((name) => {
      const { session } = this.sites[name];
      const { address, port } = this.#other(name).seen;
      return session?.path.remoteAddress === address && session.path.remotePort === port;
    });
  }

  #site(name: Name, address: string, port: number): Site {
    const lcce = new Lcce(
      { hostName: name, routerId: name === "hub" ? 1 : 2, vendorName: "Wirespan" },
      new SeededRandom(Math.floor(this.random.next() * 2 ** 32)),
    );
    const seen = { address, port };
    return {
      lcce,
      seen,
      session: undefined,
      events: [],
      connections: 0,
      proven: new Set(),
      balance: new Map(),
    };
  }

  #other(name: Name): Site {
    return this.sites[name === "hub" ? "branch" : "hub"];
  }

  #step(endMs: number): boolean {
    const names = ["hub", "branch"] as const;
    const due = [
      ...this.#flights.map(({ atMs }) => atMs),
      ...names.map((name) => this.sites[name].lcce.deadlineMs ?? Number.POSITIVE_INFINITY),
      this.hasTraffic ? this.#trafficMs : Number.POSITIVE_INFINITY,
    ];
    const next = Math.min(...due);
    if (next > endMs) return false;
    this.nowMs = Math.max(this.nowMs, next);
    const arrived = this.#flights.filter(({ atMs }) => atMs <= this.nowMs);
    this.#flights = this.#flights.filter(({ atMs }) => atMs > this.nowMs);
    for (const flight of arrived) this.#arrive(flight);
    for (const name of names) this.#perform(name, this.sites[name].lcce.expire(this.nowMs));
    if (this.hasTraffic && this.#trafficMs <= this.nowMs) this.#traffic();
    return true;
  }

  #arrive({ to, path, octets, isGenuine }: Flight): void {
    const { balance, proven } = this.sites[to];
    const key = pathKey(path);
    if (isGenuine && balance.has(key)) proven.add(key);
    balance.set(key, (balance.get(key) ?? 0) + octets.length);
    this.input(to, { kind: "datagram", path, octets });
  }

  /** A data message of the branch reaches the hub. */
  #traffic(): void {
    this.#trafficMs = this.nowMs + 100;
    const { session } = this.sites.hub;
    if (session === undefined || this.sites.branch.session === undefined) return;
    const { localSessionId } = session;
    const { address, port } = this.sites.branch.seen;
    const path = { ...session.path, remoteAddress: address, remotePort: port };
    if (pathKey(path) === pathKey(session.path)) this.input("hub", { kind: "data-received", localSessionId });
    else this.hint(path);
  }

  /** The hub gets data with a right cookie by another path. */
  hint(path: PsnPath): void {
    const { session, balance } = this.sites.hub;
    if (session === undefined) return;
    balance.set(pathKey(path), (balance.get(pathKey(path)) ?? 0) + 100);
    this.input("hub", { kind: "data-elsewhere", localSessionId: session.localSessionId, path, octets: 100 });
  }

  #transmit(from: Name, path: PsnPath, octets: Uint8Array): void {
    const { balance, proven, seen } = this.sites[from];
    const key = pathKey(path);
    const left = (balance.get(key) ?? 0) - octets.length;
    balance.set(key, left);
    const isElsewhere = path.remoteAddress !== this.#other(from).seen.address;
    if (left < 0 && isElsewhere && !proven.has(key))
      this.violations.push(`${-left} octets too many to ${key}`);
    const to = from === "hub" ? "branch" : "hub";
    const there = this.sites[to].seen;
    if (path.remoteAddress !== there.address || path.remotePort !== there.port) return;
    if (this.random.next() < this.loss) return;
    const own = this.sites[to].session?.path ?? pathBetween(there.address, seen.address, path.encapsulation);
    const arriving = { ...own, remoteAddress: seen.address, remotePort: seen.port };
    this.heard.push({ to, path: arriving, octets: octets.slice() });
    const atMs = this.nowMs + LATENCY_MS;
    this.#flights.push({ atMs, to, path: arriving, octets: octets.slice(), isGenuine: true });
  }

  #perform(name: Name, effects: readonly Effect[]): void {
    const site = this.sites[name];
    for (const effect of effects) {
      switch (effect.kind) {
        case "transmit":
          this.#transmit(name, effect.path, effect.octets);
          break;
        case "forwarding-add":
        case "forwarding-update": {
          const key = pathKey(effect.session.path);
          const isOurs = site.session?.path.localAddress !== effect.session.path.localAddress;
          if (!site.proven.has(key) && !isOurs) this.violations.push(`${name} moved to ${key}`);
          site.session = effect.session;
          break;
        }
        case "forwarding-remove":
          site.session = undefined;
          break;
        case "report": {
          const { event } = effect;
          if (event.event === "control-connection" && event.to === "established") site.connections += 1;
          if (event.event === "path") site.events.push(`${event.change} ${event.path.remoteAddress}`);
          break;
        }
      }
    }
  }
}
