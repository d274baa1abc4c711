import { type HostSizes, LEAST_IPV4_MTU, LEAST_IPV6_MTU, trafficKinds } from "./mtu-hosts.ts";
import type { FrameSizeStatus } from "./status.ts";

/** What to change so that frames cross in one piece, the best first. */

/** A change, with the value to set where it is a number of octets. */
export interface Change {
  readonly what:
    | "interface-mtu"
    | "path-mtu"
    | "host-mtu"
    | "mss-clamp"
    | "packet-too-big"
    | "fragmentation"
    | "pseudowire-fragments"
    | "learn-path-mtu";
  readonly to?: number;
  readonly text: string;
}

interface Facts {
  readonly lanMtu: number;
  readonly frameSize: FrameSizeStatus;
  /** By the number of tags, the fewest first. */
  readonly needed: readonly { readonly tags: number; readonly octets: number }[];
  readonly pathMtu: number | undefined;
  readonly hosts: readonly HostSizes[];
}

/** What to change; nothing where full-size frames with all tags cross in one piece. */
export function changesFor(facts: Facts): readonly Change[] {
  return [...longInterface(facts), ...(facts.pathMtu === undefined ? unknownPath(facts) : shortPath(facts))];
}

/** The interface takes longer frames than the pseudowire. */
function longInterface({ frameSize: { mtu, deviceMtu = mtu } }: Facts): readonly Change[] {
  if (deviceMtu <= mtu) return [];
  const text =
    `set the MTU of the interface and its hosts to ${mtu}, or mtu: ${deviceMtu} at both ends: ` +
    `the interface has ${deviceMtu}, and longer frames than those of ${mtu} are discarded (oversize)`;
  return [{ what: "interface-mtu", to: mtu, text }];
}

function unknownPath({ needed }: Facts): readonly Change[] {
  const [least] = needed;
  if (least === undefined) return [];
  const text =
    `learn the path MTU: ${least.octets} is enough${withTags(needed.slice(1))}; ` +
    "ask a daemon whose tunnel has a route to its peer, or give it by --path-mtu";
  return [{ what: "learn-path-mtu", to: least.octets, text }];
}

function shortPath(facts: Facts): readonly Change[] {
  const { needed, pathMtu = 0, hosts, frameSize } = facts;
  const [least] = needed;
  const most = needed.at(-1);
  if (least === undefined || most === undefined || most.octets <= pathMtu) return [];
  const isShort = least.octets > pathMtu;
  // On a whole port tags are possible, and nobody knows whether there are any.
  const condition = isShort ? "" : `only where frames of hosts have ${tagText(firstShort(facts))}: `;
  const wanted = isShort ? least.octets : firstShort(facts).octets;
  const others = withTags(needed.filter(({ octets }) => octets > wanted));
  const raise =
    `${condition}raise the MTU of the path (WAN) from ${pathMtu} to ${wanted}${others}: ` +
    `then frames of any kind cross in one piece${isTcpWhole(hosts) ? "; TCP needs nothing" : ""}`;
  const shorter = shorterHosts(facts, condition);
  return [
    { what: "path-mtu", to: wanted, text: raise },
    ...shorter,
    ...(isTcpWhole(hosts) ? [] : clampMore(facts)),
    ...answerHosts(facts, condition),
    ...(frameSize.fragmentation === "none" ? [cutOutside(condition)] : []),
    ...(shorter.length === 0 || frameSize.fragmentation === "pseudowire" ? [] : [cutInside(condition)]),
  ];
}

/** The fewest tags with which a full-size frame does not cross in one piece. */
function firstShort({ needed, pathMtu = 0 }: Facts): Facts["needed"][number] {
  return needed.find(({ octets }) => octets > pathMtu) ?? { tags: 0, octets: 0 };
}

function shorterHosts(facts: Facts, condition: string): readonly Change[] {
  const { tags } = firstShort(facts);
  const whole = facts.hosts.find((sizes) => sizes.tags === tags)?.wholeOctets ?? 0;
  if (whole < LEAST_IPV4_MTU) return [];
  const more = facts.hosts.filter((sizes) => sizes.tags > tags && sizes.wholeOctets >= LEAST_IPV4_MTU);
  const others = more.map((sizes) => `${sizes.wholeOctets} with ${tagText(sizes)}`).join(", ");
  const ipv6 = whole < LEAST_IPV6_MTU ? `; not with IPv6, which needs ${LEAST_IPV6_MTU}` : "";
  const text =
    `${condition}set the MTU of the hosts on the LAN, at both ends, to ${whole}` +
    `${others === "" ? "" : ` (${others})`}${ipv6}`;
  return [{ what: "host-mtu", to: whole, text }];
}

/** Whether no segment of TCP has to be fragmented, whatever tags it has. */
function isTcpWhole(hosts: readonly HostSizes[]): boolean {
  return hosts.every(({ traffic }) =>
    traffic.every(({ kind, longest }) => !kind.startsWith("tcp-") || longest === "whole"),
  );
}

function clampMore({ frameSize: { mssClamp }, hosts }: Facts): readonly Change[] {
  if (mssClamp === "auto") return [];
  const ofIpv4 = hosts.flatMap(({ traffic }) => traffic.filter(({ kind }) => kind === "tcp-ipv4"));
  const most = Math.min(...ofIpv4.map(({ wholeOctets }) => wholeOctets));
  const instead = mssClamp === "off" ? "" : ` in place of ${mssClamp} (${most} at most)`;
  return [{ what: "mss-clamp", text: `set mss_clamp: auto${instead}: TCP then needs nothing else` }];
}

/** Where hosts could learn what fits, and are not told. */
function answerHosts({ frameSize: { packetTooBig }, hosts }: Facts, condition: string): readonly Change[] {
  const learns = hosts.some(({ traffic, wholeOctets }) =>
    traffic.some(({ kind, longest }) => {
      if (longest === "whole" || kind === "udp-ipv4") return false;
      return wholeOctets >= (trafficKinds[kind].ipVersion === 4 ? LEAST_IPV4_MTU : LEAST_IPV6_MTU);
    }),
  );
  if (packetTooBig === "answer" || !learns) return [];
  const text =
    `${condition}set packet_too_big: answer: hosts are told by ICMP what fits, ` +
    "and UDP with DF and over IPv6 can keep to it";
  return [{ what: "packet-too-big", text }];
}

function cutOutside(condition: string): Change {
  const text =
    `${condition}set fragmentation: outer: long packets then arrive, as fragments, ` +
    "which costs throughput";
  return { what: "fragmentation", text };
}

function cutInside(condition: string): Change {
  const text =
    `${condition}where the peer is Wirespan too, set fragmentation: pseudowire at both ends: long packets ` +
    "of any kind then arrive, in fragments that NATs and firewalls take for whole messages";
  return { what: "pseudowire-fragments", text };
}

/** Values for frames with more tags. */
function withTags(needed: Facts["needed"]): string {
  return needed.length === 0 ? "" : ` (${needed.map((of) => `${of.octets} with ${tagText(of)}`).join(", ")})`;
}

/** A number of VLAN tags in words. */
export function tagText({ tags }: { readonly tags: number }): string {
  return tags === 0 ? "no tag" : tags === 1 ? "one tag" : "two tags";
}
