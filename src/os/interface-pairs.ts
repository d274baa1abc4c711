import { readFileSync, writeFileSync } from "node:fs";
import netlink, { type RtNetlinkSocket } from "netlink";
import { turnOffSegmentationOffload, turnOffTransmitOffloads, turnOnGro } from "./device-features.ts";
import { SystemError } from "./errors.ts";
import { steerReceived } from "./receive-packet-steering.ts";
import { ask, attributesIn, joinAttributes } from "./rtnetlink.ts";

/** Pairs of virtual Ethernet interfaces: what is sent into one end comes out of the other. */

/** TABLE: attributes of linux/if_link.h and linux/veth.h that the package has no types for. */
const attribute = { infoKind: 1, infoData: 2, peer: 1, name: 3, mtu: 4, netkitMode: 5 } as const;
/** A netkit pair that carries Ethernet frames. */
const NETKIT_LAYER_2 = 0;

/**
 * TABLE: kinds of pairs, by what the kernel calls them, and what each is told beside its peer. veth(4) hands
 * packets over by a queue. netkit has a program run as its first end sends, which may send elsewhere at once
 * (Linux 6.7).
 */
const pairKinds = {
  veth: [],
  netkit: [[attribute.netkitMode, netlink.putU32(NETKIT_LAYER_2)]],
} as const satisfies Readonly<Record<string, readonly (readonly [number, Buffer])[]>>;
export type PairKind = keyof typeof pairKinds;

function isPair(kind: string): kind is PairKind {
  return kind in pairKinds;
}
/** struct ifinfomsg, which stands in front of the peer's attributes. */
const LINK_HEADER_OCTETS = 16;

/** One end, as it is to be made. */
export interface PairEnd {
  /** At most 15 characters. */
  readonly name: string;
  /** In octets, without the Ethernet header. */
  readonly mtu: number;
  /** Whether IPv6 is off there, so that this host says nothing by itself on it; default false. */
  readonly withoutIpv6?: boolean;
  /**
   * What is sent into it: "all" may be super-frames and have unfinished checksums; "checksums": super-frames
   * are cut before; "none": checksums are finished too. Default "all".
   */
  readonly offloads?: keyof typeof preparations;
  /**
   * Whether segments of TCP that it receives are joined, for which the other end must not take TCP
   * super-frames; default false.
   */
  readonly gro?: boolean;
  /**
   * Whether what it receives is spread over all processors, flow by flow, where that can be had; default
   * false.
   */
  readonly steersReceived?: boolean;
}

/** An interface that is there, whoever made it. */
export interface FoundInterface {
  readonly name: string;
  readonly index: number;
  /** Such as "veth" or "bridge"; empty for hardware and the loopback interface. */
  readonly kind: string;
  /** The other end of a pair; undefined also when that is in another network namespace. */
  readonly peer?: { readonly name: string; readonly index: number };
}

/**
 * Makes a pair with both ends up in this network namespace. Rejects with SystemError, and then nothing is
 * left of it.
 */
export async function createInterfacePair(
  end: PairEnd,
  peer: PairEnd,
  kind: PairKind = "veth",
): Promise<void> {
  const peerAttributes = Buffer.concat([Buffer.alloc(LINK_HEADER_OCTETS), endAttributes(peer)]);
  const linkinfo = joinAttributes([
    [attribute.infoKind, Buffer.from(kind)],
    [attribute.infoData, joinAttributes([[attribute.peer, peerAttributes], ...pairKinds[kind]])],
  ]);
  const flags = netlink.FlagsNew.CREATE | netlink.FlagsNew.EXCL;
  const target = `${end.name} and ${peer.name}`;
  const hints = {
    EEXIST: "one of the names is taken; see: ip link show",
    ENOTSUP: `needs a kernel with the ${kind} driver`,
    ERANGE: "an interface's name has at most 15 characters",
    EINVAL: "an interface's name has at most 15 characters and no blank; the MTU is from 68 to 65535",
  };
  await ask({ operation: `create a ${kind} pair`, target, hints }, async (socket) => {
    await socket.newLink({}, { ifname: end.name, mtu: end.mtu, linkinfo }, { flags });
    try {
      // Up only when all is as wished: an interface that comes up speaks IPv6 at once.
      for (const each of [end, peer]) prepare(each);
      for (const each of [end, peer]) await setUp(socket, each);
    } catch (error) {
      await socket.delLink({}, { ifname: end.name });
      throw error;
    }
  });
}

function endAttributes({ name, mtu }: PairEnd): Buffer {
  return joinAttributes([
    [attribute.name, Buffer.from(`${name}\0`)],
    [attribute.mtu, netlink.putU32(mtu)],
  ]);
}

/**
 * TABLE: how an end is brought to take so much off the stack; besides, the kernel is told to cut super-frames
 * of any kind.
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

async function setUp(socket: RtNetlinkSocket, { name, offloads = "all" }: PairEnd): Promise<void> {
  const segments = offloads === "all" ? {} : { gsoMaxSegs: 1 };
  await socket.setLink({ flags: { up: true }, change: { up: true } }, { ifname: name, ...segments });
}

/**
 * Has this host say nothing over IPv6 on an interface of its own accord. Throws SystemError; a kernel without
 * IPv6 is fine.
 */
export function turnOffIpv6(name: string): void {
  const path = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  try {
    if (readFileSync(path, "utf8").trim() !== "1") writeFileSync(path, "1");
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? "EIO";
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
 * Deletes a pair by either end, only the one with an index if that is given; one that is gone is no error.
 * Rejects with SystemError.
 */
export async function deleteInterfacePair(name: string, index?: number): Promise<void> {
  await ask(
    { operation: "delete a pair of virtual interfaces", target: `interface ${name}` },
    async (socket) => {
      const found = await findOn(socket, name);
      if (found === undefined || (index !== undefined && found.index !== index)) return;
      if (!isPair(found.kind)) {
        throw new SystemError("delete a pair of virtual interfaces", {
          errno: "EINVAL",
          target: `interface ${name}`,
          hint: `it is not of a pair but ${found.kind === "" ? "hardware" : `a ${found.kind}`}`,
        });
      }
      await socket.delLink({ index: found.index });
    },
  );
}

/** Names of all interfaces of this network namespace. Rejects with SystemError. */
export async function interfaceNames(): Promise<readonly string[]> {
  return ask({ operation: "list interfaces", target: "this network namespace" }, async (socket) =>
    (await socket.getLinks()).flatMap(({ attrs }) => attrs.ifname ?? []),
  );
}

/**
 * What an interface of this network namespace is; undefined where there is none of that name. Rejects with
 * SystemError.
 */
export async function findInterface(name: string): Promise<FoundInterface | undefined> {
  return ask({ operation: "look up an interface", target: `interface ${name}` }, (socket) =>
    findOn(socket, name),
  );
}

async function findOn(socket: RtNetlinkSocket, name: string): Promise<FoundInterface | undefined> {
  const all = await socket.getLinks();
  const found = all.find(({ attrs }) => attrs.ifname === name);
  if (found?.data.index === undefined) return undefined;
  const { linkinfo, link, linkNetnsid } = found.attrs;
  const kind = linkinfo === undefined ? "" : textOf(attributesIn(linkinfo).get(attribute.infoKind));
  const known = { name, index: found.data.index, kind };
  if (!isPair(kind) || link === undefined || linkNetnsid !== undefined) return known;
  const index = netlink.getU32(link);
  const peer = all.find(({ data }) => data.index === index)?.attrs.ifname;
  return peer === undefined ? known : { ...known, peer: { name: peer, index } };
}

function textOf(octets: Buffer | undefined): string {
  return octets?.toString("utf8").replace(/\0.*$/s, "") ?? "";
}
