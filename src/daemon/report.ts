import { dottedQuad } from "../bytes/ip-address.ts";
import { administeredPseudowire, administeredTunnel } from "./administrative-status.ts";
import { connectionStatus } from "./connection-report.ts";
import { disabledConnections, disabledPseudowires } from "./disabled-report.ts";
import { pseudowireStatus } from "./pseudowire-report.ts";
import { API_VERSION, type StatusReport } from "./status.ts";
import { discardsOf, type StatusSources } from "./status-sources.ts";
import { version } from "./version.ts";

/** The status report. It has no secrets: of cookies only their sizes. */
export function reportStatus(sources: StatusSources): StatusReport {
  const { config, snapshot, counters } = sources;
  const connections = new Map(snapshot.connections.map((connection) => [connection.peer, connection]));
  const pseudowires = new Map(snapshot.pseudowires.map((pseudowire) => [pseudowire.pseudowire, pseudowire]));
  const sessions = new Map(counters.sessions.map((session) => [session.localSessionId, session]));
  return {
    apiVersion: API_VERSION,
    version,
    pid: process.pid,
    uptimeMs: Math.round(sources.nowMs - sources.startedMs),
    hostName: config.lcce.hostName,
    routerId: dottedQuad(config.lcce.routerId),
    plane: sources.plane,
    controlConnections: [
      ...config.tunnels.map((tunnel) =>
        administeredTunnel(sources, connectionStatus(sources, tunnel, connections.get(tunnel.name))),
      ),
      ...disabledConnections(config),
    ],
    pseudowires: [
      ...config.tunnels.flatMap((tunnel) =>
        tunnel.pseudowires.map((pseudowire) =>
          administeredPseudowire(
            sources,
            pseudowireStatus(sources, tunnel, pseudowire, pseudowires.get(pseudowire.name), sessions),
          ),
        ),
      ),
      ...disabledPseudowires(config),
    ],
    bridges: sources.bridges,
    discards: discardsOf(sources),
    control: Object.fromEntries(Object.entries(snapshot.discards).filter(([, count]) => count > 0)),
    unknownPeers: unknownPeersOf(sources),
    otherUnknownPeers: sources.snapshot.otherUnknownPeers || undefined,
    http: sources.http.length === 0 ? undefined : sources.http,
    log: {
      lostLines: sources.log.lines,
      reason: sources.log.reason,
      leftOutLines: sources.log.leftOut,
    },
  };
}

function unknownPeersOf({ snapshot, nowMs }: StatusSources): StatusReport["unknownPeers"] {
  const { unknownPeers } = snapshot;
  if (unknownPeers.length === 0) return undefined;
  return unknownPeers.map(({ firstMs, lastMs, peer: tunnel, ...said }) => ({
    ...said,
    firstAgoMs: Math.round(nowMs - firstMs),
    lastAgoMs: Math.round(nowMs - lastMs),
    tunnel,
  }));
}
