import { dottedQuad } from "../bytes/ip-address.ts";
import type { TunnelConfig } from "../config/config.ts";
import { localText, remoteText } from "../config/ends.ts";
import type { PathMtuSnapshot } from "../control/path-mtu.ts";
import type { ProbeCarrier } from "../control/probe-carriers.ts";
import type { ConnectionSnapshot } from "../control/snapshot.ts";
import { isSameAddress, type PsnPath } from "../wire/session-parameters.ts";
import { assumedOctets } from "./path-limits.ts";
import { addressAndPort } from "./path-text.ts";
import { hasHeardNothing } from "./send-problems.ts";
import { isUnspecified } from "./settings.ts";
import type { ControlConnectionStatus, PathMtuStatus } from "./status.ts";
import { asNotes, pathInUse, type StatusSources, sendProblemOf, since } from "./status-sources.ts";
import type { WaitingTunnel } from "./tunnel-state.ts";

/** A control connection in the status report, or what stands for it of a static tunnel. */
export function connectionStatus(
  sources: StatusSources,
  tunnel: TunnelConfig,
  connection: ConnectionSnapshot | undefined,
): ControlConnectionStatus {
  const path = connection?.path ?? pathInUse(sources, tunnel);
  const waiting = sources.waiting(tunnel.name);
  const isUp = tunnel.control === undefined || connection?.state === "established";
  const sendProblem =
    waiting === undefined ? sendProblemOf(sources, path, hasHeardNothing(connection)) : undefined;
  const search = connection === undefined ? sources.staticPathMtu(tunnel.name) : connection.pathMtu;
  return {
    tunnel: tunnel.name,
    state: stateOf(tunnel, connection, waiting),
    encapsulation: tunnel.encapsulation,
    local:
      path === undefined
        ? (localText(tunnel.local) ?? "by route")
        : addressAndPort(path.localAddress, path.localPort),
    remote: remoteOf(tunnel, path),
    ...pathStatus(sources, tunnel.name, connection),
    localFrom: localFromOf(tunnel),
    remoteName: remoteNameOf(sources, tunnel),
    localControlConnectionId: connection?.localControlConnectionId,
    remoteControlConnectionId: connection?.remoteControlConnectionId,
    peerHostName: connection?.hostName,
    peerRouterId: connection?.routerId === undefined ? undefined : dottedQuad(connection.routerId),
    peerVendorName: connection?.vendorName,
    authentication: authenticationOf(tunnel),
    establishedForMs: since(sources, connection?.establishedMs),
    whyNot: waiting?.problem ?? (isUp ? undefined : sendProblem) ?? connection?.whyNot,
    downForMs: since(sources, waiting?.sinceMs ?? connection?.downMs),
    ...(tunnel.control && sources.upDowns.changes("tunnel", tunnel.name, sources.nowMs)),
    notes: [
      ...asNotes(sources.upDowns.flappingNote("tunnel", tunnel.name, sources.nowMs)),
      ...(connection?.notes ?? []),
      ...asNotes(sources.endsProblem(tunnel.name)),
      ...(isUp ? asNotes(sendProblem) : []),
      ...asNotes(behindOneAddress(sources, tunnel, path)),
    ],
    pathMtu: waiting === undefined ? pathMtuStatus(sources, path, search) : undefined,
    pathMtuUnknown:
      waiting === undefined && path !== undefined && isUnspecified(path.remoteAddress)
        ? "nothing is known until a peer comes"
        : undefined,
    nextAttemptInMs: since(sources, waiting?.nextAttemptMs ?? connection?.nextAttemptMs),
    sent: connection?.sent ?? 0,
    received: connection?.received ?? 0,
    retransmitted: connection?.retransmitted ?? 0,
  };
}

/** Where the peer is, or what the file says of it as long as that is all that is known. */
function remoteOf(tunnel: TunnelConfig, path: PsnPath | undefined): string {
  if (path === undefined || isUnspecified(path.remoteAddress)) return remoteText(tunnel.remote);
  return addressAndPort(path.remoteAddress, path.remotePort);
}

/** Protocol 115 has no ports by which a NAT could tell two peers behind its address apart. */
function behindOneAddress(
  { snapshot }: StatusSources,
  { name, encapsulation, remote }: TunnelConfig,
  path: PsnPath | undefined,
): string | undefined {
  if (encapsulation !== "ip" || remote.kind !== "any" || path === undefined) return undefined;
  if (isUnspecified(path.remoteAddress)) return undefined;
  const other = snapshot.connections.find(
    (one) => one.peer !== name && one.path.encapsulation === "ip" && isSameAddress(one.path, path),
  );
  return other === undefined
    ? undefined
    : `tunnel ${other.peer} has a peer at ${path.remoteAddress} too: behind one address a NAT reaches only ` +
        "one of them by IP protocol 115; set encapsulation: udp at both ends of both";
}

/** Where our address comes from; undefined where the file has it. */
function localFromOf({ local }: TunnelConfig): string | undefined {
  if (local.kind === "address") return undefined;
  return local.kind === "route" ? "route" : `interface ${local.name}`;
}

function remoteNameOf(
  sources: StatusSources,
  tunnel: TunnelConfig,
): ControlConnectionStatus["remoteName"] | undefined {
  const known = sources.peerName(tunnel.name);
  if (known === undefined) return undefined;
  const { name, addresses, answeredMs, nextAskMs, problem, unanswered } = known;
  const [answeredForMs, nextQueryInMs] = [since(sources, answeredMs), since(sources, nextAskMs)];
  return { name, addresses, answeredForMs, nextQueryInMs, problem, unanswered };
}

function pathStatus(
  sources: StatusSources,
  tunnel: string,
  connection: ConnectionSnapshot | undefined,
): Partial<ControlConnectionStatus> {
  const { count, lastMs, from } = sources.peerMoves(tunnel) ?? {};
  if (from !== undefined)
    return {
      pathForMs: since(sources, lastMs),
      pathMoves: count,
      formerLocal: addressAndPort(from.localAddress, from.localPort),
      formerRemote: addressAndPort(from.remoteAddress, from.remotePort),
    };
  if (connection?.state !== "established" || connection.pathHistory === undefined) return {};
  const { sinceMs, moves, former } = connection.pathHistory;
  return {
    pathForMs: since(sources, sinceMs),
    pathMoves: moves,
    formerLocal: former && addressAndPort(former.localAddress, former.localPort),
    formerRemote: former && addressAndPort(former.remoteAddress, former.remotePort),
    nat: connection.natEvidence,
  };
}

/** TABLE: carriers of probes as the status names them. */
const carrierText = { vccv: "VCCV echo", hello: "HELLO", echo: "ICMP echo" } as const satisfies Readonly<
  Record<ProbeCarrier, string>
>;

/** The path MTU of a tunnel, and how it is known. */
export function pathMtuStatus(
  sources: Pick<StatusSources, "pathLimits" | "nowMs">,
  path: PsnPath | undefined,
  found: PathMtuSnapshot | undefined,
): PathMtuStatus | undefined {
  const limits = path === undefined ? undefined : sources.pathLimits(path);
  if (limits === undefined) return undefined;
  const { interfaceOctets } = limits;
  const { state: search, octets, measuredMs, by } = found ?? {};
  const assumed = assumedOctets(limits);
  if (octets !== undefined && by !== undefined) {
    const measurement = { by: carrierText[by], measuredAgoMs: since(sources, measuredMs), search };
    const taken = Math.min(octets, interfaceOctets);
    const report = assumed < taken ? { reportedOctets: assumed } : {};
    return { octets: taken, source: "measured", ...report, ...measurement };
  }
  return { octets: assumed, source: assumed < interfaceOctets ? "reported" : "interface", search };
}

/** Whether a tunnel is open with its control connection established, if it has one. */
export function isTunnelUp(
  sources: Pick<StatusSources, "ends">,
  { name, control }: TunnelConfig,
  connection: Pick<ConnectionSnapshot, "state"> | undefined,
): boolean {
  const isConnected = control === undefined || connection?.state === "established";
  return isConnected && sources.ends(name) !== undefined;
}

/** The state of a tunnel as it is shown. */
export function stateOf(
  tunnel: TunnelConfig,
  connection: ConnectionSnapshot | undefined,
  waiting: WaitingTunnel | undefined,
): string {
  if (waiting !== undefined) return "waiting";
  return tunnel.control === undefined ? "static" : (connection?.state ?? "idle");
}

/** Who is authenticated, and by what, as the status says it. */
export function authenticationOf({ control }: TunnelConfig): string {
  if (control === undefined) return "none";
  const { mode, digestType } = control.authentication;
  return mode === "digest" ? digestType : mode;
}
