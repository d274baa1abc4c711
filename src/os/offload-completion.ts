import { type LinkMessage, readLink, readPorts } from "./link-message.ts";
import type { Netlink, Operation } from "./netlink.ts";

/**
 * Whether an interface completes the offloads of a packet, by its kind. All of it is asked of rtnetlink:
 * /sys/class/net shows the network namespace of its mount, where another interface may have the name.
 */

/** What counts of an interface. */
export type SendingLink = Pick<LinkMessage, "index" | "kind" | "isHardware" | "link" | "isLinkElsewhere">;

/** The interfaces of a network namespace. */
export interface SendingLinks {
  /** An interface by its index; undefined where it does not exist. */
  link(index: number): SendingLink | undefined;
  /** The ports of a bridge or bond. */
  portsOf(index: number): readonly SendingLink[];
}

type Lower = (link: SendingLink, links: SendingLinks) => readonly (SendingLink | undefined)[];

const ports: Lower = ({ index }, links) => links.portsOf(index);

/**
 * TABLE: kinds of interfaces that send through others and behave like those, and how these are found: a
 * bridge is like any of its ports.
 */
const stacked: Readonly<Record<string, Lower>> = {
  vlan: ({ link, isLinkElsewhere }, links) =>
    link === undefined || isLinkElsewhere ? [] : [links.link(link)],
  bond: ports,
  bridge: ports,
};

/**
 * Whether packets leave an interface segmented and with finished checksums, whatever it was given: hardware
 * does that, or the kernel for it. veth, macvlan, ipvlan and TAP pass a packet on as it is within this
 * machine. What is unknown, or gone, counts as one that does that.
 */
export function completesOffloads(link: SendingLink | undefined, links: SendingLinks): boolean {
  if (link === undefined) return false;
  if (link.isHardware) return true;
  const lower = stacked[link.kind ?? ""]?.(link, links) ?? [];
  return lower.length > 0 && lower.every((each) => completesOffloads(each, links));
}

/** The interfaces of the network namespace of a socket, asked when needed. They throw NetlinkError. */
export function sendingLinks(netlink: Netlink, operation: Operation): SendingLinks {
  return {
    link: (index) => readLink(netlink, operation, index),
    portsOf: (index) => readPorts(netlink, operation, index),
  };
}
