import Table from "cli-table3";
import { counted } from "../bytes/counted.ts";
import { hexId } from "../bytes/hex.ts";
import type { BridgePortStatus, BridgeStatus } from "../daemon/bridge-status.ts";
import type {
  ControlConnectionStatus,
  PathMtuStatus,
  PseudowireStatus,
  StatusReport,
} from "../daemon/status.ts";
import { unknownPeerText } from "../daemon/unknown-peer-text.ts";
import { type CounterDirection, counterTable } from "../forwarding/counters-table.ts";
import { stormKinds } from "../forwarding/storm-kinds.ts";
import { colours } from "./colours.ts";

/** Most pseudowires in the table: of more only so many are shown, those that are not up before all others. */
const MOST_ROWS = 500;

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function stateText(state: string): string {
  if (state === "established" || state === "static") return colours.green(state);
  return colours.yellow(state);
}

function identifier(id: number | undefined): string {
  return id === undefined ? "-" : hexId(id);
}

function counts(discards: Readonly<Record<string, number>>): string {
  const entries = Object.entries(discards);
  return entries.length === 0 ? "none" : entries.map(([reason, count]) => `${reason} ${count}`).join(", ");
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

function connectionRow(connection: ControlConnectionStatus): readonly string[] {
  const peer = [connection.peerHostName, connection.peerRouterId]
    .filter((part) => part !== undefined)
    .join(" / ");
  const { localControlConnectionId: ours, remoteControlConnectionId: theirs } = connection;
  const ids = `${identifier(ours)} / ${identifier(theirs)}`;
  const state =
    connection.establishedForMs === undefined ? "" : ` for ${duration(connection.establishedForMs)}`;
  return [
    connection.tunnel,
    `${stateText(connection.state)}${state}`,
    `${connection.encapsulation} ${connection.local}\n-> ${connection.remote}`,
    peer === "" ? "-" : peer,
    connection.state === "static" ? "-" : ids,
    authenticationText(connection.authentication),
  ];
}

/** Nobody is authenticated by what anybody can make. */
function authenticationText(authentication: string): string {
  return authentication === "integrity" ? "none (integrity only)" : authentication;
}

/** The counters of one direction. */
function passed(pseudowire: PseudowireStatus, direction: CounterDirection): string {
  return counterTable
    .filter((row) => row.direction === direction && !("isRare" in row && pseudowire[row.name] === 0))
    .map(({ name, label }) => {
      const count = pseudowire[name];
      return counted(count, label.replace(/s$/, ""), label);
    })
    .join(", ");
}

/** Our end, as the peer's is written. */
function localText({ localCircuit, heldDown, forwarder }: PseudowireStatus): string {
  const held = heldDown === undefined ? "" : `, ${heldDown}`;
  return `${localCircuit}${held}${forwarder?.standby ? " (standby)" : ""}`;
}

/** Which pseudowire of each circuit forwards, where there are several. */
function forwarderLines(pseudowires: readonly PseudowireStatus[]): readonly string[] {
  const lines = pseudowires.flatMap(({ circuit, forwarder }) => {
    if (forwarder === undefined) return [];
    const { members, active } = forwarder;
    const others = members.filter((name) => name !== active).join(", ");
    return active === undefined
      ? [`  circuit ${circuit}: none of pseudowires ${others} forwards`]
      : [`  circuit ${circuit}: pseudowire ${active} forwards${others && `; ${others} in standby`}`];
  });
  return [...new Set(lines)];
}

function pseudowireRow(pseudowire: PseudowireStatus): readonly string[] {
  return [
    `${pseudowire.name}\ntunnel ${pseudowire.tunnel}`,
    stateText(pseudowire.state),
    `${pseudowire.circuit}: ${localText(pseudowire)}\npeer: ${pseudowire.remoteCircuit ?? "unknown"}`,
    `${identifier(pseudowire.localSessionId)} / ${identifier(pseudowire.remoteSessionId)}`,
    `${pseudowire.receiveCookieOctets ?? "-"} / ${pseudowire.transmitCookieOctets ?? "-"}`,
    `${pseudowire.receiveSublayer ?? "-"} / ${pseudowire.transmitSublayer ?? "-"}`,
    `in ${passed(pseudowire, "received")}\nout ${passed(pseudowire, "transmitted")}`,
    counts(pseudowire.discards),
  ];
}

/** The pseudowires that are shown, and a line about those that are not. */
function rowsOf({ pseudowires }: StatusReport): readonly [readonly PseudowireStatus[], readonly string[]] {
  if (pseudowires.length <= MOST_ROWS) return [pseudowires, []];
  const down = pseudowires.filter(({ whyNot }) => whyNot !== undefined);
  const up = pseudowires.filter(({ whyNot }) => whyNot === undefined);
  const left = pseudowires.length - MOST_ROWS;
  const text = `${notShown(left, "pseudowire")}; ` + `${down.length} of all ${pseudowires.length} are not up`;
  return [[...down, ...up].slice(0, MOST_ROWS), [text]];
}

function notShown(count: number, noun: string): string {
  const are = count === 1 ? "is" : "are";
  return `${counted(count, `more ${noun}`)} ${are} not shown (for all: wirespan status --json)`;
}

/** Which pseudowires another plane forwards than the daemon's own, and why. */
function otherPlanes(
  plane: StatusReport["plane"],
  pseudowires: readonly PseudowireStatus[],
): readonly string[] {
  return pseudowires
    .filter((pseudowire) => pseudowire.plane !== undefined && pseudowire.plane !== plane.name)
    .map(
      ({ name, plane: own, planeReason }) =>
        `  pseudowire ${name} is on plane ${own}: ${planeReason ?? "no reason"}`,
    );
}

/** Who segments the GSO packets of each tunnel, where eBPF forwards any. */
function gsoLines(pseudowires: readonly PseudowireStatus[]): readonly string[] {
  const lines = pseudowires.flatMap(({ tunnel, gso: sent }) =>
    sent === undefined ? [] : [`  GSO packets of tunnel ${tunnel}: ${sent.choice} (${sent.reason})`],
  );
  return [...new Set(lines)];
}

/** Where the path of a connection moved, from where and since when, and where a NAT was noticed. */
function pathLines(connections: readonly ControlConnectionStatus[]): readonly string[] {
  return connections.flatMap((connection) => {
    const {
      tunnel,
      local,
      remote,
      pathMoves = 0,
      pathForMs = 0,
      formerLocal,
      formerRemote,
      nat,
    } = connection;
    const times = pathMoves === 1 ? "once" : `${pathMoves} times`;
    const moved =
      pathMoves === 0
        ? []
        : [
            `  path of tunnel ${tunnel}: ${local} -> ${remote} for ${duration(pathForMs)}, ` +
              `before that ${formerLocal} -> ${formerRemote}; moved ${times}`,
          ];
    return [...moved, ...(nat === undefined ? [] : [`  NAT on the path of tunnel ${tunnel}: ${nat}`])];
  });
}

/** What is known of the names of peers. */
function nameLines(connections: readonly ControlConnectionStatus[]): readonly string[] {
  return connections.flatMap(({ tunnel, remoteName }) => {
    if (remoteName === undefined) return [];
    const { name, addresses, answeredForMs, nextQueryInMs, problem, unanswered } = remoteName;
    const known =
      addresses.length === 0
        ? "has no address yet"
        : `is ${addresses.join(", ")}, answered ${duration(answeredForMs ?? 0)} ago`;
    const next = nextQueryInMs === undefined ? "" : `, asked again in ${duration(nextQueryInMs)}`;
    const less = unanswered === undefined ? "" : `; ${unanswered}`;
    const line = `  peer of tunnel ${tunnel}: ${name} ${known}${next}${less}`;
    return [problem === undefined ? line : colours.yellow(`${line}; ${problem}`)];
  });
}

/** Each bridge with its ports, those that do not forward first. */
function bridgeLines(bridges: readonly BridgeStatus[]): readonly string[] {
  return bridges.flatMap(({ name, made, problem, learnt, limit = 0, stp, loops, ports }) => {
    const of = limit === 0 ? "" : ` of at most ${limit}`;
    const addresses = learnt === 1 ? "MAC address" : "MAC addresses";
    const parts = [
      made ? "made by us" : "not ours",
      ...(learnt === undefined ? [] : [`${learnt}${of} ${limit === 0 ? addresses : "MAC addresses"} learnt`]),
      ...(stp === true ? ["STP on"] : []),
    ];
    const isBlocked = ({ state }: BridgePortStatus) => state !== "forwarding";
    const sorted = [...ports.filter(isBlocked), ...ports.filter((port) => !isBlocked(port))];
    const left = sorted.length - MOST_ROWS;
    const blocked = new Set(loops?.loops.map((loop) => loop.blocked));
    return [
      `bridge ${name}: ${parts.join(", ")}`,
      ...(problem === undefined ? [] : [colours.yellow(`  ${problem}`)]),
      ...sorted.slice(0, MOST_ROWS).map((port) => portLine(port, blocked.has(port.device))),
      ...(left > 0 ? [`  ${notShown(left, "port")}`] : []),
    ];
  });
}

function portLine(
  { device, pseudowires, state, isolated, storms }: BridgePortStatus,
  isBlocked: boolean,
): string {
  const whose = pseudowires.length === 0 ? "" : ` (pseudowire ${pseudowires.join(", ")})`;
  const why = isBlocked ? ", blocked for a loop" : "";
  const shown = state === "forwarding" ? state : colours.yellow(`${state}${why}`);
  const dropped = Object.entries(storms?.discards ?? {}).filter(([, frames]) => frames > 0);
  const lost = dropped.map(([reason, frames]) =>
    colours.yellow(`, ${counted(frames, "frame")} dropped: ${reason}`),
  );
  const shownLimits = limitsText(storms);
  return `  port ${device}${whose}: ${shown}${isolated ? ", isolated" : ""}${shownLimits}${lost.join("")}`;
}

/** The storm limits of a port, and whether they hold. */
function limitsText(storms: BridgePortStatus["storms"]): string {
  if (storms === undefined) return "";
  const limits = stormKinds.flatMap(({ kind, label }) => {
    const limit = storms.limits[kind];
    return limit === undefined ? [] : [`${label} ${limit}`];
  });
  const text = `, at most in a second: ${limits.join(", ")}`;
  return storms.discards === undefined ? `${text} ${colours.yellow("(not limited yet)")}` : text;
}

/** The path MTU of a tunnel, and how it is known. */
function pathMtuLine({ tunnel, pathMtu, pathMtuUnknown }: ControlConnectionStatus): readonly string[] {
  const known = pathMtu === undefined ? pathMtuUnknown : pathMtuText(pathMtu);
  return known === undefined ? [] : [`  path MTU of tunnel ${tunnel}: ${known}`];
}

/** A path MTU in words. */
export function pathMtuText(status: PathMtuStatus): string {
  const { octets, source, reportedOctets, by, measuredAgoMs, search } = status;
  const how = `by ${by}${measuredAgoMs === undefined ? "" : ` ${duration(measuredAgoMs)} ago`}`;
  const report = reportedOctets === undefined ? "" : `; ${reportedOctets} by ICMP, which does not count`;
  const more = search === "searching" ? ", more is being tried" : "";
  if (source === "measured") return `${octets}, measured ${how}${more}${report}`;
  const origin = source === "interface" ? "the MTU of the interface or the route" : "reported by a router";
  const unknown = search === "error" ? "; the peer answers no long messages" : "";
  return `${octets}, assumed: ${origin}${unknown}`;
}

/** Who sent SCCRQs that no tunnel takes, each with the Host Name that a tunnel would have to ask for. */
function unknownPeerLines({ unknownPeers = [], otherUnknownPeers = 0 }: StatusReport): readonly string[] {
  const lines = unknownPeers.map(({ hostName, address, sccrqs, lastAgoMs, reason, tunnel }) => {
    const name = hostName === undefined ? "no Host Name" : `Host Name "${hostName}"`;
    const times = sccrqs === 1 ? "" : `${sccrqs} times, last `;
    const why = unknownPeerText(reason, tunnel);
    return `  ${name} from ${address}: ${times}${duration(lastAgoMs)} ago; ${why}`;
  });
  const others = otherUnknownPeers === 0 ? [] : [`  and ${counted(otherUnknownPeers, "other sender")}`];
  return lines.length === 0 ? [] : ["SCCRQs that no tunnel takes:", ...lines, ...others];
}

/** That somebody calls a tunnel in vain who may be its peer; empty where nobody does. */
function callText(tunnel: string, { unknownPeers = [] }: StatusReport): string {
  const last = unknownPeers.filter((one) => one.tunnel === tunnel).map(({ lastAgoMs }) => lastAgoMs);
  if (last.length === 0) return "";
  const ago = duration(Math.min(...last));
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

/** The text of `wirespan status`: tables of what there is, and below them why something is not up. */
export function statusText(report: StatusReport): string {
  const { hostName, routerId, version, pid, uptimeMs, plane } = report;
  const connections = report.controlConnections.map(connectionRow);
  const [shown, more] = rowsOf(report);
  const reasons = [
    ...report.controlConnections.map((one) => ({
      subject: `tunnel ${one.tunnel}`,
      one,
      more: callText(one.tunnel, report),
    })),
    ...shown.map((one) => ({ subject: `pseudowire ${one.name} of tunnel ${one.tunnel}`, one, more: "" })),
  ].flatMap(({ subject, one: { whyNot, downForMs }, more }) => {
    const time = downForMs === undefined ? "" : ` (down for ${duration(downForMs)})`;
    return whyNot === undefined ? [] : [`  ${subject}: ${whyNot}${time}${more}`];
  });
  const notes = [
    ...report.controlConnections.map(({ tunnel, notes }) => ({ subject: `tunnel ${tunnel}`, notes })),
    ...shown.map(({ name, tunnel, notes }) => ({
      subject: `pseudowire ${name} of tunnel ${tunnel}`,
      notes,
    })),
    ...(report.bridges ?? []).map(({ name, notes }) => ({ subject: `bridge ${name}`, notes })),
  ].flatMap(({ subject, notes }) => (notes ?? []).map((note) => `  ${subject}: ${note}`));
  return [
    `LCCE ${colours.bold(hostName)}, router id ${routerId}, wirespan ${version}, pid ${pid}, ` +
      `up ${duration(uptimeMs)}`,
    tableOf(
      ["tunnel", "control connection", "path", "peer", "ids (ours / theirs)", "authentication"],
      connections,
    ),
    tableOf(
      [
        "pseudowire",
        "session",
        "circuit",
        "session ids",
        "cookies in / out",
        "sublayer in / out",
        "passed",
        "discarded",
      ],
      shown.map(pseudowireRow),
    ),
    ...more,
    ...bridgeLines(report.bridges ?? []),
    `plane ${plane.name}: ${plane.reason}`,
    ...otherPlanes(plane, shown),
    ...gsoLines(shown),
    ...pathLines(report.controlConnections),
    ...nameLines(report.controlConnections),
    ...report.controlConnections.flatMap(pathMtuLine),
    ...forwarderLines(report.pseudowires),
    ...(reasons.length === 0 ? [] : [colours.yellow("not up, and why:"), ...reasons]),
    ...(notes.length === 0 ? [] : [colours.yellow("needs attention:"), ...notes]),
    `discarded outside sessions: ${counts(report.discards)}; control messages: ${counts(report.control)}`,
    ...unknownPeerLines(report),
    ...httpLines(report),
    ...logLosses(report.log),
  ].join("\n");
}
