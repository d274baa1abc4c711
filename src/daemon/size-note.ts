import type { Change } from "./mtu-changes.ts";
import { type HostTraffic, hostSizes, LEAST_IPV4_MTU, type TrafficKind, trafficKinds } from "./mtu-hosts.ts";
import { type MtuReport, mtuReport } from "./mtu-report.ts";
import type { FrameSizeStatus } from "./status.ts";

/**
 * The note on full-size frames that do not fit the path: what becomes of each kind of packet, and what to
 * change, both as `wirespan mtu` has them.
 */

/** A circuit and the path that its frames take. */
export interface CircuitPath {
  readonly device: string;
  readonly frameSize: FrameSizeStatus;
  readonly remoteAddress: string;
  readonly pathMtu: number;
}

/** TABLE: kinds of packets that are told together, the most first. */
const subjects: readonly { readonly text: string; readonly kinds: readonly TrafficKind[] }[] = [
  { text: "packets of any kind", kinds: ["tcp-ipv4", "tcp-ipv6", "udp-ipv4-df", "udp-ipv4", "udp-ipv6"] },
  { text: "TCP segments", kinds: ["tcp-ipv4", "tcp-ipv6"] },
  { text: "TCP segments over IPv4", kinds: ["tcp-ipv4"] },
  { text: "TCP segments over IPv6", kinds: ["tcp-ipv6"] },
  { text: "other packets", kinds: ["udp-ipv4-df", "udp-ipv4", "udp-ipv6"] },
  { text: "other IPv4 packets with DF and IPv6 packets", kinds: ["udp-ipv4-df", "udp-ipv6"] },
  { text: "other IPv4 packets", kinds: ["udp-ipv4-df", "udp-ipv4"] },
  { text: "other IPv4 packets with DF", kinds: ["udp-ipv4-df"] },
  { text: "other IPv4 packets without DF", kinds: ["udp-ipv4"] },
  { text: "other IPv6 packets", kinds: ["udp-ipv6"] },
];

/** TABLE: what becomes of packets, the best first. */
const fates: Readonly<Record<HostTraffic["longest"], (kinds: readonly TrafficKind[]) => string>> = {
  whole: () => "fit (mss_clamp)",
  answered: () => "that are too long are answered by ICMP (packet_too_big)",
  fragmented: () => "that are too long are sent in IP fragments",
  discarded: (kinds) => `that are too long are discarded (path-mtu)${lossText(kinds)}`,
};

/** TABLE: changes in short; those that are not about the path have no text. */
const remedies: Readonly<Record<Change["what"], (change: Change, report: MtuReport) => string | undefined>> =
  {
    "path-mtu": () => "raise the path MTU",
    "host-mtu": ({ to }, report) => `give hosts an MTU of ${to}${taggedText(report)}`,
    "mss-clamp": () => "set mss_clamp: auto",
    "packet-too-big": () => "set packet_too_big: answer",
    fragmentation: () => "set fragmentation: outer",
    "pseudowire-fragments": () => "set fragmentation: pseudowire at both ends, if the peer is Wirespan too",
    "interface-mtu": () => undefined,
    "learn-path-mtu": () => undefined,
  };

/**
 * The note, with the remedies; undefined where frames fit, and where what is set deals with those that do
 * not: no packet is discarded without an answer, and TCP makes no fragments of IP.
 */
export function sizeNote({ device, frameSize, remoteAddress, pathMtu }: CircuitPath): string | undefined {
  const { tags, fragmentation } = frameSize;
  if (fragmentation === "pseudowire") return undefined;
  const { traffic } = hostSizes(frameSize, pathMtu, tags);
  if (!traffic.some(needsAttention)) return undefined;
  const report = mtuReport({
    ...{ tunnel: "", pseudowire: "", circuit: device, frameSize },
    pathMtu: { octets: pathMtu, source: "given" },
  });
  const { lanMtu, needed, changes } = report;
  const wanted = changes.map((change) => remedies[change.what](change, report));
  return (
    `full-size frames of ${device} (MTU ${lanMtu}${tags === 0 ? "" : " and a VLAN tag"}) need ` +
    `a path MTU of ${needed[0]?.octets}; the path to ${remoteAddress} has ${pathMtu}: ` +
    `${fatesText(traffic)}; ` +
    wanted.filter((text) => text !== undefined).join(", or ")
  );
}

function needsAttention({ kind, longest }: HostTraffic): boolean {
  return longest === "discarded" || (longest === "fragmented" && trafficKinds[kind].transport === "tcp");
}

function fatesText(traffic: readonly HostTraffic[]): string {
  const clauses = (Object.keys(fates) as (keyof typeof fates)[]).map((fate) => {
    const kinds = traffic.filter(({ longest }) => longest === fate).map(({ kind }) => kind);
    return kinds.length === 0 ? [] : [`${subjectText(kinds)} ${fates[fate](kinds)}`];
  });
  return clauses.flat().join("; ");
}

function subjectText(kinds: readonly TrafficKind[]): string {
  const left = new Set(kinds);
  const told: string[] = [];
  for (const subject of subjects) {
    if (!subject.kinds.every((kind) => left.has(kind))) continue;
    told.push(subject.text);
    for (const kind of subject.kinds) left.delete(kind);
  }
  return told.join(" and ");
}

/** What it means to lose packets: hosts fragment IPv4 without DF themselves, and expect no answer. */
function lossText(kinds: readonly TrafficKind[]): string {
  if (kinds.some((kind) => trafficKinds[kind].transport === "tcp")) return ", and TCP stalls";
  return kinds.every((kind) => kind === "udp-ipv4") ? "" : ", and their senders are not told";
}

/** On a whole port nobody knows whether frames have tags. */
function taggedText({ hosts: [untagged, tagged] }: MtuReport): string {
  if (untagged?.tags !== 0 || tagged === undefined || tagged.wholeOctets < LEAST_IPV4_MTU) return "";
  return ` (${tagged.wholeOctets} with a VLAN tag)`;
}
