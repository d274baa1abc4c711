import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../wire/ethernet.ts";
import { type HeaderSize, headersOf, headerTotal } from "./frame-size.ts";
import { type Change, changesFor } from "./mtu-changes.ts";
import { type HostSizes, hostSizes, LEAST_IPV6_MTU, lanMtuOf } from "./mtu-hosts.ts";
import type { FrameSizeStatus, PathMtuStatus } from "./status.ts";

/**
 * What `wirespan mtu` says of a pseudowire: the sum of headers, and what hosts see of the path MTU.
 * Arithmetic alone, of what we send; kept stable as JSON (docs/operating.md).
 */

/** A path MTU by the daemon, or one that somebody gave. */
export type KnownPathMtu = PathMtuStatus | { readonly octets: number; readonly source: "given" };

/** A pseudowire, and what decides about its data messages. */
export interface MtuSubject {
  readonly tunnel: string;
  readonly pseudowire: string;
  readonly circuit: string;
  readonly frameSize: FrameSizeStatus;
  /** Absent where nobody knows it. */
  readonly pathMtu?: KnownPathMtu | undefined;
  /** Why nobody can know it yet, as text. */
  readonly pathMtuUnknown?: string | undefined;
}

export interface MtuReport {
  readonly tunnel: string;
  readonly pseudowire: string;
  readonly circuit: string;
  /** Largest layer-3 payload of frames of the circuit, in octets: of the pseudowire and its interface. */
  readonly lanMtu: number;
  readonly mtu: number;
  readonly deviceMtu?: number | undefined;
  /** What a full-size frame has besides, from the LAN's IP packet outwards; what is not there has 0. */
  readonly headers: readonly HeaderSize[];
  /** Octets of the IP packet with a full-size frame, by the tags that the frame has. */
  readonly needed: readonly { readonly tags: number; readonly octets: number }[];
  readonly pathMtu?: KnownPathMtu | undefined;
  /** Why nobody can know it yet, as text. */
  readonly pathMtuUnknown?: string | undefined;
  /** What was taken for granted where it is not known, as sentences. */
  readonly assumptions: readonly string[];
  readonly fragmentation: FrameSizeStatus["fragmentation"];
  readonly mssClamp: FrameSizeStatus["mssClamp"];
  readonly packetTooBig: FrameSizeStatus["packetTooBig"];
  /** What hosts see, by the tags that their frames have on the pseudowire; empty without a path MTU. */
  readonly hosts: readonly HostSizes[];
  /** What to change, the best first; empty where nothing is wrong. */
  readonly changes: readonly Change[];
}

/** A frame may have so many tags more than its MTU allows for. */
const MOST_TAGS = 2;

/** The report of a pseudowire. */
export function mtuReport(subject: MtuSubject): MtuReport {
  const { tunnel, pseudowire, circuit, frameSize, pathMtu, pathMtuUnknown } = subject;
  const { mtu, deviceMtu, tags, fragmentation, mssClamp, packetTooBig } = frameSize;
  const lanMtu = lanMtuOf(frameSize);
  const outer = headersOf({ ...frameSize, ipVersion: frameSize.ipVersion ?? 4 });
  const headers = [
    { name: "Ethernet header", octets: ETHERNET_HEADER_OCTETS },
    { name: "VLAN tag", octets: tags * TAG_OCTETS },
    ...outer,
  ];
  const counts = Array.from({ length: MOST_TAGS + 1 - tags }, (_, index) => tags + index);
  const neededWith = (count: number) =>
    headerTotal(outer) + ETHERNET_HEADER_OCTETS + count * TAG_OCTETS + lanMtu;
  const needed = counts.map((count) => ({ tags: count, octets: neededWith(count) }));
  const hosts =
    pathMtu === undefined ? [] : counts.map((count) => hostSizes(frameSize, pathMtu.octets, count));
  return {
    ...{ tunnel, pseudowire, circuit, lanMtu, mtu, deviceMtu, headers, needed, pathMtu },
    pathMtuUnknown: pathMtu === undefined ? pathMtuUnknown : undefined,
    assumptions: assumptionsOf(frameSize, lanMtu),
    ...{ fragmentation, mssClamp, packetTooBig, hosts },
    changes: changesFor({ lanMtu, frameSize, needed, pathMtu: pathMtu?.octets, hosts }),
  };
}

function assumptionsOf(
  { ipVersion, agreed, cookieOctets, sublayer }: FrameSizeStatus,
  lanMtu: number,
): readonly string[] {
  return [
    ...(agreed
      ? []
      : [`nothing is negotiated yet: a cookie of ${cookieOctets} octets and sublayer ${sublayer}, as here`]),
    ...(ipVersion === undefined
      ? ["the peer's address is not known: it is taken to be IPv4; IPv6 needs 20 octets more"]
      : []),
    ...(lanMtu < LEAST_IPV6_MTU ? [`hosts cannot use IPv6, which needs a LAN MTU of ${LEAST_IPV6_MTU}`] : []),
  ];
}
