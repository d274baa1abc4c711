import type { TunnelConfig } from "../config/config.ts";
import type { ControlDiscardReason } from "../control/control-discards.ts";
import type { ConnectionSnapshot, LcceOverview } from "../control/snapshot.ts";
import type { PlaneName, SessionCounters } from "../forwarding/plane.ts";
import type { ChangeHistory, ChangingKind } from "./change-history.ts";
import { isTunnelUp, pathMtuStatus, stateOf } from "./connection-report.ts";
import type { ReloadCounts } from "./file-readings.ts";
import { type CountersSources, countersByPseudowire } from "./session-counters.ts";
import type { PathMtuStatus } from "./status.ts";
import { discardsOf, pathInUse, type StatusSources } from "./status-sources.ts";
import type { Totals, TunnelTotals } from "./tunnel-totals.ts";

/** What metrics are of: the whole daemon, each tunnel, and each pseudowire, as they are at one moment. */

/** What metrics are read from, of a status report as far as possible. */
export interface MetricsSources
  extends CountersSources,
    Pick<
      StatusSources,
      | ("config" | "ipControlDrops" | "nowMs" | "startedMs" | "log")
      | ("ends" | "waiting" | "staticPathMtu" | "pathLimits")
    > {
  readonly overview: LcceOverview;
  readonly plane: string;
  /** The ups and downs of a tunnel or pseudowire; undefined before the first. */
  history(kind: ChangingKind, name: string): Pick<ChangeHistory, "isUp" | "downs" | "changedMs"> | undefined;
  isCircuitUp(pseudowire: string): boolean;
  planeOf(localSessionId: number): PlaneName;
}

/** The whole daemon. Times of the day in ms since 1970. */
export interface NodeSubject {
  readonly version: string;
  readonly plane: string;
  readonly startedAtMs: number;
  readonly tunnels: number;
  readonly tunnelsUp: number;
  readonly tunnelsWaiting: number;
  readonly pseudowires: number;
  readonly pseudowiresUp: number;
  readonly discards: Readonly<Record<string, number>>;
  readonly controlDiscards: Readonly<Record<ControlDiscardReason, number>>;
  readonly unknownPeers: number;
  readonly reloads: ReloadCounts;
  readonly log: { readonly lines: number; readonly leftOut: number };
  readonly refusedRequests: Readonly<Record<string, number>>;
}

export interface TunnelSubject {
  readonly tunnel: string;
  readonly isUp: boolean;
  readonly isWaiting: boolean;
  readonly state: string;
  readonly changedAtMs: number | undefined;
  readonly downs: number;
  readonly connection: Pick<ConnectionSnapshot, "sent" | "received" | "retransmitted"> | undefined;
  readonly pathMtu: PathMtuStatus | undefined;
  readonly pseudowires: number;
  readonly pseudowiresUp: number;
  readonly totals: Totals;
}

export interface PseudowireSubject {
  readonly tunnel: string;
  readonly pseudowire: string;
  readonly isUp: boolean;
  readonly isCircuitUp: boolean;
  readonly changedAtMs: number | undefined;
  readonly downs: number;
  /** Undefined without a session. */
  readonly counters: SessionCounters | undefined;
  readonly plane: PlaneName | undefined;
}

/** The subjects of one moment. */
export interface Subjects {
  readonly tunnels: readonly TunnelSubject[];
  readonly pseudowires: readonly PseudowireSubject[];
}

/** Subjects that are made before others have their turn. */
const A_SLICE = 1000;

/**
 * Makes the subjects; after each thousand of them, it lets others have their turn. `epochMs` is when the
 * monotonic clock began, in ms since 1970.
 */
export async function subjectsOf(
  sources: MetricsSources,
  totals: TunnelTotals,
  epochMs: number,
): Promise<Subjects> {
  const { config, overview } = sources;
  const countersOf = await countersByPseudowire(sources);
  const connections = new Map(overview.connections.map((connection) => [connection.peer, connection]));
  const pseudowires: PseudowireSubject[] = [];
  const tunnels: TunnelSubject[] = [];
  totals.retain(config);
  for (const configured of config.tunnels) {
    const { name: tunnel, pseudowires: own } = configured;
    let pseudowiresUp = 0;
    for (const { name: pseudowire } of own) {
      const history = sources.history("pseudowire", pseudowire);
      const counted = countersOf.get(pseudowire);
      const isUp = history?.isUp === true;
      if (isUp) pseudowiresUp += 1;
      if (counted !== undefined) totals.add(tunnel, pseudowire, counted);
      pseudowires.push({
        tunnel,
        pseudowire,
        isUp,
        isCircuitUp: sources.isCircuitUp(pseudowire),
        changedAtMs: timeOfDay(history?.changedMs, epochMs),
        downs: history?.downs ?? 0,
        counters: counted,
        plane: counted && sources.planeOf(counted.localSessionId),
      });
      if (pseudowires.length % A_SLICE === 0) await new Promise(setImmediate);
    }
    tunnels.push({
      ...tunnelSubject(sources, configured, connections.get(tunnel), epochMs),
      ...{ pseudowires: own.length, pseudowiresUp, totals: totals.of(tunnel) },
    });
    if (tunnels.length % A_SLICE === 0) await new Promise(setImmediate);
  }
  return { tunnels, pseudowires };
}

function tunnelSubject(
  sources: MetricsSources,
  tunnel: TunnelConfig,
  connection: ConnectionSnapshot | undefined,
  epochMs: number,
): Omit<TunnelSubject, "pseudowires" | "pseudowiresUp" | "totals"> {
  const { name } = tunnel;
  const waiting = sources.waiting(name);
  const history = sources.history("tunnel", name);
  const path = connection?.path ?? pathInUse(sources, tunnel);
  const search = connection === undefined ? sources.staticPathMtu(name) : connection.pathMtu;
  return {
    tunnel: name,
    isUp: isTunnelUp(sources, tunnel, connection),
    isWaiting: waiting !== undefined,
    state: stateOf(tunnel, connection, waiting),
    changedAtMs: timeOfDay(history?.changedMs, epochMs),
    downs: history?.downs ?? 0,
    connection,
    pathMtu: waiting === undefined ? pathMtuStatus(sources, path, search) : undefined,
  };
}

/** To the millisecond: a time is the same number at each reading. */
function timeOfDay(ms: number | undefined, epochMs: number): number | undefined {
  return ms === undefined ? undefined : Math.round(epochMs + ms);
}

/** The whole daemon. */
export function nodeSubject(
  sources: MetricsSources,
  { tunnels, pseudowires }: Subjects,
  epochMs: number,
  more: Pick<NodeSubject, "version" | "reloads" | "refusedRequests">,
): NodeSubject {
  const { overview, plane, startedMs, log } = sources;
  return {
    ...{ ...more, plane, log, startedAtMs: Math.round(epochMs + startedMs) },
    tunnels: tunnels.length,
    tunnelsUp: tunnels.filter(({ isUp }) => isUp).length,
    tunnelsWaiting: tunnels.filter(({ isWaiting }) => isWaiting).length,
    pseudowires: pseudowires.length,
    pseudowiresUp: pseudowires.filter(({ isUp }) => isUp).length,
    discards: discardsOf(sources),
    controlDiscards: overview.discards,
    unknownPeers: overview.unknownPeers.length + overview.otherUnknownPeers,
  };
}
