import { NetlinkError } from "./errors.ts";
import type { Netlink, NetlinkRequest, Operation } from "./netlink.ts";
import {
  type Attribute,
  type AttributeMap,
  decodeAttributes,
  encodeAttributes,
  nestedIn,
  textIn,
  textPayload,
  u32In,
  u32Payload,
} from "./netlink-attributes.ts";

/**
 * Messages of rtnetlink about interfaces: struct ifinfomsg and attributes (rtnetlink(7), linux/if_link.h).
 */

/** TABLE: types of messages (linux/rtnetlink.h). */
const messageTypes = { new: 16, delete: 17, get: 18, set: 19 } as const;

/** TABLE: attributes of an interface. */
export const linkAttribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkInfo: 18,
  alias: 20,
  familySpecific: 26,
  extendedMask: 29,
  promiscuity: 30,
  carrier: 33,
  linkNamespace: 37,
  gsoMostSegments: 40,
  parentDevice: 56,
} as const;
/** TABLE: attributes nested in `linkInfo`. */
export const infoAttribute = { kind: 1, data: 2, portKind: 4, portData: 5 } as const;

/** struct ifinfomsg: family, hardware type, index, flags, and which flags to change. */
export const LINK_HEADER_OCTETS = 16;
const HARDWARE = 2;
const INDEX = 4;
const FLAGS = 8;
const CHANGE = 12;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x1_0000;

/** TABLE: names of hardware types (linux/if_arp.h, without ARPHRD_). */
const hardwareNames: Readonly<Record<number, string>> = {
  1: "ETHER",
  32: "INFINIBAND",
  512: "PPP",
  768: "TUNNEL",
  769: "TUNNEL6",
  772: "LOOPBACK",
  776: "SIT",
  778: "IPGRE",
  823: "IP6GRE",
  65534: "NONE",
};

/** An interface as rtnetlink describes it. */
export interface LinkMessage {
  readonly name: string;
  readonly index: number;
  /** Such as "ETHER"; a number for what is not in the table. */
  readonly hardware: string;
  /** Whether frames pass: switched on, with a carrier. */
  readonly up: boolean;
  /** Whether it is switched on, with a carrier or without. */
  readonly isOn: boolean;
  readonly mtu: number;
  /** Kind of a virtual interface, such as "vlan" or "bridge" (ip link show type); undefined for hardware. */
  readonly kind: string | undefined;
  /** Whether a device of a bus, such as PCI or virtio, stands behind it (Linux 5.14 tells). */
  readonly isHardware: boolean;
  /** Attributes of the kind. */
  readonly kindData: AttributeMap | undefined;
  /** Attributes as a port of a bridge or bond; undefined where it is none. */
  readonly portData: AttributeMap | undefined;
  /** The text that somebody gave it (ip link set alias). */
  readonly alias: string | undefined;
  /** Index of the bridge, bond or VRF that it is a port of. */
  readonly master: number | undefined;
  /** Index of the interface that it stands on, or of the other end of a pair. */
  readonly link: number | undefined;
  /** Whether that one is in another network namespace. */
  readonly isLinkElsewhere: boolean;
  /** How many ask for frames to any MAC address. */
  readonly promiscuity: number;
  /** The MAC address; undefined where it has none. */
  readonly address: Uint8Array | undefined;
}

/** Decodes an interface; undefined for what has no name. */
export function decodeLink(payload: Uint8Array): LinkMessage | undefined {
  if (payload.length < LINK_HEADER_OCTETS) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(LINK_HEADER_OCTETS));
  const name = textIn(attributes, linkAttribute.name);
  if (name === undefined) return undefined;
  const hardware = view.getUint16(HARDWARE, true);
  const flags = view.getUint32(FLAGS, true);
  const info = nestedIn(attributes, linkAttribute.linkInfo);
  return {
    name,
    index: view.getInt32(INDEX, true),
    hardware: hardwareNames[hardware] ?? String(hardware),
    up: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    isOn: (flags & IFF_UP) !== 0,
    mtu: u32In(attributes, linkAttribute.mtu) ?? 0,
    kind: info && textIn(info, infoAttribute.kind),
    isHardware: attributes.has(linkAttribute.parentDevice),
    kindData: info && nestedIn(info, infoAttribute.data),
    portData: info && nestedIn(info, infoAttribute.portData),
    alias: textIn(attributes, linkAttribute.alias),
    master: u32In(attributes, linkAttribute.master),
    link: u32In(attributes, linkAttribute.link),
    isLinkElsewhere: attributes.has(linkAttribute.linkNamespace),
    promiscuity: u32In(attributes, linkAttribute.promiscuity) ?? 0,
    address: attributes.get(linkAttribute.address),
  };
}

/** All interfaces of the network namespace of a socket. Throws NetlinkError. */
export function readLinks(netlink: Netlink, operation: Operation): readonly LinkMessage[] {
  const payloads = netlink.dump(operation, { type: messageTypes.get, payload: linkPayload({}, []) });
  return payloads.flatMap((payload) => decodeLink(payload) ?? []);
}

/** The ports of a bridge or bond, given by its index. Throws NetlinkError. */
export function readPorts(netlink: Netlink, operation: Operation, master: number): readonly LinkMessage[] {
  const payload = linkPayload({}, [[linkAttribute.master, u32Payload(master)]]);
  return netlink
    .dump(operation, { type: messageTypes.get, payload })
    .flatMap((each) => decodeLink(each) ?? [])
    .filter((each) => each.master === master);
}

/** One interface by its name or index; undefined where it does not exist. Throws NetlinkError. */
export function readLink(
  netlink: Netlink,
  operation: Operation,
  nameOrIndex: string | number,
): LinkMessage | undefined {
  const payload =
    typeof nameOrIndex === "number"
      ? linkPayload({ index: nameOrIndex }, [])
      : linkPayload({}, [[linkAttribute.name, textPayload(nameOrIndex)]]);
  try {
    const [answer] = netlink.request(operation, { type: messageTypes.get, payload });
    return answer && decodeLink(answer);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === "ENODEV") return undefined;
    throw error;
  }
}

/** Creates an interface. */
export function newLink(attributes: readonly Attribute[], flags: number): NetlinkRequest {
  return { type: messageTypes.new, flags, payload: linkPayload({}, attributes) };
}

/** Changes an interface, given by its index or by a name among the attributes; `up` switches it on or off. */
export function setLink(
  { index = 0, up }: { readonly index?: number; readonly up?: boolean },
  attributes: readonly Attribute[] = [],
): NetlinkRequest {
  const flags = up === undefined ? {} : { flags: up ? IFF_UP : 0, change: IFF_UP };
  return { type: messageTypes.set, payload: linkPayload({ index, ...flags }, attributes) };
}

/** Changes attributes of an interface's kind, or of its master's, which `setLink` leaves as they are. */
export function changeLink(index: number, attributes: readonly Attribute[]): NetlinkRequest {
  return { type: messageTypes.new, payload: linkPayload({ index }, attributes) };
}

/** Deletes an interface, given by its index or by a name among the attributes. */
export function deleteLink(index: number, attributes: readonly Attribute[] = []): NetlinkRequest {
  return { type: messageTypes.delete, payload: linkPayload({ index }, attributes) };
}

function linkPayload(
  { index = 0, flags = 0, change = 0 }: { index?: number; flags?: number; change?: number },
  attributes: readonly Attribute[],
): Uint8Array {
  const encoded = encodeAttributes(attributes);
  const octets = new Uint8Array(LINK_HEADER_OCTETS + encoded.length);
  const view = new DataView(octets.buffer);
  view.setInt32(INDEX, index, true);
  view.setUint32(FLAGS, flags, true);
  view.setUint32(CHANGE, change, true);
  octets.set(encoded, LINK_HEADER_OCTETS);
  return octets;
}
