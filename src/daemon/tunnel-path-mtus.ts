import { operationalMessage } from "../bytes/errors.ts";
import type { Config, TunnelConfig } from "../config/config.ts";
import type { PlanStep } from "../config/plan.ts";
import type { Input, ReportedEvent } from "../control/effects.ts";
import type { PathLimits, PathMtuSnapshot } from "../control/path-mtu.ts";
import { PathMtuMemory } from "../control/path-mtu-memory.ts";
import type { EchoRequest } from "../control/path-prober.ts";
import type { PeerSettings } from "../control/settings.ts";
import type { LcceSnapshot } from "../control/snapshot.ts";
import type { Clock } from "../environment.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import { reportPathMtu } from "../os/path-mtu-report.ts";
import { cryptoRandom } from "../os/random.ts";
import { type PsnPath, pathKey, type SessionParameters } from "../wire/session-parameters.ts";
import type { HandedPathMtu } from "./api.ts";
import { ControlTimer } from "./control-timer.ts";
import { EchoProbes } from "./echo-probes.ts";
import type { EventLog } from "./event-log.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { OuterFragments } from "./outer-fragments.ts";
import { assumedOctets, PathLimitsReader, type PathLinks } from "./path-limits.ts";
import { type EndsInUse, pathOf } from "./settings.ts";
import { StaticPathMtus } from "./static-path-mtus.ts";
import { VccvProbes } from "./vccv-probes.ts";

/** How often the kernel is asked what it learned of the paths: it notifies nobody. */
const LOOK_MS = 1000;

/** A path of a control connection, what its search knows, and what it was told. */
interface Told {
  readonly path: PsnPath;
  readonly found: PathMtuSnapshot | undefined;
  limits: PathLimits | undefined;
}

/** What is known of the largest packet that a path takes whole, header included, in octets. */
export interface PathMtuKnowledge {
  /** As measured, or else as the kernel knows; undefined without a route. */
  readonly octets: number | undefined;
}

/** What path MTUs are of, and what they lead to. */
export interface PathMtuListener {
  /** The running configuration. */
  config(): Config;
  readonly log: Log;
  readonly eventLog: EventLog;
  readonly transport: Pick<PsnTransport, "limitPackets" | "send">;
  readonly limiter: LogLimiter;
  /** The ends of a tunnel that is open. */
  ends(tunnel: string): EndsInUse | undefined;
  input(input: Input): void;
  /** Packets to the peer of these pseudowires may be longer or shorter from now on. */
  changed(pseudowires: readonly string[]): void;
  /** The MTU of an interface changed: calls `update` soon. */
  interfaceChanged(): void;
}

/**
 * The path MTUs of tunnels: tells the control plane what limits packets to peers, sends the echo requests
 * that are probes, searches for static tunnels, and tells planes and status what the paths take: as measured,
 * or else as the kernel knows.
 */
export class TunnelPathMtus implements Disposable {
  /** What the kernel knows of the paths. */
  readonly limits: PathLimitsReader;
  readonly #clock: Clock;
  readonly #listener: PathMtuListener;
  readonly #echoes: EchoProbes;
  readonly #vccv: VccvProbes;
  readonly #static: StaticPathMtus;
  /** What was measured, by the path; of paths that a connection or a static tunnel uses. */
  readonly #measured = new Map<string, { readonly path: PsnPath; readonly octets: number }>();
  /** What was measured last, by the tunnels of the configuration. */
  readonly #memories = new Map<string, PathMtuMemory>();
  /** Paths of control connections by their tunnels, and what the control plane was told of them. */
  #told = new Map<string, Told>();
  /** What was known of the paths of tunnels when their planes were told last. */
  #known = new Map<string, number | undefined>();
  readonly #outerFragments: OuterFragments;
  readonly #timer: ControlTimer;

  constructor(links: PathLinks, clock: Clock, listener: PathMtuListener) {
    this.limits = new PathLimitsReader(links, clock, () => listener.interfaceChanged());
    this.#clock = clock;
    this.#listener = listener;
    const replied = (peer: string, nonce: Uint8Array) => {
      if (!this.#static.answered(peer, nonce)) listener.input({ kind: "echo-reply", peer, nonce });
    };
    this.#vccv = new VccvProbes(clock, { transport: listener.transport, replied });
    this.#echoes = new EchoProbes(clock, {
      replied,
      failed: (problem) => this.#echoFailed(problem),
    });
    this.#outerFragments = new OuterFragments(clock, reportPathMtu);
    this.#timer = new ControlTimer(clock, () => this.#look());
    this.#timer.arm(clock.nowMs() + LOOK_MS);
    this.#static = new StaticPathMtus(clock, cryptoRandom, {
      config: () => listener.config(),
      ends: (tunnel) => listener.ends(tunnel),
      limits: (path) => this.limits.of(path),
      memory: (tunnel) => this.#memoryOf(tunnel),
      ask: (tunnel, request, session) => this.ask(tunnel, request, session),
      found: (event) => {
        listener.eventLog.report(event, clock.nowMs());
        this.found(event, listener.config());
      },
    });
  }

  /** What is known of a path. What was measured counts alone, but for what our own interface takes. */
  of(path: PsnPath): PathMtuKnowledge {
    const limits = this.limits.of(path);
    const measuredOctets = this.#measured.get(pathKey(path))?.octets;
    if (limits === undefined) return { octets: measuredOctets };
    if (measuredOctets === undefined) return { octets: assumedOctets(limits) };
    return { octets: Math.min(measuredOctets, limits.interfaceOctets) };
  }

  /**
   * Settings of a peer whose path was measured before, by a peer that it replaces: its search begins by that,
   * as soon as it is connected.
   */
  known(tunnel: string, path: PsnPath): Pick<PeerSettings, "formerPathMtu" | "pathLimits"> {
    const formerPathMtu = this.#memories.get(tunnel)?.of(path);
    const pathLimits = this.limits.of(path);
    return formerPathMtu === undefined || pathLimits === undefined ? {} : { formerPathMtu, pathLimits };
  }

  /** Tunnels get other names, and what was measured with them. Called ahead of their configuration. */
  rename(steps: readonly Pick<PlanStep, "name" | "newName">[]): void {
    const renamed = steps.flatMap(({ name, newName }) => {
      const memory = this.#memories.get(name);
      return newName === undefined || memory === undefined ? [] : [[newName, memory] as const];
    });
    for (const { name, newName } of steps) if (newName !== undefined) this.#memories.delete(name);
    for (const [name, memory] of renamed) this.#memories.set(name, memory);
  }

  /** What was measured, for the daemon that takes over. */
  get handedOver(): readonly HandedPathMtu[] {
    return [...this.#memories].flatMap(([tunnel, { last }]) => {
      if (last === undefined) return [];
      const { measuredMs, ...measured } = last;
      return { ...measured, tunnel, measuredAgoMs: this.#clock.nowMs() - measuredMs };
    });
  }

  /** Takes in what a daemon before this one measured, before there are tunnels. */
  takeOver(pathMtus: readonly HandedPathMtu[]): void {
    for (const { tunnel, measuredAgoMs, ...measured } of pathMtus) {
      const measuredMs = this.#clock.nowMs() - measuredAgoMs;
      this.#memories.set(tunnel, new PathMtuMemory({ ...measured, measuredMs }));
      // Sessions go on before there are searches.
      this.#measured.set(pathKey(measured.path), measured);
    }
  }

  /** What is known of paths, as sources of the status. */
  get sources() {
    return {
      pathLimits: (path: PsnPath) => this.limits.of(path),
      staticPathMtu: (tunnel: string) => this.#static.snapshot(tunnel),
    };
  }

  /** Sends an echo request as a probe: in the control channel of a session, or to the peer's address. */
  ask(tunnel: string, request: EchoRequest, session: SessionParameters | undefined): void {
    if (session === undefined) this.#echoes.send(tunnel, request);
    else this.#vccv.send(tunnel, request, session);
  }

  /** An ICMP echo reply came in by the control channel of a session. */
  answered(localSessionId: number, channelType: number, payload: Uint8Array): void {
    this.#vccv.receive(localSessionId, channelType, payload);
  }

  /**
   * Compares what the kernel knows of all paths with what the control plane was told; `counted` are the
   * sessions whose counters were read.
   */
  update(config: Config, { connections }: LcceSnapshot, counted: readonly SessionCounters[]): void {
    this.#static.counted(counted);
    this.#told = new Map(
      connections.map(({ peer, path, pathMtu: found, pathLimits: limits }) => [
        peer,
        { path, found, limits },
      ]),
    );
    this.#forgetUnused(config);
    this.#tell(config);
  }

  /** Takes in what the search of a control connection or of a static tunnel found. */
  found(found: ReportedEvent & { readonly event: "path-mtu" }, { tunnels }: Config): void {
    const { peer, path, octets, state } = found;
    const key = pathKey(path);
    this.#memoryOf(peer).note(found, this.#clock.nowMs());
    // The path is as it was, for the search that comes after it; without one it is forgotten soon.
    if (octets === undefined && state === "disabled") return;
    // The socket may be another than that which was told before.
    this.#listener.transport.limitPackets(path, octets);
    if (this.#measured.get(key)?.octets === octets) return;
    if (octets === undefined) this.#measured.delete(key);
    else this.#measured.set(key, { path, octets });
    this.#known.set(peer, this.of(path).octets);
    const tunnel = tunnels.find(({ name }) => name === peer);
    this.#listener.changed(tunnel?.pseudowires.map(({ name }) => name) ?? []);
  }

  #memoryOf(tunnel: string): PathMtuMemory {
    const memory = this.#memories.get(tunnel) ?? new PathMtuMemory();
    this.#memories.set(tunnel, memory);
    return memory;
  }

  /** Forgets tunnels that are not measured any more, and paths that no tunnel uses. */
  #forgetUnused({ tunnels }: Config): void {
    const measured = tunnels.filter(({ pathMtu }) => pathMtu !== "none");
    const names = new Set(measured.map(({ name }) => name));
    for (const name of this.#memories.keys()) if (!names.has(name)) this.#memories.delete(name);
    const paths = measured.flatMap(
      ({ name }) => this.#told.get(name)?.path ?? this.#memories.get(name)?.last?.path ?? [],
    );
    const used = new Set(paths.map(pathKey));
    for (const [key, { path }] of this.#measured) {
      if (used.has(key)) continue;
      this.#measured.delete(key);
      this.#listener.transport.limitPackets(path, undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#timer.close();
    this.#static.close();
    this.limits[Symbol.dispose]();
    this.#echoes.close();
  }

  /** Tells the control plane what the kernel knows of the paths of connections, where that changed. */
  #tell({ tunnels }: Config): void {
    for (const { name: peer } of tunnels) {
      const told = this.#told.get(peer);
      const limits = told && this.limits.of(told.path);
      if (told === undefined || limits === undefined || isSame(limits, told.limits)) continue;
      told.limits = limits;
      this.#listener.input({ kind: "path-limits", peer, limits });
    }
  }

  /** Looks at what the kernel learned since the last time, however seldom counters are read. */
  #look(): void {
    const config = this.#listener.config();
    this.#tell(config);
    const before = this.#known;
    this.#known = new Map();
    const paths: PsnPath[] = [];
    for (const tunnel of config.tunnels) {
      const { name, pseudowires } = tunnel;
      const ends = this.#listener.ends(name);
      const path = this.#told.get(name)?.path ?? (ends && pathOf(tunnel, ends));
      if (path === undefined) continue;
      paths.push(path);
      this.#fragmentBy(tunnel, path);
      const { octets } = this.of(path);
      this.#known.set(name, octets);
      const isOther = before.has(name) && before.get(name) !== octets;
      if (isOther) this.#listener.changed(pseudowires.map((pseudowire) => pseudowire.name));
    }
    this.#outerFragments.keep(paths);
    this.#timer.arm(this.#clock.nowMs() + LOOK_MS);
  }

  /** Has IP fragment packets by what was measured, where it may. */
  #fragmentBy({ name, fragmentation }: TunnelConfig, path: PsnPath): void {
    if (fragmentation === "none") return;
    const found = this.#told.get(name)?.found ?? this.#static.snapshot(name);
    try {
      this.#outerFragments.follow(path, found, this.limits.of(path));
    } catch (error) {
      const problem = operationalMessage(error);
      const more = this.#listener.limiter.admit("path mtu report", this.#clock.nowMs());
      if (more === undefined) return;
      const text = `packets to ${path.remoteAddress} are not fragmented by the path MTU that was measured`;
      this.#listener.log.warn({ event: "path-mtu", problem }, `${text}: ${problem}${more}`);
    }
  }

  #echoFailed(problem: string): void {
    const more = this.#listener.limiter.admit("icmp echo", this.#clock.nowMs());
    if (more === undefined) return;
    this.#listener.log.warn(
      { event: "path-mtu", problem },
      `no path MTU can be measured by ICMP echo: ${problem}${more}`,
    );
  }
}

function isSame(one: PathLimits, other: PathLimits | undefined): boolean {
  return one.interfaceOctets === other?.interfaceOctets && one.reportedOctets === other.reportedOctets;
}
