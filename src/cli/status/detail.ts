import { durationText } from "../../bytes/duration.ts";
import { hexId } from "../../bytes/hex.ts";
import { rateWithUnit, shortRate } from "../../bytes/quantities.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../daemon/status.ts";
import { colours } from "../colours.ts";
import { pathMtuText } from "../path-mtu-text.ts";
import { type Rates, sumOfRates } from "../rates.ts";
import { columnWidths, labelled, PLAIN_COLUMNS, rowLine, titleLine, wrappedLine } from "../text-layout.ts";
import { bridgeDetail } from "./bridges.ts";
import type { Chosen } from "./chosen.ts";
import { clearedText, counterLines } from "./counters.ts";
import { callText } from "./overview.ts";
import { pseudowireRow, pseudowireState, shownStates, statusColumns, tunnelState } from "./rows.ts";

/** Where texts begin behind their labels. */
const LABEL_COLUMNS = 20;

/** Most pseudowires in the text of a tunnel. */
const MOST_ROWS = 500;

type Entry = readonly [label: string, text: string | undefined];

/** The text of `wirespan status NAME`: all that is known of it. */
export function detailText(
  report: StatusReport,
  { tunnel, pseudowire, bridge }: Chosen,
  rates: ReadonlyMap<string, Rates>,
  columns = PLAIN_COLUMNS,
): string {
  const parts = [
    ...(tunnel === undefined ? [] : [tunnelLines(report, tunnel, rates, columns)]),
    ...(pseudowire === undefined ? [] : [pseudowireLines(report, pseudowire, rates, columns)]),
    ...(bridge === undefined
      ? []
      : [
          [...bridgeDetail(bridge), ...(bridge.notes ?? []).map((note) => `  ${note}`)].flatMap((line) =>
            wrappedLine(line, columns),
          ),
        ]),
  ];
  return parts.map((lines) => lines.join("\n")).join("\n\n");
}

function entryLines(entries: readonly Entry[], columns: number): readonly string[] {
  return entries.flatMap(([label, text]) =>
    text === undefined ? [] : labelled(`  ${label.padEnd(LABEL_COLUMNS)} `, text, columns),
  );
}

function headLine(
  subject: string,
  shown: keyof typeof shownStates,
  { establishedForMs, downForMs }: Pick<PseudowireStatus, "establishedForMs" | "downForMs">,
): string {
  const { word, paint } = shownStates[shown];
  const forMs = downForMs ?? establishedForMs;
  const time = forMs === undefined ? "" : ` for ${durationText(forMs)}`;
  return `${colours.bold(subject)}: ${paint(word)}${time}`;
}

function commonEntries(of: ControlConnectionStatus | PseudowireStatus, call = ""): readonly Entry[] {
  const { whyNot, notes = [] } = of;
  return [
    ["why not", whyNot === undefined ? undefined : `${whyNot}${call}`],
    ...notes.map((note): Entry => ["needs attention", note]),
  ];
}

/** When it changed last, how often it did, and whether that is too often. */
function changeText(of: ControlConnectionStatus | PseudowireStatus): string | undefined {
  const { lastChange, ups = 0, downs = 0, flapping } = of;
  if (lastChange === undefined) return undefined;
  const times = (count: number) => (count === 1 ? "once" : `${count} times`);
  const often = `came up ${times(ups)}, went down ${times(downs)}${flapping ? ", flapping" : ""}`;
  return `${durationText(lastChange.agoMs)} ago: ${lastChange.text}; ${often}`;
}

function tunnelLines(
  report: StatusReport,
  connection: ControlConnectionStatus,
  rates: ReadonlyMap<string, Rates>,
  columns: number,
): readonly string[] {
  const { tunnel, sent, received, retransmitted, nextAttemptInMs, clearedAgoMs } = connection;
  const own = report.pseudowires.filter((one) => one.tunnel === tunnel);
  const ratesOfOwn = own.flatMap(({ name }) => rates.get(name) ?? []);
  const entries: readonly Entry[] = [
    ...commonEntries(connection, callText(tunnel, report)),
    ["last change", changeText(connection)],
    ...connectionEntries(connection),
    ...pathEntries(connection),
    ["GSO packets", gsoText(own.find(({ gso }) => gso !== undefined)?.gso)],
    [
      "control messages",
      `sent ${sent}, received ${received}, sent again ${retransmitted}${clearedText(clearedAgoMs)}`,
    ],
    ["next attempt", nextAttemptInMs === undefined ? undefined : `in ${durationText(nextAttemptInMs)}`],
    ["passing now", ratesOfOwn.length === 0 ? undefined : ratesText(sumOfRates(ratesOfOwn))],
  ];
  return [
    ...wrappedLine(headLine(`tunnel ${tunnel}`, tunnelState(connection), connection), columns),
    ...entryLines(entries, columns),
    ...ownPseudowires(own, columns),
  ];
}

function connectionEntries(connection: ControlConnectionStatus): readonly Entry[] {
  const { state, localControlConnectionId: ours, remoteControlConnectionId: theirs } = connection;
  const { peerHostName, peerRouterId, peerVendorName, authentication } = connection;
  const peer = [
    ...(peerHostName === undefined ? [] : [peerHostName]),
    ...(peerRouterId === undefined ? [] : [`router id ${peerRouterId}`]),
    ...(peerVendorName === undefined ? [] : [`vendor "${peerVendorName}"`]),
  ];
  // Nobody is authenticated by what anybody can make.
  const proof = authentication === "integrity" ? "none (integrity only)" : authentication;
  return [
    ["control connection", state],
    ["ids", ours === undefined && theirs === undefined ? undefined : idsText(ours, theirs)],
    ["authentication", proof],
    ["peer", peer.length === 0 ? undefined : peer.join(", ")],
    ["peer's address", nameText(connection.remoteName)],
  ];
}

function idsText(ours: number | undefined, theirs: number | undefined): string {
  const text = (id: number | undefined) => (id === undefined ? "-" : hexId(id));
  return `${text(ours)} (ours) / ${text(theirs)} (theirs)`;
}

/** What is known of the name of a peer. */
function nameText(remoteName: ControlConnectionStatus["remoteName"]): string | undefined {
  if (remoteName === undefined) return undefined;
  const { name, addresses, answeredForMs, nextQueryInMs, problem, unanswered } = remoteName;
  const known =
    addresses.length === 0
      ? "has no address yet"
      : `is ${addresses.join(", ")}, answered ${durationText(answeredForMs ?? 0)} ago`;
  const next = nextQueryInMs === undefined ? "" : `, asked again in ${durationText(nextQueryInMs)}`;
  const less = unanswered === undefined ? "" : `; ${unanswered}`;
  const wrong = problem === undefined ? "" : `; ${problem}`;
  return `${name} ${known}${next}${less}${wrong}`;
}

/** The path of a tunnel, from where it moved, and what is known of it. */
function pathEntries(connection: ControlConnectionStatus): readonly Entry[] {
  const { encapsulation, local, remote, localFrom, pathForMs, pathMoves = 0 } = connection;
  const { formerLocal, formerRemote, nat, pathMtu, pathMtuUnknown } = connection;
  const since = pathForMs === undefined ? "" : `, for ${durationText(pathForMs)}`;
  const times = pathMoves === 1 ? "once" : `${pathMoves} times`;
  return [
    ["path", `${encapsulation} ${local} -> ${remote}${since}`],
    ["former path", pathMoves === 0 ? undefined : `${formerLocal} -> ${formerRemote}; moved ${times}`],
    ["our address", localFrom === undefined ? undefined : `by ${localFrom}`],
    ["NAT on the path", nat],
    ["path MTU", pathMtu === undefined ? pathMtuUnknown : pathMtuText(pathMtu)],
  ];
}

function gsoText(gso: PseudowireStatus["gso"]): string | undefined {
  return gso === undefined ? undefined : `${gso.choice} (${gso.reason})`;
}

function ratesText(rates: Rates): string {
  const { receivedFramesPerSecond, receivedBitsPerSecond } = rates;
  const { transmittedFramesPerSecond, transmittedBitsPerSecond } = rates;
  return (
    `in ${shortRate(receivedFramesPerSecond)} frames/s, ${rateWithUnit(receivedBitsPerSecond)}; ` +
    `out ${shortRate(transmittedFramesPerSecond)} frames/s, ${rateWithUnit(transmittedBitsPerSecond)}`
  );
}

function ownPseudowires(own: readonly PseudowireStatus[], columns: number): readonly string[] {
  if (own.length === 0) return ["", "  no pseudowires"];
  const rows = own.slice(0, MOST_ROWS).map(pseudowireRow);
  const [first, name, ...others] = statusColumns(columns);
  if (first === undefined || name === undefined) return [];
  const table = [first, { ...name, title: "pseudowire" }, ...others];
  const widths = columnWidths(table, rows, columns);
  const left = own.length - rows.length;
  return [
    "",
    colours.dim(titleLine(table, widths)),
    ...rows.map((row) => rowLine(table, widths, row)),
    ...(left === 0 ? [] : [`and ${left} more (for all: wirespan status --json)`]),
  ];
}

function pseudowireLines(
  report: StatusReport,
  pseudowire: PseudowireStatus,
  rates: ReadonlyMap<string, Rates>,
  columns: number,
): readonly string[] {
  const { name, tunnel } = pseudowire;
  const connection = report.controlConnections.find((one) => one.tunnel === tunnel);
  const own = rates.get(name);
  const entries: readonly Entry[] = [
    ...commonEntries(pseudowire),
    ["last change", changeText(pseudowire)],
    ...circuitEntries(pseudowire),
    ...sessionEntries(pseudowire),
    ...sizeEntries(pseudowire),
    ["plane", planeText(pseudowire)],
    ["GSO packets", gsoText(pseudowire.gso)],
    ...(connection === undefined ? [] : tunnelEntries(connection)),
    ["passing now", own === undefined ? undefined : ratesText(own)],
  ];
  return [
    ...wrappedLine(
      headLine(`pseudowire ${name} of tunnel ${tunnel}`, pseudowireState(pseudowire), pseudowire),
      columns,
    ),
    ...entryLines(entries, columns),
    ...counterLines(pseudowire, columns),
  ];
}

function circuitEntries(pseudowire: PseudowireStatus): readonly Entry[] {
  const { circuit, type, localCircuit, heldDown, remoteCircuit, forwarder, channelStatus } = pseudowire;
  const held = heldDown === undefined ? "" : `, ${heldDown}`;
  const standby = forwarder?.standby === true ? " (standby)" : "";
  const { active, members = [] } = forwarder ?? {};
  const diagnostic = channelStatus?.diagnostic === undefined ? "" : ` (${channelStatus.diagnostic})`;
  return [
    ["circuit", `${circuit}: ${localCircuit}${held}${standby}; peer: ${remoteCircuit ?? "unknown"}`],
    [
      "frames go by",
      members.length < 2 ? undefined : `${active ?? "none"}, of pseudowires ${members.join(", ")}`,
    ],
    ["control channel", channelStatus === undefined ? undefined : `${channelStatus.state}${diagnostic}`],
    ["type", type],
  ];
}

function sessionEntries(pseudowire: PseudowireStatus): readonly Entry[] {
  const { state, localSessionId, remoteSessionId, receiveCookieOctets, transmitCookieOctets } = pseudowire;
  const { receiveSublayer, transmitSublayer, receiveSequencing, transmitSequencing, vccv } = pseudowire;
  const both = (received: unknown, transmitted: unknown) =>
    localSessionId === undefined ? undefined : `${received ?? "-"} (in) / ${transmitted ?? "-"} (out)`;
  return [
    ["session", state],
    ["session ids", localSessionId === undefined ? undefined : idsText(localSessionId, remoteSessionId)],
    ["octets of cookies", both(receiveCookieOctets, transmitCookieOctets)],
    ["sublayer", both(receiveSublayer, transmitSublayer)],
    ["sequencing", both(receiveSequencing, transmitSequencing)],
    ["VCCV", vccv === undefined ? undefined : [vccv.channel, ...vccv.checks].join(", ")],
  ];
}

function sizeEntries({ name, frameSize, fragments }: PseudowireStatus): readonly Entry[] {
  if (frameSize === undefined) return [];
  const { mtu, deviceMtu, fragmentation, mssClamp, packetTooBig } = frameSize;
  const ofDevice = deviceMtu === undefined ? "" : `, of its interface ${deviceMtu}`;
  return [
    ["MTU", `${mtu}${ofDevice}; what fits: wirespan mtu ${name}`],
    ["long frames", `fragmentation ${fragmentation}, mss_clamp ${mssClamp}, packet_too_big ${packetTooBig}`],
    ["fragments", fragments === undefined ? undefined : fragmentsText(fragments)],
  ];
}

function fragmentsText({
  receiveMrru,
  peerMru,
  peerMrru,
}: NonNullable<PseudowireStatus["fragments"]>): string {
  const ours = receiveMrru === undefined ? "we take none" : `we take frames up to ${receiveMrru}`;
  const theirs =
    peerMrru === undefined
      ? "the peer takes none"
      : `the peer up to ${peerMrru}, in messages up to ${peerMru}`;
  return `${ours}, ${theirs}`;
}

function planeText({ plane, planeReason }: PseudowireStatus): string | undefined {
  if (plane === undefined) return undefined;
  return planeReason === undefined ? plane : `${plane}: ${planeReason}`;
}

/** What matters of its tunnel to a pseudowire. */
function tunnelEntries(connection: ControlConnectionStatus): readonly Entry[] {
  const { peerHostName, peerVendorName } = connection;
  const vendor = peerVendorName === undefined ? "" : `, vendor "${peerVendorName}"`;
  return [
    ["peer", peerHostName === undefined ? undefined : `${peerHostName}${vendor}`],
    ...pathEntries(connection).filter(([label]) => label === "path" || label === "path MTU"),
  ];
}
