import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { PathLimits, PathMtuSnapshot } from "../control/path-mtu.ts";
import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { ForwardedBy, PlaneCounters } from "../forwarding/plane.ts";
import type { LogLosses } from "../os/log-output.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { AdministrativeStates } from "./administrative-states.ts";
import type { BridgeStatus } from "./bridge-status.ts";
import type { Changes } from "./change-history.ts";
import type { Circuits } from "./circuits.ts";
import type { NameStatus } from "./peer-names.ts";
import type { TunnelAddresses } from "./send-problems.ts";
import { type EndsInUse, endsInFile, isUnspecified, pathOf } from "./settings.ts";
import type { PeerMoves } from "./static-following.ts";
import type { HttpListenerStatus } from "./status.ts";
import type { WaitingTunnel } from "./tunnel-state.ts";
import type { Tunnels } from "./tunnels.ts";

/** The sources of a status report. Times in ms of the monotonic clock. */
export interface StatusSources {
  readonly config: Config;
  readonly snapshot: LcceSnapshot;
  readonly counters: PlaneCounters;
  /** Control messages over IP that the kernel dropped because we read too slowly. */
  readonly ipControlDrops: number;
  readonly plane: { readonly name: string; readonly reason: string };
  readonly nowMs: number;
  readonly startedMs: number;
  forwardedBy(localSessionId: number): ForwardedBy;
  /** The addresses and the port that a tunnel has in use; undefined while it waits. */
  ends(tunnel: string): EndsInUse | undefined;
  /** How a static tunnel followed its peer; undefined where it did not. */
  peerMoves(tunnel: string): PeerMoves | undefined;
  /** Why a tunnel is open with ends that it should not have any more. */
  endsProblem(tunnel: string): string | undefined;
  /** What is known of the name of a tunnel's peer; undefined where it has none. */
  peerName(tunnel: string): NameStatus | undefined;
  /** What an operator closed by hand. */
  readonly administrative: AdministrativeStates;
  /** Why a tunnel waits, and when it is tried again; undefined while it does not wait. */
  waiting(tunnel: string): WaitingTunnel | undefined;
  /** When and why pseudowires and control connections went up and down. */
  readonly upDowns: Changes;
  /** What is known of pseudowires at our end. */
  readonly circuits: Pick<Circuits, "problem" | "forwarderState" | "heldDown" | "channelStatus">;
  /**
   * What becomes of full-size frames that do not fit the path to the peer, as text; undefined while they
   * fit, and while what is set deals with them.
   */
  sizeNote(
    tunnel: TunnelConfig,
    pseudowire: PseudowireConfig,
    snapshot: PseudowireSnapshot | undefined,
    ends: EndsInUse | undefined,
  ): string | undefined;
  /** The MTU of the interface of that name, in octets; undefined where there is none. */
  deviceMtu(device: string): number | undefined;
  /** What the search for the path MTU of a static tunnel knows; undefined where there is none. */
  staticPathMtu(tunnel: string): PathMtuSnapshot | undefined;
  /** What limits packets on a path; undefined without a route. */
  pathLimits(path: PsnPath): PathLimits | undefined;
  /**
   * Why messages to a tunnel's peer cannot be sent, as text; undefined while they can. `isPeerSilent`:
   * nothing was heard of the peer.
   */
  sendProblem(ends: TunnelAddresses, isPeerSilent: boolean): string | undefined;
  /**
   * Lines that the log lost because they could not be written, or left out because there were too many of a
   * kind.
   */
  readonly log: LogLosses & { readonly leftOut: number };
  readonly bridges: readonly BridgeStatus[];
  readonly http: readonly HttpListenerStatus[];
}

/** What tunnels say of themselves, as sources. */
export function tunnelSources(
  tunnels: Tunnels,
): Pick<StatusSources, "ends" | "peerMoves" | "endsProblem" | "peerName" | "waiting"> {
  return {
    ends: (tunnel) => tunnels.ends(tunnel),
    peerMoves: (tunnel) => tunnels.peerMoves(tunnel),
    endsProblem: (tunnel) => tunnels.endsProblem(tunnel),
    peerName: (tunnel) => tunnels.peerNames.status(tunnel),
    waiting: (tunnel) => tunnels.waiting(tunnel),
  };
}

/** How long ago a time was, or how long until then, in ms. */
export function since(sources: Pick<StatusSources, "nowMs">, ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(Math.abs(sources.nowMs - ms));
}

/** The path of a tunnel as it is open, or as the file has it; undefined where neither says it. */
export function pathInUse(sources: Pick<StatusSources, "ends">, tunnel: TunnelConfig): PsnPath | undefined {
  const ends = sources.ends(tunnel.name) ?? endsInFile(tunnel);
  return ends === undefined ? undefined : pathOf(tunnel, ends);
}

/** Counts of what was discarded and belongs to no session, by reason. */
export function discardsOf({
  counters,
  ipControlDrops,
}: Pick<StatusSources, "counters" | "ipControlDrops">): Readonly<Record<string, number>> {
  const overflow = (counters.discards["control-overflow"] ?? 0) + ipControlDrops;
  return { ...counters.discards, ...(overflow === 0 ? {} : { "control-overflow": overflow }) };
}

/** A note, as a list of them. */
export function asNotes(note: string | undefined): readonly string[] {
  return note === undefined ? [] : [note];
}

export function sendProblemOf(
  sources: StatusSources,
  path: PsnPath | undefined,
  isPeerSilent: boolean,
): string | undefined {
  if (path === undefined || isUnspecified(path.remoteAddress)) return undefined;
  return sources.sendProblem({ local: path.localAddress, remote: path.remoteAddress }, isPeerSilent);
}
