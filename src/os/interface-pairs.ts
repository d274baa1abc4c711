import { turnOffSegmentationOffload, turnOffTransmitOffloads, turnOnGro } from "./device-features.ts";
import { errnoOf, SystemError } from "./errors.ts";
import { readText, writeText } from "./files.ts";
import {
  deleteLink,
  infoAttribute,
  LINK_HEADER_OCTETS,
  linkAttribute,
  newLink,
  readLink,
  readLinks,
  setLink,
} from "./link-message.ts";
import { type Netlink, type Operation, requestFlags, withNetlink } from "./netlink.ts";
import { type Attribute, encodeAttributes, textPayload, u32Payload } from "./netlink-attributes.ts";
import { steerReceived } from "./receive-packet-steering.ts";

/** Pairs of virtual Ethernet interfaces: a frame sent by one end is received by the other. */

/** TABLE: attributes of the kinds (linux/veth.h, linux/if_link.h). */
const pairAttribute = { peer: 1, netkitMode: 5 } as const;
/** A netkit pair that carries Ethernet frames. */
const NETKIT_LAYER_2 = 0;

/**
 * TABLE: kinds of pairs, by their names in the kernel, with the attributes beside the peer. veth(4) hands
 * packets over by a queue. netkit runs a program when its first end sends, which may redirect at once (Linux
 * 6.7).
 */
const pairKinds = {
  veth: [],
  netkit: [[pairAttribute.netkitMode, u32Payload(NETKIT_LAYER_2)]],
} as const satisfies Readonly<Record<string, readonly Attribute[]>>;
export type PairKind = keyof typeof pairKinds;

/** Whether interfaces of a kind are ends of pairs. */
export function isPair(kind: string): kind is PairKind {
  return kind in pairKinds;
}

/** One end of a pair to be created. */
export interface PairEnd {
  /** At most 15 characters. */
  readonly name: string;
  /** In octets, without the Ethernet header. */
  readonly mtu: number;
  /** Whether IPv6 is turned off there, so that this host sends nothing of its own on it; default false. */
  readonly withoutIpv6?: boolean;
  /**
   * Transmit offloads: "all": it accepts GSO packets and unfinished checksums; "checksums": GSO packets are
   * segmented before; "none": checksums are finished too. Default "all".
   */
  readonly offloads?: keyof typeof preparations;
  /**
   * Whether GRO coalesces segments of TCP that it receives, for which the other end must have no TCP
   * segmentation offload; default false.
   */
  readonly gro?: boolean;
  /** Whether receive packet steering distributes what it receives, where available; default false. */
  readonly steersReceived?: boolean;
}

/** An existing interface, whoever made it. */
export interface FoundInterface {
  readonly name: string;
  readonly index: number;
  /** Such as "veth" or "bridge"; empty for hardware and the loopback interface. */
  readonly kind: string;
  /** The other end of a pair; undefined also when that is in another network namespace. */
  readonly peer?: { readonly name: string; readonly index: number };
}

/**
 * Creates a pair with both ends up in this network namespace. Rejects with SystemError, and leaves nothing
 * then.
 */
export async function createInterfacePair(
  end: PairEnd,
  peer: PairEnd,
  kind: PairKind = "veth",
): Promise<void> {
  const peerLink = new Uint8Array([...new Uint8Array(LINK_HEADER_OCTETS), ...endAttributes(peer)]);
  const linkInfo = encodeAttributes([
    [infoAttribute.kind, new TextEncoder().encode(kind)],
    [infoAttribute.data, encodeAttributes([[pairAttribute.peer, peerLink], ...pairKinds[kind]])],
  ]);
  const operation: Operation = {
    operation: `create a ${kind} pair`,
    target: `${end.name} and ${peer.name}`,
    hints: {
      EEXIST: "one of the names is taken; see: ip link show",
      EOPNOTSUPP: `needs a kernel with the ${kind} driver`,
      ERANGE: "an interface's name has at most 15 characters",
      EINVAL: "an interface's name has at most 15 characters and no blank; the MTU is from 68 to 65535",
    },
  };
  withNetlink("route", (netlink) => {
    const attributes: readonly Attribute[] = [
      [linkAttribute.name, textPayload(end.name)],
      [linkAttribute.mtu, u32Payload(end.mtu)],
      [linkAttribute.linkInfo, linkInfo],
    ];
    netlink.request(operation, newLink(attributes, requestFlags.create | requestFlags.exclusive));
    try {
      // Up only when all is set: an interface that comes up sends IPv6 packets at once.
      for (const each of [end, peer]) prepare(each);
      for (const each of [end, peer]) setUp(netlink, operation, each);
    } catch (error) {
      netlink.request(operation, deleteLink(0, [[linkAttribute.name, textPayload(end.name)]]));
      throw error;
    }
  });
}

function endAttributes({ name, mtu }: PairEnd): Uint8Array {
  return encodeAttributes([
    [linkAttribute.name, textPayload(name)],
    [linkAttribute.mtu, u32Payload(mtu)],
  ]);
}

/**
 * TABLE: how the transmit offloads of an end are set; besides, GSO packets of any kind are segmented before.
 */
const preparations = {
  all: () => undefined,
  checksums: turnOffSegmentationOffload,
  none: turnOffTransmitOffloads,
} as const satisfies Record<string, (name: string) => void>;

function prepare({
  name,
  withoutIpv6 = false,
  offloads = "all",
  gro = false,
  steersReceived = false,
}: PairEnd): void {
  if (withoutIpv6) turnOffIpv6(name);
  preparations[offloads](name);
  if (gro) turnOnGro(name);
  if (steersReceived) steerReceived(name);
}

function setUp(netlink: Netlink, operation: Operation, { name, offloads = "all" }: PairEnd): void {
  const segments: readonly Attribute[] =
    offloads === "all" ? [] : [[linkAttribute.gsoMostSegments, u32Payload(1)]];
  const attributes: readonly Attribute[] = [[linkAttribute.name, textPayload(name)], ...segments];
  netlink.request(operation, setLink({ up: true }, attributes));
}

/**
 * Turns IPv6 off on an interface, so that this host sends nothing of its own there. Throws SystemError; a
 * kernel without IPv6 is fine.
 */
export function turnOffIpv6(name: string): void {
  const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  try {
    if (readText(path).trim() !== "1") writeText(path, "1");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return;
    throw new SystemError("turn off IPv6 on an interface", {
      errno,
      target: path,
      hint:
        "needs CAP_NET_ADMIN and a /proc/sys that can be written; " +
        "or set net.ipv6.conf.default.disable_ipv6=1",
      cause: error,
    });
  }
}

/**
 * Deletes a pair by either end, only the one with an index if that is given; a missing one is no error.
 * Rejects with SystemError.
 */
export async function deleteInterfacePair(name: string, index?: number): Promise<void> {
  const operation: Operation = {
    operation: "delete a pair of virtual interfaces",
    target: `interface ${name}`,
  };
  withNetlink("route", (netlink) => {
    const found = readLink(netlink, operation, name);
    if (found === undefined || (index !== undefined && found.index !== index)) return;
    const { kind = "" } = found;
    if (!isPair(kind)) {
      const hint = `it is not of a pair but ${kind === "" ? "hardware" : `a ${kind}`}`;
      throw new SystemError(operation.operation, { errno: "EINVAL", target: operation.target, hint });
    }
    netlink.request(operation, deleteLink(found.index));
  });
}

/** Names of all interfaces of this network namespace. Rejects with SystemError. */
export async function interfaceNames(): Promise<readonly string[]> {
  const operation = { operation: "list interfaces", target: "this network namespace" };
  return withNetlink("route", (netlink) => readLinks(netlink, operation)).map(({ name }) => name);
}

/** The interface of a name in this network namespace; undefined without one. Rejects with SystemError. */
export async function findInterface(name: string): Promise<FoundInterface | undefined> {
  const operation = { operation: "look up an interface", target: `interface ${name}` };
  return withNetlink("route", (netlink) => {
    const found = readLink(netlink, operation, name);
    if (found === undefined) return undefined;
    const { index, kind = "", link, isLinkElsewhere } = found;
    const hasPeer = isPair(kind) && link !== undefined && !isLinkElsewhere;
    const peer = hasPeer ? readLink(netlink, operation, link) : undefined;
    const known = { name, index, kind };
    return peer === undefined ? known : { ...known, peer: { name: peer.name, index: peer.index } };
  });
}
