import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  isTag,
  TAG_OCTETS,
} from "../../wire/ethernet.ts";

/**
 * The header chain of a frame, from Ethernet to the transport header whose offset the virtio-net header
 * gives (csum_start), also through tunnels: VXLAN, Geneve, GRE, IP in IP, 6in4, MPLS and the others of which
 * Linux makes GSO packets.
 */

/**
 * Octets of a frame in which the chain must end: enough for two tags, IPv6, Geneve with all its options,
 * Ethernet, IPv6 and TCP with all its options.
 */
export const LONGEST_HEADERS = 448;
/**
 * Headers parsed before a search is given up: a UDP payload is tried as each kind of tunnel, so a hostile
 * frame could otherwise make the search branch without end.
 */
const MOST_HEADERS = 64;
/** Most headers of a chain that segmentation has to rewrite. */
const MOST_LEVELS = 32;

/** Kinds of headers that segmentation has to rewrite: they have a length, an identification or a checksum. */
export const levels = { ipv4: 0, ipv6: 1, udp: 2, gre: 3 } as const;

export const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
const IP_IN_IP = 4;
const IPV6_IN_IP = 41;
const GRE = 47;
const ETHER_IP = 97;
const MPLS_IN_IP = 137;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const DESTINATION_OPTIONS = 60;

const ETHERTYPE_MPLS = 0x8847;
const ETHERTYPE_MPLS_MULTICAST = 0x8848;
/** Transparent Ethernet Bridging: an Ethernet frame in GRE or Geneve (RFC 7637, RFC 8926). */
const ETHERTYPE_BRIDGED = 0x6558;
const BOTTOM_OF_STACK = 0x100;

/** Flags of GRE (RFC 2784, RFC 2890). */
const GRE_CHECKSUM = 0x8000;
const GRE_KEY = 0x2000;
/**
 * GRE flags that end the search: routing, another version, and sequence numbers. Each segment would need a
 * number of its own, and the next packet already has the next one.
 */
const GRE_REFUSED = 0x5c07 | 0x03f8;

const VXLAN_OCTETS = 8;
const VXLAN_HAS_ID = 0x08;
const VXLAN_HAS_PROTOCOL = 0x04;
const GENEVE_OCTETS = 8;

/**
 * No offset is given: the transport header is the first one of the wanted protocol, outside of UDP tunnels.
 */
export const UNKNOWN_OFFSET = -1;

/** Parses header chains. Offsets are offsets in the memory; the result is valid until the next search. */
export class HeaderChain {
  /**
   * Number of headers found that segmentation rewrites, the outermost first, without the transport header.
   */
  count = 0;
  readonly kinds = new Uint8Array(MOST_LEVELS);
  readonly offsets = new Int32Array(MOST_LEVELS);
  /** Of IPv6 headers: offset of the final destination address, for the pseudo header (RFC 8200 §8.1). */
  readonly destinations = new Int32Array(MOST_LEVELS);
  /** Offset of the transport header. */
  transport = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #end = 0;
  #transportOffset = UNKNOWN_OFFSET;
  #wanted = 0;
  #left = 0;

  /**
   * Whether the frame's headers lead exactly to a transport header of protocol `wanted` at `transportOffset`.
   */
  find(view: DataView, frame: number, length: number, transportOffset: number, wanted: number): boolean {
    this.#view = view;
    this.#end = frame + Math.min(length, LONGEST_HEADERS);
    this.#transportOffset = transportOffset;
    this.#wanted = wanted;
    this.#left = MOST_HEADERS;
    this.count = 0;
    return transportOffset <= this.#end && this.#ethernet(frame);
  }

  /** Index of the innermost IP header: its addresses are in the pseudo header of the transport checksum. */
  get innermost(): number {
    return this.count - 1;
  }

  #has(at: number, octets: number): boolean {
    this.#left -= 1;
    return this.#left >= 0 && at + octets <= this.#end;
  }

  #push(kind: number, at: number): boolean {
    if (this.count === MOST_LEVELS) return false;
    this.kinds[this.count] = kind;
    this.offsets[this.count] = at;
    this.count += 1;
    return true;
  }

  #ethernet(at: number): boolean {
    if (!this.#has(at, ETHERNET_HEADER_OCTETS)) return false;
    return this.#typed(at + ETHERNET_HEADER_OCTETS, this.#view.getUint16(at + 12));
  }

  /** Parses what follows an EtherType. */
  #typed(at: number, etherType: number): boolean {
    let type = etherType;
    let next = at;
    while (isTag(type) && next + TAG_OCTETS <= this.#end) {
      type = this.#view.getUint16(next + 2);
      next += TAG_OCTETS;
    }
    if (type === ETHERTYPE_IPV4) return this.#ipv4(next);
    if (type === ETHERTYPE_IPV6) return this.#ipv6(next);
    if (type === ETHERTYPE_BRIDGED) return this.#ethernet(next);
    return (type === ETHERTYPE_MPLS || type === ETHERTYPE_MPLS_MULTICAST) && this.#mpls(next);
  }

  /** Parses MPLS labels and the IP packet behind the last one, whose version only its first octet tells. */
  #mpls(at: number): boolean {
    if (!this.#has(at, 4)) return false;
    const isLast = (this.#view.getUint32(at) & BOTTOM_OF_STACK) !== 0;
    return isLast ? this.#ip(at + 4) : this.#mpls(at + 4);
  }

  #ip(at: number): boolean {
    return this.#ipv4(at) || this.#ipv6(at);
  }

  #ipv4(at: number): boolean {
    const { count } = this;
    if (!this.#has(at, 20)) return false;
    const first = this.#view.getUint8(at);
    const octets = (first & 0xf) * 4;
    if (first >>> 4 !== 4 || octets < 20 || at + octets > this.#end) return false;
    if (!this.#push(levels.ipv4, at)) return false;
    if (this.#protocol(at + octets, this.#view.getUint8(at + 9))) return true;
    this.count = count;
    return false;
  }

  #ipv6(at: number): boolean {
    const { count } = this;
    if (!this.#has(at, 40) || this.#view.getUint8(at) >>> 4 !== 6) return false;
    if (!this.#push(levels.ipv6, at)) return false;
    this.destinations[count] = at + 24;
    if (this.#extension(at + 40, this.#view.getUint8(at + 6), count)) return true;
    this.count = count;
    return false;
  }

  /**
   * Parses what follows an IPv6 header or one of its extension headers. `level` is the IPv6 header's index.
   */
  #extension(at: number, protocol: number, level: number): boolean {
    if (protocol !== HOP_BY_HOP && protocol !== ROUTING && protocol !== DESTINATION_OPTIONS)
      return this.#protocol(at, protocol);
    if (!this.#has(at, 8)) return false;
    const octets = (this.#view.getUint8(at + 1) + 1) * 8;
    if (at + octets > this.#end) return false;
    if (protocol === ROUTING && !this.#route(at, octets, level)) return false;
    return this.#extension(at + octets, this.#view.getUint8(at), level);
  }

  /** Parses a routing header: it holds the final destination as long as segments are left. */
  #route(at: number, octets: number, level: number): boolean {
    if (this.#view.getUint8(at + 3) === 0) return true;
    if (octets < 24) return false;
    const type = this.#view.getUint8(at + 2);
    // Segment routing's list is in reverse (RFC 8754 §2); mobility's holds one address (RFC 6275 §6.4).
    if (type !== 4 && type !== 2) return false;
    this.destinations[level] = at + 8;
    return true;
  }

  /** Parses what follows an IP protocol number. */
  #protocol(at: number, protocol: number): boolean {
    if (
      at === this.#transportOffset ||
      (this.#transportOffset === UNKNOWN_OFFSET && protocol === this.#wanted)
    ) {
      this.transport = at;
      return protocol === this.#wanted;
    }
    if (this.#transportOffset !== UNKNOWN_OFFSET && at > this.#transportOffset) return false;
    if (protocol === IP_IN_IP) return this.#ipv4(at);
    if (protocol === IPV6_IN_IP) return this.#ipv6(at);
    if (protocol === GRE) return this.#gre(at);
    if (protocol === MPLS_IN_IP) return this.#mpls(at);
    if (protocol === ETHER_IP) return this.#ethernet(at + 2);
    return protocol === protocols.udp && this.#udp(at);
  }

  #gre(at: number): boolean {
    const { count } = this;
    if (!this.#has(at, 4)) return false;
    const flags = this.#view.getUint16(at);
    if ((flags & GRE_REFUSED) !== 0) return false;
    const hasChecksum = (flags & GRE_CHECKSUM) !== 0;
    if (hasChecksum && !this.#push(levels.gre, at)) return false;
    const octets = 4 + (hasChecksum ? 4 : 0) + ((flags & GRE_KEY) !== 0 ? 4 : 0);
    if (at + octets <= this.#end && this.#typed(at + octets, this.#view.getUint16(at + 2))) return true;
    this.count = count;
    return false;
  }

  /**
   * Parses a tunnel over UDP. Its port is a matter of configuration, so each kind of tunnel is tried: it is
   * the one whose headers lead to the given transport offset. Without an offset no tunnel is accepted.
   */
  #udp(at: number): boolean {
    const { count } = this;
    if (this.#transportOffset === UNKNOWN_OFFSET || !this.#has(at, 12)) return false;
    if (!this.#push(levels.udp, at)) return false;
    const inner = at + 8;
    const found =
      this.#vxlan(inner) || this.#geneve(inner) || this.#gue(inner) || this.#ip(inner) || this.#gre(inner);
    if (found || this.#mpls(inner)) return true;
    this.count = count;
    return false;
  }

  /** VXLAN (RFC 7348), or VXLAN-GPE if the header has a Next Protocol field. */
  #vxlan(at: number): boolean {
    const inner = at + VXLAN_OCTETS;
    const flags = this.#view.getUint8(at);
    if ((flags & VXLAN_HAS_ID) === 0 || !this.#has(at, VXLAN_OCTETS)) return false;
    const protocol = (flags & VXLAN_HAS_PROTOCOL) === 0 ? 3 : this.#view.getUint8(at + 3);
    if (protocol === 1) return this.#ipv4(inner);
    if (protocol === 2) return this.#ipv6(inner);
    return protocol === 3 && this.#ethernet(inner);
  }

  /** Geneve (RFC 8926 §3.4), version 0; the length of its options is in units of 4 octets. */
  #geneve(at: number): boolean {
    const first = this.#view.getUint8(at);
    if (first >>> 6 !== 0 || !this.#has(at, GENEVE_OCTETS)) return false;
    return this.#typed(at + GENEVE_OCTETS + (first & 0x3f) * 4, this.#view.getUint16(at + 2));
  }

  /**
   * Generic UDP Encapsulation, version 0, data; the length of its optional fields is in units of 4 octets.
   */
  #gue(at: number): boolean {
    const first = this.#view.getUint8(at);
    return first >>> 5 === 0 && this.#protocol(at + 4 + (first & 0x1f) * 4, this.#view.getUint8(at + 1));
  }
}
