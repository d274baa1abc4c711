import { addressText } from "../bytes/ip-address.ts";
import { Reader } from "../bytes/reader.ts";
import { AUTHENTICATION_HEADER, FRAGMENT_HEADER, optionHeaders } from "../wire/extension-headers.ts";

/** An IP packet without its headers. */
export interface InternetPacket {
  readonly source: string;
  readonly destination: string;
  /** IP protocol, or the next header after IPv6's extension headers. */
  readonly protocol: number;
  /** The captured part of the payload; a view. */
  readonly payload: Uint8Array;
  /**
   * Octets missing from `payload` by the header's length: the capture was truncated, or the header is wrong.
   */
  readonly missingOctets: number;
  readonly fragment?: Fragment;
}

/** Position of a fragment in its packet. */
export interface Fragment {
  readonly isFirst: boolean;
  /** Of its payload in the whole, in octets. */
  readonly offset: number;
  /** The same for all fragments of one packet. */
  readonly key: string;
}

const IPV4_SHORTEST_OCTETS = 20;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;

/**
 * Reads an IP packet of either family; undefined for what is none. Throws TruncatedError when it ends inside
 * its headers.
 */
export function unwrapInternet(octets: Uint8Array): InternetPacket | undefined {
  const version = new Reader(octets).u8("version") >>> 4;
  if (version === 4) return unwrapIpv4(octets);
  return version === 6 ? unwrapIpv6(octets) : undefined;
}

function unwrapIpv4(octets: Uint8Array): InternetPacket | undefined {
  const reader = new Reader(octets);
  const headerOctets = (reader.u8("headerLength") & 0xf) * 4;
  reader.u8("typeOfService");
  const totalOctets = reader.u16("totalLength");
  const identification = reader.u16("identification");
  const fragmentation = reader.u16("fragmentation");
  reader.u8("timeToLive");
  const protocol = reader.u8("protocol");
  reader.u16("headerChecksum");
  const source = addressText(reader.octets("source", 4));
  const destination = addressText(reader.octets("destination", 4));
  if (headerOctets < IPV4_SHORTEST_OCTETS) return undefined;
  reader.octets("options", headerOctets - IPV4_SHORTEST_OCTETS);
  // Captured before the network card segmented a GSO packet, Total Length may be 0.
  const length = totalOctets === 0 ? octets.length : totalOctets;
  if (length < headerOctets) return undefined;
  const offset = (fragmentation & FRAGMENT_OFFSET) * 8;
  const isFragment = offset > 0 || (fragmentation & MORE_FRAGMENTS) !== 0;
  const key = `${source} ${destination} ${protocol} ${identification}`;
  return {
    source,
    destination,
    protocol,
    ...take(reader.rest(), length - headerOctets),
    ...(isFragment ? { fragment: { isFirst: offset === 0, offset, key } } : {}),
  };
}

function unwrapIpv6(octets: Uint8Array): InternetPacket {
  const reader = new Reader(octets);
  reader.u32("flow");
  const payloadOctets = reader.u16("payloadLength");
  let protocol = reader.u8("nextHeader");
  reader.u8("hopLimit");
  const source = addressText(reader.octets("source", 16));
  const destination = addressText(reader.octets("destination", 16));
  const headerOctets = reader.offset;
  const length = payloadOctets === 0 ? reader.remaining : payloadOctets;
  let fragment: Fragment | undefined;
  while (fragment?.isFirst !== false) {
    if (optionHeaders.has(protocol)) {
      protocol = reader.u8("nextHeader");
      reader.octets("extensionHeader", reader.u8("extensionLength") * 8 + 6);
    } else if (protocol === AUTHENTICATION_HEADER) {
      protocol = reader.u8("nextHeader");
      reader.octets("authenticationHeader", reader.u8("authenticationLength") * 4 + 6);
    } else if (protocol === FRAGMENT_HEADER) {
      protocol = reader.u8("nextHeader");
      reader.u8("reserved");
      const field = reader.u16("fragmentOffset");
      const key = `${source} ${destination} ${reader.u32("identification")}`;
      // Offset 0 without the M bit is a whole packet.
      if (field !== 0) fragment = { isFirst: field >>> 3 === 0, offset: field & 0xfff8, key };
    } else {
      break;
    }
  }
  const wanted = length - (reader.offset - headerOctets);
  return {
    source,
    destination,
    protocol,
    ...take(reader.rest(), wanted),
    ...(fragment === undefined ? {} : { fragment }),
  };
}

/** Strips padding behind the packet and counts missing octets. */
function take(present: Uint8Array, wanted: number): Pick<InternetPacket, "payload" | "missingOctets"> {
  const length = Math.max(0, wanted);
  return { payload: present.subarray(0, length), missingOctets: Math.max(0, length - present.length) };
}
