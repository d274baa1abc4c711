import { TruncatedError } from "../bytes/errors.ts";
import { Reader } from "../bytes/reader.ts";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import type { Encapsulation } from "../wire/session-parameters.ts";
import { type InternetPacket, unwrapInternet } from "./internet.ts";
import { unwrapLink } from "./link.ts";

/** One end of a captured packet. */
export interface Endpoint {
  readonly address: string;
  /** Undefined directly over IP, and in fragments without a UDP header. */
  readonly port: number | undefined;
}

/** Endpoints and encapsulation of a captured packet. */
export interface CapturedRoute {
  readonly encapsulation: Encapsulation;
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** Decoded layers of a captured packet below L2TP. */
export type Layers =
  | {
      readonly kind: "l2tp";
      readonly route: CapturedRoute;
      /** Payload of UDP or of IP protocol 115; a view. */
      readonly payload: Uint8Array;
      /** Octets that the headers promise beyond `payload`, fragments left out of account. */
      readonly missingOctets: number;
      /** Key of the packet when this is its first fragment. */
      readonly firstFragmentOf?: string;
    }
  /** A fragment without the header that tells what it carries. */
  | {
      readonly kind: "later-fragment";
      readonly route: CapturedRoute;
      readonly key: string;
      readonly offset: number;
      readonly octets: number;
    }
  | { readonly kind: "other"; readonly reason: string };

const IP_PROTOCOL_UDP = 17;
const UDP_HEADER_OCTETS = 8;

/** Whether a UDP datagram between two ends is to be read as L2TP. */
export type IsL2tp = (source: Endpoint, destination: Endpoint) => boolean;

/** Strips the layers below L2TP from a captured packet. Never throws because of the packet. */
export function unwrapPacket(linkType: number, octets: Uint8Array, isL2tp: IsL2tp): Layers {
  try {
    const link = unwrapLink(linkType, octets);
    if (link.kind === "other") return link;
    const packet = unwrapInternet(link.octets);
    if (packet === undefined) return { kind: "other", reason: "unreadable IP header" };
    return unwrapTransport(packet, isL2tp);
  } catch (error) {
    if (!(error instanceof TruncatedError)) throw error;
    return { kind: "other", reason: "cut short in front of L2TP" };
  }
}

function unwrapTransport(packet: InternetPacket, isL2tp: IsL2tp): Layers {
  const { protocol, fragment } = packet;
  if (protocol !== IP_PROTOCOL_UDP && protocol !== IP_PROTOCOL_L2TP) {
    return { kind: "other", reason: "another IP protocol" };
  }
  const encapsulation: Encapsulation = protocol === IP_PROTOCOL_UDP ? "udp" : "ip";
  if (fragment !== undefined && !fragment.isFirst) {
    const { key, offset } = fragment;
    return {
      kind: "later-fragment",
      route: routeOf(packet, encapsulation),
      key,
      offset,
      octets: packet.payload.length,
    };
  }
  const first = fragment === undefined ? {} : { firstFragmentOf: fragment.key };
  if (encapsulation === "udp") return unwrapUdp(packet, isL2tp, first);
  const { payload, missingOctets } = packet;
  return { kind: "l2tp", route: routeOf(packet, encapsulation), payload, missingOctets, ...first };
}

function unwrapUdp(
  packet: InternetPacket,
  isL2tp: IsL2tp,
  first: { readonly firstFragmentOf?: string },
): Layers {
  const reader = new Reader(packet.payload);
  const ports = { source: reader.u16("sourcePort"), destination: reader.u16("destinationPort") };
  const route = routeOf(packet, "udp", ports);
  if (!isL2tp(route.source, route.destination)) return { kind: "other", reason: "another UDP port" };
  const length = reader.u16("udpLength");
  reader.u16("udpChecksum");
  const rest = reader.rest();
  // UDP Length 0 means: as far as the IP packet goes (RFC 2675 §4).
  const wanted = length === 0 ? rest.length + packet.missingOctets : Math.max(0, length - UDP_HEADER_OCTETS);
  const payload = rest.subarray(0, wanted);
  const missingOctets = first.firstFragmentOf === undefined ? wanted - payload.length : packet.missingOctets;
  return { kind: "l2tp", route, payload, missingOctets, ...first };
}

function routeOf(
  packet: InternetPacket,
  encapsulation: Encapsulation,
  ports: { readonly source?: number; readonly destination?: number } = {},
): CapturedRoute {
  return {
    encapsulation,
    source: { address: packet.source, port: ports.source },
    destination: { address: packet.destination, port: ports.destination },
  };
}
