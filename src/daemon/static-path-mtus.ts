import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { earliest } from "../control/context.ts";
import type { ReportedEvent } from "../control/effects.ts";
import type { PathLimits, PathMtuSnapshot } from "../control/path-mtu.ts";
import type { PathMtuMemory } from "../control/path-mtu-memory.ts";
import { type EchoRequest, PathProber, type ProberPort } from "../control/path-prober.ts";
import type { ProbeCarrier } from "../control/probe-carriers.ts";
import type { Clock, Random } from "../environment.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import { ControlTimer } from "./control-timer.ts";
import { type EndsInUse, isUnspecified, pathOf, staticSessionOf } from "./settings.ts";

/** How often it is looked at what static tunnels there are, and where they lead. */
const LOOK_MS = 1000;

/** What searches of static tunnels need to know, and what they ask for. */
export interface StaticPaths {
  /** The running configuration. */
  config(): Config;
  /** The ends of a tunnel that is open. */
  ends(tunnel: string): EndsInUse | undefined;
  limits(path: PsnPath): PathLimits | undefined;
  /** What was measured last of a tunnel's path. */
  memory(tunnel: string): PathMtuMemory;
  /** Sends an echo request, by "vccv" in the control channel of the session. */
  ask(tunnel: string, request: EchoRequest, session: SessionParameters | undefined): void;
  /** What a path is known to take changed. */
  found(event: ReportedEvent & { readonly event: "path-mtu" }): void;
}

interface StaticTunnel {
  readonly prober: PathProber;
  config: TunnelConfig;
}

interface StaticSession {
  readonly tunnel: StaticTunnel;
  /** That passed until the last look. */
  frames: number;
}

/**
 * The path MTUs of static tunnels: they have no control connection whose HELLO could be padded, so that
 * probes are ICMP echo requests, in the control channel of a session with `vccv: echo` or else to the peer's
 * address.
 */
export class StaticPathMtus {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #paths: StaticPaths;
  readonly #tunnels = new Map<string, StaticTunnel>();
  /** By the local ids of static sessions. */
  #ofSession = new Map<number, StaticSession>();
  /** The configuration that is followed. */
  #config: Config | undefined;
  readonly #timer: ControlTimer;
  #isClosed = false;

  constructor(clock: Clock, random: Random, paths: StaticPaths) {
    this.#clock = clock;
    this.#random = random;
    this.#paths = paths;
    this.#timer = new ControlTimer(clock, () => this.update());
    this.#timer.arm(clock.nowMs());
  }

  /** What is known of the path of a tunnel; undefined where nothing is searched for. */
  snapshot(tunnel: string): PathMtuSnapshot | undefined {
    return this.#tunnels.get(tunnel)?.prober.snapshot;
  }

  /** Takes in counters: where data passed, what is known of the path is confirmed from time to time. */
  counted(sessions: readonly SessionCounters[]): void {
    if (this.#ofSession.size === 0) return;
    for (const { localSessionId, transmittedFrames, receivedFrames } of sessions) {
      const session = this.#ofSession.get(localSessionId);
      if (session === undefined) continue;
      const frames = transmittedFrames + receivedFrames;
      if (frames !== session.frames) session.tunnel.prober.dataPassed();
      session.frames = frames;
    }
  }

  /** A reply came; false where it is for no static tunnel. */
  answered(name: string, nonce: Uint8Array): boolean {
    const tunnel = this.#tunnels.get(name);
    if (tunnel === undefined) return false;
    tunnel.prober.answered(nonce);
    this.#probe(tunnel);
    this.#arm();
    return true;
  }

  /** Follows the static tunnels of the running configuration, and has their searches go on. */
  update(): void {
    if (this.#isClosed) return;
    const config = this.#paths.config();
    if (config !== this.#config) this.#follow(config);
    for (const tunnel of this.#tunnels.values()) {
      tunnel.prober.expire();
      this.#probe(tunnel);
    }
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.close();
  }

  #probe({ prober, config }: StaticTunnel): void {
    const path = this.#pathOf(config);
    const limits = path && this.#paths.limits(path);
    const carriers: readonly ProbeCarrier[] = echoingOf(config) === undefined ? ["echo"] : ["vccv", "echo"];
    prober.update(path && limits && { path, limits, carriers });
  }

  #ask({ config }: StaticTunnel, request: EchoRequest): void {
    const pseudowire = request.by === "vccv" ? echoingOf(config) : undefined;
    const session = pseudowire && staticSessionOf(pseudowire, request.path);
    this.#paths.ask(config.name, request, session);
  }

  #pathOf(config: TunnelConfig): PsnPath | undefined {
    const ends = this.#paths.ends(config.name);
    return ends === undefined || isUnspecified(ends.remoteAddress) ? undefined : pathOf(config, ends);
  }

  #arm(): void {
    const deadlines = [...this.#tunnels.values()].map(({ prober }) => prober.deadlineMs);
    this.#timer.arm(earliest(this.#clock.nowMs() + LOOK_MS, ...deadlines));
  }

  #follow(config: Config): void {
    this.#config = config;
    this.#ofSession = new Map();
    const wanted = new Map(
      config.tunnels
        .filter(({ control, pathMtu }) => control === undefined && pathMtu !== "none")
        .map((tunnel) => [tunnel.name, tunnel]),
    );
    for (const name of this.#tunnels.keys()) if (!wanted.has(name)) this.#tunnels.delete(name);
    for (const [name, tunnelConfig] of wanted) {
      const tunnel = this.#tunnels.get(name) ?? this.#newTunnel(tunnelConfig);
      tunnel.config = tunnelConfig;
      this.#tunnels.set(name, tunnel);
      for (const { staticSession } of tunnelConfig.pseudowires)
        if (staticSession !== undefined)
          this.#ofSession.set(staticSession.localSessionId, { tunnel, frames: 0 });
    }
  }

  #newTunnel(config: TunnelConfig): StaticTunnel {
    const { name: peer } = config;
    const clock = this.#clock;
    const port: ProberPort = {
      get nowMs() {
        return clock.nowMs();
      },
      random: this.#random,
      sendHello: () => false,
      sendEcho: (request) => this.#ask(tunnel, request),
      found: (found) => this.#paths.found({ event: "path-mtu", peer, ...found }),
    };
    const tunnel = { prober: new PathProber(port, this.#paths.memory(peer)), config };
    return tunnel;
  }
}

/** A pseudowire of a static tunnel whose control channel has ICMP echo, if there is one. */
function echoingOf({ pseudowires }: TunnelConfig): PseudowireConfig | undefined {
  return pseudowires.find(({ vccv, staticSession }) => vccv === "echo" && staticSession !== undefined);
}
