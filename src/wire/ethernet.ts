/** Ethernet frames without preamble and FCS, as a pseudowire carries them (RFC 4719 §3.1). */

/** Destination, source and type or length. */
export const ETHERNET_HEADER_OCTETS = 14;
/** Shortest frame on a real port, without FCS; shorter ones are padded with zeros where they leave. */
export const SHORTEST_FRAME_OCTETS = 60;
/** One 802.1Q or 802.1ad tag. */
export const TAG_OCTETS = 4;

/** EtherType of a customer tag (802.1Q) and of a service tag (802.1ad). */
export const TPID_CUSTOMER = 0x8100;
export const TPID_SERVICE = 0x88a8;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;

const TYPE_OFFSET = 12;
const VLAN_ID_MASK = 0x0fff;
/** Tags that an MTU makes room for. */
const MOST_TAGS = 2;

export function isTag(etherType: number): boolean {
  return etherType === TPID_CUSTOMER || etherType === TPID_SERVICE;
}

/** How many tags, of up to two, stand in front of the type; `view` and `start` place the frame. */
export function countTags(view: DataView, start: number, length: number): number {
  let tags = 0;
  while (
    tags < MOST_TAGS &&
    TYPE_OFFSET + TAG_OCTETS * (tags + 1) + 2 <= length &&
    isTag(view.getUint16(start + TYPE_OFFSET + TAG_OCTETS * tags))
  ) {
    tags += 1;
  }
  return tags;
}

/**
 * Whether the type behind all tags is IPv4's or IPv6's: what Data Sequencing level 1 leaves unnumbered (RFC
 * 3931 §5.4.4).
 */
export function carriesIp(view: DataView, start: number, length: number): boolean {
  let offset = TYPE_OFFSET;
  while (offset + 2 <= length) {
    const etherType = view.getUint16(start + offset);
    if (!isTag(etherType)) return etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6;
    offset += TAG_OCTETS;
  }
  return false;
}

/** The outer tag's EtherType, or 0 for a frame without one. */
export function outerTagProtocol(view: DataView, start: number, length: number): number {
  if (length < ETHERNET_HEADER_OCTETS + TAG_OCTETS) return 0;
  const etherType = view.getUint16(start + TYPE_OFFSET);
  return isTag(etherType) ? etherType : 0;
}

/** The outer tag's VLAN ID; only for a frame that has a tag. */
export function outerVlanId(view: DataView, start: number): number {
  return view.getUint16(start + TYPE_OFFSET + 2) & VLAN_ID_MASK;
}

/**
 * Gives the outer tag another EtherType and VLAN ID; priority and drop eligibility stay (RFC 4719 §3.1). In
 * place.
 */
export function rewriteOuterTag(view: DataView, start: number, protocol: number, vlanId: number): void {
  view.setUint16(start + TYPE_OFFSET, protocol);
  const control = view.getUint16(start + TYPE_OFFSET + 2);
  view.setUint16(start + TYPE_OFFSET + 2, (control & ~VLAN_ID_MASK) | vlanId);
}

/** Whether the frame goes to 01-80-C2-00-00-00..0F, which bridges do not forward (STP, LACP, LLDP, PAUSE). */
export function isLinkLocal(view: DataView, start: number): boolean {
  return view.getUint32(start) === 0x0180c200 && (view.getUint16(start + 4) & 0xfff0) === 0;
}

/** Whether the frame goes to the address of PAUSE, 01-80-C2-00-00-01. */
export function isPause(view: DataView, start: number): boolean {
  return view.getUint32(start) === 0x0180c200 && view.getUint16(start + 4) === 1;
}
