import { counted } from "../bytes/counted.ts";
import type { PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { SecretSource } from "../config/secret-source.ts";
import type { Input } from "../control/effects.ts";
import type { PeerSettings } from "../control/settings.ts";
import type { StaticFollow } from "../control/static-follow.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { AdministrativeStates } from "./administrative-states.ts";
import type { Circuits } from "./circuits.ts";
import type { Log } from "./log.ts";
import type { FollowingContext, PeerMoves } from "./static-following.ts";
import type { TunnelEnds } from "./tunnel-ends.ts";

/** What tunnels are built on. */
export interface TunnelContext {
  readonly transport: PsnTransport;
  readonly circuits: Circuits;
  readonly log: Log;
  /** What following peers needs. */
  readonly following: Omit<FollowingContext, "log">;
  /** Feeds the control plane and performs what it asks. */
  input(input: Input): void;
  /** The static session of a pseudowire was closed: no report of the control plane tells that. */
  staticClosed(pseudowire: string): void;
  /** What is known of the path MTU to the peer of a tunnel that was replaced; empty where nothing is. */
  pathMtu(tunnel: string, path: PsnPath): Pick<PeerSettings, "formerPathMtu" | "pathLimits">;
  readSecret(source: SecretSource, tunnel: string): Uint8Array;
  /** What an operator closed by hand. */
  readonly administrative: AdministrativeStates;
  /** The location of a tunnel in the configuration file. */
  locationOf(tunnel: string): string | undefined;
}

/** One tunnel of the running configuration. */
export interface Tunnel {
  /** Its configuration; but pseudowires come and go: the present ones are in `pseudowires`, by name. */
  config: TunnelConfig;
  readonly pseudowires: Map<string, PseudowireConfig>;
  /** What it holds while it is open. */
  opened: Opened | undefined;
  /** Why it is waiting and not open: its address, port or secret is not there. */
  problem: string | undefined;
  /** Since when it waits, in ms of the monotonic clock. */
  waitingMs: number | undefined;
  /** Why it is open with ends that it should not have any more; undefined as a rule. */
  endsProblem: string | undefined;
}

/** Why a tunnel waits, since when, and when it is tried again. */
export interface WaitingTunnel {
  readonly problem: string;
  readonly sinceMs: number | undefined;
  readonly nextAttemptMs: number | undefined;
}

/** What a tunnel has while it is open. */
export interface Opened {
  readonly held: TunnelEnds;
  /** When the peer of a static tunnel is followed, and how it was; undefined where it is not. */
  readonly follow: StaticFollow | undefined;
  peerMoves: PeerMoves | undefined;
  /** As they were read. */
  secrets: readonly Uint8Array[];
  /** Whether its own address was there when that was looked at last. */
  hasAddress: boolean;
}

/** How many tunnels there are, and how many of them wait. */
export interface TunnelCounts {
  readonly tunnels: number;
  readonly waiting: number;
}

/** Says in the log that every tunnel is open, or waits. */
export function tellStarted({ tunnels, waiting }: TunnelCounts, log: Log): void {
  // Since the process began.
  const tookMs = Math.round(performance.now());
  const wait = waiting === 0 ? "" : `, ${waiting} of them ${waiting === 1 ? "waits" : "wait"}`;
  const text = `started in ${tookMs} ms with ${counted(tunnels, "tunnel")}${wait}`;
  log.info({ event: "started", tookMs, tunnels, waiting }, text);
}
