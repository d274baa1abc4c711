import { counted } from "../../bytes/counted.ts";
import { durationText } from "../../bytes/duration.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../daemon/status.ts";
import { unknownPeerText } from "../../daemon/unknown-peer-text.ts";
import { colours } from "../colours.ts";
import { columnWidths, PLAIN_COLUMNS, rowLine, titleLine, wrappedLine } from "../text-layout.ts";
import { bridgeSummary } from "./bridges.ts";
import { groupedLines } from "./grouped.ts";
import { pseudowireRow, pseudowireState, statusColumns, tunnelRow, tunnelState } from "./rows.ts";

/** Most lines of the table for tunnels, and for pseudowires: those that are not up come before all others. */
const MOST_ROWS = 500;
/** Most lines of a list below the table. */
const MOST_LINES = 100;

/** The text of `wirespan status`: a line for each tunnel and pseudowire, and why something is not up. */
export function statusText(report: StatusReport, columns = PLAIN_COLUMNS): string {
  return [
    ...headLines(report),
    ...tableLines(report, columns),
    ...(report.bridges ?? []).flatMap(bridgeSummary),
    ...otherPlanes(report),
    ...forwarderLines(report.pseudowires),
    ...section("not up, and why:", reasons(report), "red"),
    ...section("needs attention:", attention(report), "yellow"),
    ...discardLines(report),
    ...clearedLines(report),
    ...unknownPeerLines(report),
    ...httpLines(report),
    ...logLosses(report.log),
    ...hint(report),
  ]
    .flatMap((line) => wrappedLine(line, columns))
    .join("\n");
}

function headLines(report: StatusReport): readonly string[] {
  const { hostName, routerId, version, pid, uptimeMs, plane } = report;
  return [
    `LCCE ${colours.bold(hostName)}, router id ${routerId}, wirespan ${version}, pid ${pid}, ` +
      `up ${durationText(uptimeMs)}`,
    `plane ${plane.name}: ${plane.reason}`,
    ...configurationLines(report.configuration),
  ];
}

/** That the configuration is not to stay, or is not that of the file. */
function configurationLines(configuration: StatusReport["configuration"]): readonly string[] {
  const { file, revertsInMs, undone = false } = configuration ?? {};
  if (revertsInMs !== undefined)
    return [
      colours.yellow(
        `configuration not confirmed: the one before comes back in ${durationText(revertsInMs)}, ` +
          "unless: wirespan reload --confirmed",
      ),
    ];
  if (!undone) return [];
  return [
    colours.yellow(`${file} was not confirmed, and the configuration before it runs: change the file back`),
  ];
}

/** Of more than there is room for those that are shown, in their order, with those that are not up first. */
function chosen<One>(all: readonly One[], isUp: (one: One) => boolean): readonly One[] {
  if (all.length <= MOST_ROWS) return all;
  return [...all.filter((one) => !isUp(one)), ...all.filter(isUp)].slice(0, MOST_ROWS);
}

/** Each tunnel with its pseudowires. */
function tableLines(report: StatusReport, columns: number): readonly string[] {
  const { controlConnections, pseudowires } = report;
  const isTunnelUp = (one: ControlConnectionStatus) => isUp(tunnelState(one));
  const isPseudowireUp = (one: PseudowireStatus) => isUp(pseudowireState(one));
  const shownTunnels = chosen(controlConnections, isTunnelUp);
  const shownPseudowires = chosen(pseudowires, isPseudowireUp);
  const byTunnel = new Map<string, PseudowireStatus[]>();
  for (const one of shownPseudowires) {
    const others = byTunnel.get(one.tunnel);
    if (others === undefined) byTunnel.set(one.tunnel, [one]);
    else others.push(one);
  }
  const rows = shownTunnels.flatMap((connection) => {
    const own = byTunnel.get(connection.tunnel) ?? [];
    byTunnel.delete(connection.tunnel);
    return [tunnelRow(connection), ...own.map(pseudowireRow)];
  });
  // Of tunnels that are not shown.
  const others = [...byTunnel.values()].flat().map(pseudowireRow);
  const table = statusColumns(columns);
  const all = [...rows, ...others];
  const widths = columnWidths(table, all, columns);
  return [
    "",
    ...(all.length === 0 ? ["no tunnels"] : [colours.dim(titleLine(table, widths))]),
    ...all.map((row) => rowLine(table, widths, row)),
    "",
    ...notShown(controlConnections, shownTunnels, isTunnelUp, "tunnel"),
    ...notShown(pseudowires, shownPseudowires, isPseudowireUp, "pseudowire"),
  ];
}

function isUp(state: ReturnType<typeof tunnelState>): boolean {
  return state === "up" || state === "static" || state === "attention";
}

function notShown<One>(
  all: readonly One[],
  shown: readonly One[],
  isOneUp: (one: One) => boolean,
  noun: string,
): readonly string[] {
  const left = all.length - shown.length;
  if (left === 0) return [];
  const are = left === 1 ? "is" : "are";
  const down = all.filter((one) => !isOneUp(one)).length;
  return [
    `${counted(left, `more ${noun}`)} ${are} not shown (for all: wirespan status --json); ` +
      `${down} of all ${all.length} are not up`,
  ];
}

function section(title: string, lines: readonly string[], colour: "red" | "yellow"): readonly string[] {
  if (lines.length === 0) return [];
  const left = lines.length - MOST_LINES;
  const more = left > 0 ? [`  and ${counted(left, "more line")}: wirespan status --json`] : [];
  return [colours[colour](title), ...lines.slice(0, MOST_LINES), ...more];
}

/** Why tunnels and pseudowires are not up; pseudowires of a tunnel with the same reason share a line. */
function reasons(report: StatusReport): readonly string[] {
  const tunnels = report.controlConnections.flatMap(({ tunnel, whyNot, downForMs }) =>
    whyNot === undefined
      ? []
      : [`  tunnel ${tunnel}: ${whyNot}${downText(downForMs)}${callText(tunnel, report)}`],
  );
  const pseudowires = report.pseudowires.flatMap(({ name, tunnel, whyNot, downForMs }) =>
    whyNot === undefined ? [] : [{ name, tunnel, text: whyNot, forMs: downForMs }],
  );
  return [...tunnels, ...groupedLines(pseudowires, downText)];
}

function downText(downForMs: number | undefined, isMost = false): string {
  if (downForMs === undefined) return "";
  return ` (down for ${isMost ? "up to " : ""}${durationText(downForMs)})`;
}

/** What looks wrong though it may be up. */
function attention(report: StatusReport): readonly string[] {
  const tunnels = report.controlConnections.flatMap(({ tunnel, notes = [], remoteName, whyNot }) => [
    ...notes.map((note) => `  tunnel ${tunnel}: ${note}`),
    // Of a tunnel that is not up it is the reason.
    ...(remoteName?.problem === undefined || whyNot !== undefined
      ? []
      : [`  tunnel ${tunnel}: ${remoteName.problem}`]),
  ]);
  const pseudowires = report.pseudowires.flatMap(({ name, tunnel, notes = [] }) =>
    notes.map((text) => ({ name, tunnel, text })),
  );
  const bridges = (report.bridges ?? []).flatMap(({ name, notes = [] }) =>
    notes.map((note) => `  bridge ${name}: ${note}`),
  );
  return [...tunnels, ...groupedLines(pseudowires), ...bridges];
}

/** Which pseudowires another plane forwards than the daemon's own, and why. */
function otherPlanes({ plane, pseudowires }: StatusReport): readonly string[] {
  const reasonsOf = new Map<string, string[]>();
  for (const { name, plane: own, planeReason } of pseudowires) {
    if (own === undefined || own === plane.name) continue;
    const text = `on plane ${own}: ${planeReason ?? "no reason"}`;
    const others = reasonsOf.get(text);
    if (others === undefined) reasonsOf.set(text, [name]);
    else others.push(name);
  }
  return [...reasonsOf].map(([text, names]) =>
    names.length === 1 ? `pseudowire ${names[0]} is ${text}` : `${names.length} pseudowires are ${text}`,
  );
}

/** Which pseudowire of each circuit forwards, where there are several. */
function forwarderLines(pseudowires: readonly PseudowireStatus[]): readonly string[] {
  const lines = pseudowires.flatMap(({ circuit, forwarder }) => {
    if (forwarder === undefined) return [];
    const { members, active } = forwarder;
    const others = members.filter((name) => name !== active).join(", ");
    return active === undefined
      ? [`circuit ${circuit}: none of pseudowires ${others} forwards`]
      : [`circuit ${circuit}: pseudowire ${active} forwards${others && `; ${others} in standby`}`];
  });
  return [...new Set(lines)];
}

/** Discards by reason, as they are listed. */
function countsText(discards: Readonly<Record<string, number>>): string {
  const entries = Object.entries(discards);
  return entries.length === 0 ? "none" : entries.map(([reason, count]) => `${reason} ${count}`).join(", ");
}

function discardLines({ pseudowires, discards, control }: StatusReport): readonly string[] {
  const sums: Record<string, number> = {};
  for (const { discards: own } of pseudowires)
    for (const [reason, count] of Object.entries(own)) sums[reason] = (sums[reason] ?? 0) + count;
  return [
    ...(Object.keys(sums).length === 0 ? [] : [`discarded in sessions: ${countsText(sums)}`]),
    `discarded outside sessions: ${countsText(discards)}; control messages: ${countsText(control)}`,
  ];
}

/** Since when counters count, where some were cleared. */
function clearedLines({ controlConnections, pseudowires, clearedAgoMs }: StatusReport): readonly string[] {
  const all = [...controlConnections, ...pseudowires];
  const agos = all.flatMap((one) => (one.clearedAgoMs === undefined ? [] : [one.clearedAgoMs]));
  if (agos.length === 0 && clearedAgoMs === undefined) return [];
  const last = agos.reduce((least, ago) => Math.min(least, ago), clearedAgoMs ?? Number.POSITIVE_INFINITY);
  const which = clearedAgoMs === undefined ? "of some" : "of all";
  return [`counters ${which} were cleared, the last time ${durationText(last)} ago`];
}

/** Who sent SCCRQs that no tunnel takes, each with the Host Name that a tunnel would have to ask for. */
function unknownPeerLines({ unknownPeers = [], otherUnknownPeers = 0 }: StatusReport): readonly string[] {
  const lines = unknownPeers.map(({ hostName, address, sccrqs, lastAgoMs, reason, tunnel }) => {
    const name = hostName === undefined ? "no Host Name" : `Host Name "${hostName}"`;
    const times = sccrqs === 1 ? "" : `${sccrqs} times, last `;
    const why = unknownPeerText(reason, tunnel);
    return `  ${name} from ${address}: ${times}${durationText(lastAgoMs)} ago; ${why}`;
  });
  const others = otherUnknownPeers === 0 ? [] : [`  and ${counted(otherUnknownPeers, "other sender")}`];
  return lines.length === 0 ? [] : ["SCCRQs that no tunnel takes:", ...lines, ...others];
}

/** That somebody calls a tunnel in vain who may be its peer; empty where nobody does. */
export function callText(tunnel: string, { unknownPeers = [] }: StatusReport): string {
  const last = unknownPeers.filter((one) => one.tunnel === tunnel).map(({ lastAgoMs }) => lastAgoMs);
  if (last.length === 0) return "";
  const ago = durationText(Math.min(...last));
  return `; an SCCRQ for it was refused ${ago} ago, see "SCCRQs that no tunnel takes"`;
}

/** The addresses at which the daemon listens for HTTP, and why it does not yet. */
function httpLines({ http = [] }: StatusReport): readonly string[] {
  return http.map(({ listen, problem, note }) => {
    if (problem !== undefined) return colours.yellow(`http at ${listen} waits: ${problem}`);
    const line = `http at ${listen}`;
    return note === undefined ? line : colours.yellow(`${line}, with the former token: ${note}`);
  });
}

function logLosses({ lostLines, reason, leftOutLines }: StatusReport["log"]): readonly string[] {
  return [
    ...(lostLines === 0 ? [] : [colours.yellow(`log lines lost: ${lostLines} (${reason})`)]),
    ...(leftOutLines === 0 ? [] : [`log lines left out, as too many of one kind: ${leftOutLines}`]),
  ];
}

function hint({ controlConnections, pseudowires, bridges = [] }: StatusReport): readonly string[] {
  if (controlConnections.length + pseudowires.length + bridges.length === 0) return [];
  return [colours.dim("all of one tunnel, pseudowire or bridge: wirespan status NAME")];
}
