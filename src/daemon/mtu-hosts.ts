import { headerOctets, LEAST_MSS, mssClampOf, mssLimit } from "../forwarding/mss.ts";
import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../wire/ethernet.ts";
import { fragmentCount, headersOf, headerTotal, pseudowireFragmentCount } from "./frame-size.ts";
import type { FrameSizeStatus } from "./status.ts";

/** What each kind of traffic of hosts meets on a path: arithmetic alone. */

/** What hosts see whose frames have so many tags on the pseudowire. */
export interface HostSizes {
  readonly tags: number;
  /** The longest IP packet that crosses in one piece, in octets. */
  readonly wholeOctets: number;
  readonly traffic: readonly HostTraffic[];
}

/** What packets of a kind meet. Octets are those of the MSS of TCP, or of the payload of UDP. */
export interface HostTraffic {
  readonly kind: TrafficKind;
  /** What hosts send at most by the MTU of the LAN, and what of that the MSS clamp leaves. */
  readonly lanOctets: number;
  readonly octets: number;
  /** What crosses in one piece. */
  readonly wholeOctets: number;
  /**
   * What becomes of packets with `octets`, and in how many fragments they are sent, or would be. Hosts keep
   * to `wholeOctets` once a packet of theirs was answered (`packet_too_big`).
   */
  readonly longest: "whole" | "answered" | "fragmented" | "discarded";
  readonly fragments: number;
}

/** TABLE: kinds of traffic of hosts, with the header behind that of IP. */
export const trafficKinds = {
  "tcp-ipv4": { name: "TCP over IPv4", ipVersion: 4, transport: "tcp" },
  "tcp-ipv6": { name: "TCP over IPv6", ipVersion: 6, transport: "tcp" },
  "udp-ipv4-df": { name: "UDP over IPv4 with DF", ipVersion: 4, transport: "udp" },
  "udp-ipv4": { name: "UDP over IPv4 without DF", ipVersion: 4, transport: "udp" },
  "udp-ipv6": { name: "UDP over IPv6", ipVersion: 6, transport: "udp" },
} as const;
export type TrafficKind = keyof typeof trafficKinds;
const kinds = Object.keys(trafficKinds) as readonly TrafficKind[];

/** RFC 791 §3.1: no link of less carries IPv4. */
export const LEAST_IPV4_MTU = 68;
/** RFC 8200 §5: no link of less carries IPv6. */
export const LEAST_IPV6_MTU = 1280;
const UDP_OCTETS = 8;

/** The largest IP packet in a frame of the circuit, in octets: as interface and pseudowire take it. */
export function lanMtuOf({ mtu, deviceMtu }: Pick<FrameSizeStatus, "mtu" | "deviceMtu">): number {
  return Math.min(mtu, deviceMtu ?? mtu);
}

/** What hosts see of a path MTU, with so many tags of their frames on the pseudowire. */
export function hostSizes(frameSize: FrameSizeStatus, pathMtu: number, tags: number): HostSizes {
  const ipVersion = frameSize.ipVersion ?? 4;
  const overhead = headerTotal(headersOf({ ...frameSize, ipVersion }));
  const l2Octets = ETHERNET_HEADER_OCTETS + tags * TAG_OCTETS;
  const lanMtu = lanMtuOf(frameSize);
  const wholeOctets = Math.max(0, Math.min(lanMtu, pathMtu - overhead - l2Octets));
  const clamp = mssClampOf({ ...frameSize, wholeFrameOctets: Math.max(0, pathMtu - overhead) });
  const traffic = kinds.flatMap((kind): readonly HostTraffic[] => {
    const { ipVersion: inner, transport } = trafficKinds[kind];
    if (inner === 6 && lanMtu < LEAST_IPV6_MTU) return [];
    const isIpv4 = inner === 4;
    const ip = isIpv4 ? headerOctets.ipv4 : headerOctets.ipv6;
    const inFront = ip + (transport === "tcp" ? headerOctets.tcp : UDP_OCTETS);
    const lanOctets = transport === "tcp" ? Math.max(LEAST_MSS, lanMtu - inFront) : lanMtu - inFront;
    const isClamped = transport === "tcp" && clamp !== undefined;
    const octets = isClamped ? Math.min(lanOctets, mssLimit(clamp, isIpv4, l2Octets, 0)) : lanOctets;
    const packet = overhead + l2Octets + inFront + octets;
    const isPseudowire = frameSize.fragmentation === "pseudowire";
    const fragments = isPseudowire
      ? pseudowireFragmentCount(overhead, packet, pathMtu)
      : fragmentCount(ipVersion, packet, pathMtu);
    // Hosts fragment UDP over IPv4 without DF, and IPv6 has no smaller packets than those of its least MTU.
    const isAnswered =
      frameSize.packetTooBig === "answer" &&
      kind !== "udp-ipv4" &&
      wholeOctets >= (isIpv4 ? LEAST_IPV4_MTU : LEAST_IPV6_MTU);
    const otherwise = frameSize.fragmentation === "none" ? "discarded" : "fragmented";
    const longest = fragments === 1 ? "whole" : isAnswered ? "answered" : otherwise;
    return [{ kind, lanOctets, octets, wholeOctets: Math.max(0, wholeOctets - inFront), longest, fragments }];
  });
  return { tags, wholeOctets, traffic };
}
