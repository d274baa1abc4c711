import { countText } from "../daemon/frame-size.ts";
import { tagText } from "../daemon/mtu-changes.ts";
import { type HostSizes, type HostTraffic, trafficKinds } from "../daemon/mtu-hosts.ts";
import type { KnownPathMtu, MtuReport } from "../daemon/mtu-report.ts";
import { colours } from "./colours.ts";
import { pathMtuText } from "./path-mtu-text.ts";
import { labelled } from "./text-layout.ts";

/** The text of `wirespan mtu`: each pseudowire with its sum, what hosts see, and what to change. */
export function mtuText(reports: readonly MtuReport[]): string {
  return reports.map((report) => reportLines(report).join("\n")).join("\n\n");
}

const NAME_COLUMNS = 26;
const OCTET_COLUMNS = 5;
const LINE_COLUMNS = 100;

function reportLines(report: MtuReport): readonly string[] {
  const { pseudowire, tunnel, circuit, pathMtu, pathMtuUnknown, hosts, assumptions } = report;
  return [
    colours.bold(`pseudowire ${pseudowire} of tunnel ${tunnel} (${circuit})`),
    ...sumLines(report),
    `  path MTU: ${pathMtu === undefined ? colours.yellow(pathMtuUnknown ?? "unknown") : knownText(pathMtu)}`,
    ...assumptions.map((text) => `  assumed: ${text}`),
    ...hosts.flatMap((sizes) => hostLines(report, sizes)),
    ...changeLines(report),
  ];
}

/** The headers of a full-size frame with their sum, as one writes it down. */
function sumLines({ lanMtu, mtu, deviceMtu, headers, needed }: MtuReport): readonly string[] {
  const [least, ...more] = needed;
  const ofDevice = deviceMtu === undefined ? "" : `, interface ${deviceMtu}`;
  const others = more.map((of) => `${of.octets} with ${tagText(of)}`).join(", ");
  const rows = [
    { name: "LAN MTU", octets: lanMtu, note: `pseudowire ${mtu}${ofDevice}` },
    ...headers.map(({ name, octets }) => ({ name, octets, note: "" })),
  ];
  return [
    "  what we send for a full-size frame, in octets:",
    ...rows.map(({ name, octets, note }) => sumLine(name, octets, note)),
    sumLine("needs a path MTU of", least?.octets ?? 0, others),
  ];
}

function sumLine(name: string, octets: number, note: string): string {
  const line = `    ${name.padEnd(NAME_COLUMNS)}${String(octets).padStart(OCTET_COLUMNS)}`;
  return note === "" ? line : `${line}   ${note}`;
}

function knownText(pathMtu: KnownPathMtu): string {
  return pathMtu.source === "given" ? `${pathMtu.octets}, given by --path-mtu` : pathMtuText(pathMtu);
}

function hostLines(report: MtuReport, sizes: HostSizes): readonly string[] {
  return [
    `  hosts whose frames have ${tagText(sizes)}: IP packets up to ${sizes.wholeOctets} cross in one piece`,
    ...sizes.traffic.map((traffic) => {
      const text = trafficText(report, traffic);
      const shown = traffic.longest === "discarded" ? colours.yellow(text) : text;
      return `    ${trafficKinds[traffic.kind].name.padEnd(NAME_COLUMNS)}${shown}`;
    }),
  ];
}

type TrafficReport = Pick<MtuReport, "mssClamp" | "fragmentation">;

/** What packets of one kind meet. */
export function trafficText(report: TrafficReport, traffic: HostTraffic): string {
  return trafficKinds[traffic.kind].transport === "tcp" ? tcpText(report, traffic) : udpText(report, traffic);
}

/** Fragments that we make of a frame: a number of them in words, and what they are fragments of. */
function fragmentsText({ fragmentation }: TrafficReport, count: number): string {
  return `${countText(count)} ${fragmentation === "pseudowire" ? "pseudowire" : "IP"} fragments`;
}

function tcpText(report: TrafficReport, traffic: HostTraffic): string {
  const { mssClamp } = report;
  const { lanOctets, octets, wholeOctets, longest, fragments } = traffic;
  const isClamped = octets < lanOctets;
  const setting = isClamped ? `, clamped from ${lanOctets}` : mssClamp === "off" ? ", mss_clamp: off" : "";
  const fates = {
    whole: "no fragments",
    answered: `ICMP tells hosts, and they keep to ${wholeOctets}`,
    fragmented: `full segments are sent as ${fragmentsText(report, fragments)}`,
    discarded: "full segments are discarded, and TCP stalls",
  };
  return `MSS ${octets}${setting}: ${fates[longest]}`;
}

function udpText(report: TrafficReport, traffic: HostTraffic): string {
  const { kind, octets, wholeOctets, longest, fragments } = traffic;
  const cutsItself = kind === "udp-ipv4";
  if (longest === "whole")
    return `up to ${octets} octets in one piece${cutsItself ? "; the host fragments longer ones" : ""}`;
  if (longest === "answered")
    return `up to ${wholeOctets} octets in one piece; ICMP tells hosts of longer ones`;
  if (longest === "fragmented") {
    const pieces = `up to ${octets} as ${fragmentsText(report, fragments)} of ours`;
    const longer = cutsItself ? "all longer ones as fragments" : pieces;
    return `up to ${wholeOctets} octets in one piece, ${longer}`;
  }
  const why = cutsItself ? "also if the host fragments them" : "no ICMP tells the host";
  return `up to ${wholeOctets} octets; longer ones discarded, ${why}`;
}

function changeLines({ changes }: MtuReport): readonly string[] {
  if (changes.length === 0) return ["  to change: nothing"];
  return [
    "  to change, the best first:",
    ...changes.flatMap(({ text }) => labelled("    - ", text, LINE_COLUMNS, "whole")),
  ];
}
