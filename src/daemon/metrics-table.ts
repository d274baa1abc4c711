import { type CounterDirection, counterTable } from "../forwarding/counters-table.ts";
import { planeNames } from "../forwarding/plane.ts";
import { byKey, type MetricRow, type MetricSeries, single } from "./metrics-row.ts";
import type { NodeSubject, PseudowireSubject, TunnelSubject } from "./metrics-subjects.ts";

/**
 * TABLES: the metrics, by what they are of. docs/metrics.md is made of them. Names have base units and end in
 * `_total` where they only grow; times are those of the day, which stay the same while nothing changes.
 */

const asNumber = (is: boolean): number => (is ? 1 : 0);
const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);

export const nodeMetrics: readonly MetricRow<NodeSubject>[] = [
  {
    name: "wirespan_build_info",
    kind: "gauge",
    help: "1, with the version of Wirespan and the plane of the daemon.",
    labels: ["version", "plane"],
    samples: ({ version, plane }) => [[[version, plane], 1]],
  },
  {
    name: "wirespan_start_time_seconds",
    kind: "gauge",
    help: "When the daemon was started, in seconds since 1970.",
    ...single(({ startedAtMs }) => seconds(startedAtMs)),
  },
  {
    name: "wirespan_tunnels",
    kind: "gauge",
    help: "Tunnels in the file.",
    ...single(({ tunnels }) => tunnels),
  },
  {
    name: "wirespan_tunnels_up",
    kind: "gauge",
    help: "Tunnels whose control connection is established, and static ones that are open.",
    ...single(({ tunnelsUp }) => tunnelsUp),
  },
  {
    name: "wirespan_tunnels_waiting",
    kind: "gauge",
    help: "Tunnels that wait for what they cannot be opened without, such as their address or secret.",
    ...single(({ tunnelsWaiting }) => tunnelsWaiting),
  },
  {
    name: "wirespan_pseudowires",
    kind: "gauge",
    help: "Pseudowires in the file.",
    ...single(({ pseudowires }) => pseudowires),
  },
  {
    name: "wirespan_pseudowires_up",
    kind: "gauge",
    help: "Pseudowires that are up.",
    ...single(({ pseudowiresUp }) => pseudowiresUp),
  },
  {
    name: "wirespan_discards_total",
    kind: "counter",
    help: "Frames and data messages discarded that belong to no session, by reason.",
    ...byKey("reason", ({ discards }) => discards),
  },
  {
    name: "wirespan_control_discards_total",
    kind: "counter",
    help: "Control messages discarded, by reason.",
    ...byKey("reason", ({ controlDiscards }) => controlDiscards),
  },
  {
    name: "wirespan_authentication_failures_total",
    kind: "counter",
    help: "Control messages without a valid Message Digest that need one (wrong-digest, missing-digest).",
    ...single(({ controlDiscards }) => controlDiscards["wrong-digest"] + controlDiscards["missing-digest"]),
  },
  {
    name: "wirespan_unknown_peers",
    kind: "gauge",
    help: "Senders of SCCRQs that no tunnel takes, within an hour.",
    ...single(({ unknownPeers }) => unknownPeers),
  },
  {
    name: "wirespan_config_reloads_total",
    kind: "counter",
    help: "Reloads since the start, by result: applied, or refused because the file is invalid.",
    labels: ["result"],
    series: [
      { labels: ["applied"], value: ({ reloads }) => reloads.applied },
      { labels: ["refused"], value: ({ reloads }) => reloads.refused },
    ],
  },
  {
    name: "wirespan_config_last_reload_successful",
    kind: "gauge",
    help: "0 while the last reload was refused, else 1.",
    ...single(({ reloads }) => asNumber(!reloads.isLastRefused)),
  },
  {
    name: "wirespan_config_last_reload_success_timestamp_seconds",
    kind: "gauge",
    help: "When the file was read last without being refused, at the start or by a reload.",
    ...single(({ reloads }) => seconds(reloads.appliedAtMs)),
  },
  {
    name: "wirespan_log_lines_lost_total",
    kind: "counter",
    help: "Lines that the log could not write.",
    ...single(({ log }) => log.lines),
  },
  {
    name: "wirespan_log_lines_left_out_total",
    kind: "counter",
    help: "Lines that were left out of the log because there were too many of a kind.",
    ...single(({ log }) => log.leftOut),
  },
  {
    name: "wirespan_http_refused_requests_total",
    kind: "counter",
    help: "Requests at the listeners of http that were refused, by status.",
    ...byKey("status", ({ refusedRequests }) => refusedRequests),
  },
];

export const tunnelMetrics: readonly MetricRow<TunnelSubject>[] = [
  {
    name: "wirespan_tunnel_up",
    kind: "gauge",
    help: "1 while the control connection is established, or a static tunnel is open.",
    ...single(({ isUp }) => asNumber(isUp)),
  },
  {
    name: "wirespan_tunnel_state",
    kind: "gauge",
    help: "1 for the state it is in: one of RFC 3931 §7.2, static, or waiting.",
    labels: ["state"],
    samples: ({ state }) => [[[state], 1]],
  },
  {
    name: "wirespan_tunnel_last_change_timestamp_seconds",
    kind: "gauge",
    help: "When the control connection went up or down last; absent before the first time.",
    ...single(({ changedAtMs }) => seconds(changedAtMs)),
  },
  {
    name: "wirespan_tunnel_downs_total",
    kind: "counter",
    help: "How often the control connection went down.",
    ...single(({ downs }) => downs),
  },
  {
    name: "wirespan_tunnel_control_messages_total",
    kind: "counter",
    help: "Control messages of the present control connection, acknowledgements and repeated ones included.",
    labels: ["direction"],
    series: [
      { labels: ["received"], value: ({ connection }) => connection?.received },
      { labels: ["transmitted"], value: ({ connection }) => connection?.sent },
    ],
  },
  {
    name: "wirespan_tunnel_control_retransmissions_total",
    kind: "counter",
    help: "Control messages of the present control connection that were sent again.",
    ...single(({ connection }) => connection?.retransmitted),
  },
  {
    name: "wirespan_tunnel_path_mtu_bytes",
    kind: "gauge",
    help: "The largest packet that the path to the peer takes, with the IP header.",
    ...single(({ pathMtu }) => pathMtu?.octets),
  },
  {
    name: "wirespan_tunnel_path_mtu_measured",
    kind: "gauge",
    help: "1 where the path MTU was measured, 0 where it is assumed.",
    ...single(({ pathMtu }) => pathMtu && asNumber(pathMtu.source === "measured")),
  },
  {
    name: "wirespan_tunnel_pseudowires",
    kind: "gauge",
    help: "Pseudowires of the tunnel in the file.",
    ...single(({ pseudowires }) => pseudowires),
  },
  {
    name: "wirespan_tunnel_pseudowires_up",
    kind: "gauge",
    help: "Pseudowires of the tunnel that are up.",
    ...single(({ pseudowiresUp }) => pseudowiresUp),
  },
  {
    name: "wirespan_tunnel_frames_total",
    kind: "counter",
    help: "Frames of all sessions of the tunnel, those that ended included, as seen when metrics are read.",
    labels: ["direction"],
    series: [
      { labels: ["received"], value: ({ totals }) => totals.receivedFrames },
      { labels: ["transmitted"], value: ({ totals }) => totals.transmittedFrames },
    ],
  },
  {
    name: "wirespan_tunnel_bytes_total",
    kind: "counter",
    help: "Octets of these frames, with their tags and without FCS, L2TP or IP headers.",
    labels: ["direction"],
    series: [
      { labels: ["received"], value: ({ totals }) => totals.receivedOctets },
      { labels: ["transmitted"], value: ({ totals }) => totals.transmittedOctets },
    ],
  },
  {
    name: "wirespan_tunnel_discards_total",
    kind: "counter",
    help: "Frames and data messages of all sessions of the tunnel that were discarded.",
    ...single(({ totals }) => totals.discards),
  },
];

/** The counters of sessions, as metrics: `receivedClamped` is `wirespan_pseudowire_clamped_frames_total`. */
function countersOfSessions(): readonly MetricRow<PseudowireSubject>[] {
  const rows = new Map<string, { help: string; series: MetricSeries<PseudowireSubject>[] }>();
  for (const { name, direction, unit, help } of counterTable) {
    const metric = counterMetric(name, direction, unit);
    const [first = ""] = help.split("; ");
    const known = rows.get(metric) ?? { help: `${name}: ${first}.`, series: [] };
    rows.set(metric, known);
    const isAlways = metric === FRAMES || metric === BYTES;
    known.series.push({
      labels: [direction],
      value: ({ counters }) => {
        const count = counters?.[name] ?? 0;
        return isAlways || count > 0 ? count : undefined;
      },
    });
  }
  return [...rows].map(([name, row]) => ({ name, kind: "counter", labels: ["direction"], ...row }));
}

const PREFIX = "wirespan_pseudowire_";
const FRAMES = `${PREFIX}frames_total`;
const BYTES = `${PREFIX}bytes_total`;

function counterMetric(name: string, direction: CounterDirection, unit: string): string {
  const what = name.slice(direction.length).toLowerCase();
  if (what === "octets") return BYTES;
  return what === unit ? `${PREFIX}${unit}_total` : `${PREFIX}${what}_${unit}_total`;
}

export const pseudowireMetrics: readonly MetricRow<PseudowireSubject>[] = [
  {
    name: `${PREFIX}up`,
    kind: "gauge",
    help: "1 while its session is established, and both circuits are up and none stands by.",
    ...single(({ isUp }) => asNumber(isUp)),
  },
  {
    name: `${PREFIX}session_up`,
    kind: "gauge",
    help: "1 while its session is established, or a static one is in the forwarding plane.",
    ...single(({ counters }) => asNumber(counters !== undefined)),
  },
  {
    name: `${PREFIX}circuit_up`,
    kind: "gauge",
    help: "1 while frames can pass its attachment circuit at our end.",
    ...single(({ isCircuitUp }) => asNumber(isCircuitUp)),
  },
  {
    name: `${PREFIX}last_change_timestamp_seconds`,
    kind: "gauge",
    help: "When it went up or down last; absent before the first time.",
    ...single(({ changedAtMs }) => seconds(changedAtMs)),
  },
  {
    name: `${PREFIX}downs_total`,
    kind: "counter",
    help: "How often it went down.",
    ...single(({ downs }) => downs),
  },
  {
    name: `${PREFIX}plane`,
    kind: "gauge",
    help: "1 for the plane that forwards its session.",
    labels: ["plane"],
    series: planeNames.map((name) => ({
      labels: [name],
      value: ({ plane }) => (plane === name ? 1 : undefined),
    })),
  },
  ...countersOfSessions(),
  {
    name: `${PREFIX}discards_total`,
    kind: "counter",
    help: "Frames and data messages of its session that were discarded, by reason.",
    ...byKey("reason", ({ counters }) => counters?.discards ?? {}),
  },
];
