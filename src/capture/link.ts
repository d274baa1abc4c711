import { Reader } from "../bytes/reader.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, isTag } from "../wire/ethernet.ts";

/** Content of a captured packet's link layer: an IP packet (a view), or something that is not decoded. */
export type LinkContent =
  | { readonly kind: "ip"; readonly octets: Uint8Array }
  | { readonly kind: "other"; readonly reason: string };

/** LINKTYPE numbers of capture files; some have two, the file's and the library's. */
const linkType = {
  null: 0,
  ethernet: 1,
  dltRaw: 12,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const ETHERNET_ADDRESSES_OCTETS = 12;
const COOKED_ADDRESS_OCTETS = 14;
/** Octets of the second cooked header after its protocol field. */
const COOKED2_REST_OCTETS = 18;
/** EtherType of a tag in front of a tag, used before 802.1ad. */
const TPID_OLD_SERVICE = 0x9100;

/** Address families of IPv4 and IPv6 in loopback headers: the latter differs from system to system. */
const loopbackFamilies: ReadonlySet<number> = new Set([2, 10, 24, 28, 30]);

const noIp: LinkContent = { kind: "other", reason: "no IP" };

/** Strips the link layer from a captured packet. Throws TruncatedError for one that ends inside it. */
export function unwrapLink(type: number, octets: Uint8Array): LinkContent {
  const reader = new Reader(octets);
  switch (type) {
    case linkType.ethernet:
      reader.octets("ethernetAddresses", ETHERNET_ADDRESSES_OCTETS);
      return unwrapEtherType(reader);
    case linkType.linuxCooked:
      reader.octets("cookedHeader", COOKED_ADDRESS_OCTETS);
      return unwrapEtherType(reader);
    case linkType.linuxCooked2: {
      const etherType = reader.u16("etherType");
      reader.octets("cookedHeader", COOKED2_REST_OCTETS);
      return unwrapEtherType(reader, etherType);
    }
    case linkType.null:
    case linkType.loop:
      return unwrapLoopback(reader);
    case linkType.raw:
    case linkType.dltRaw:
    case linkType.ipv4:
    case linkType.ipv6:
      return { kind: "ip", octets };
    default:
      return { kind: "other", reason: `link type ${type}, which is not read here` };
  }
}

function unwrapEtherType(reader: Reader, first = reader.u16("etherType")): LinkContent {
  let etherType = first;
  while (isTag(etherType) || etherType === TPID_OLD_SERVICE) {
    reader.u16("tag");
    etherType = reader.u16("etherType");
  }
  if (etherType !== ETHERTYPE_IPV4 && etherType !== ETHERTYPE_IPV6) return noIp;
  return { kind: "ip", octets: reader.rest() };
}

/** The family stands in the byte order of the machine that captured. */
function unwrapLoopback(reader: Reader): LinkContent {
  const family = reader.u32("family");
  const isIp = loopbackFamilies.has(family) || isIpSwapped(family);
  return isIp ? { kind: "ip", octets: reader.rest() } : noIp;
}

function isIpSwapped(family: number): boolean {
  return (family & 0x00ff_ffff) === 0 && loopbackFamilies.has(family >>> 24);
}
