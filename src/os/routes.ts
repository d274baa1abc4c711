import { isIPv6 } from "node:net";
import { addressOctets, addressText } from "../bytes/ip-address.ts";
import { SystemError } from "./errors.ts";
import { findInterfaceIndex } from "./interface-index.ts";
import { linux } from "./libc.ts";
import { readLink } from "./link-message.ts";
import { failure, type Netlink, type Operation, withNetlink } from "./netlink.ts";
import {
  type Attribute,
  type AttributeMap,
  decodeAttributes,
  encodeAttributes,
  nestedIn,
  u32In,
  u32Payload,
} from "./netlink-attributes.ts";
import { type NetlinkWatch, watchNetlink } from "./netlink-watch.ts";
import { completesOffloads, sendingLinks } from "./offload-completion.ts";

/** The kernel's routes to addresses, and notice of changes that may change them. */

const RTM_GETROUTE = 26;
/** TABLE: attributes of a route (linux/rtnetlink.h). */
const attribute = {
  destination: 1,
  source: 2,
  outputInterface: 4,
  gateway: 5,
  preferredSource: 7,
  metrics: 8,
  via: 18,
} as const;
const METRIC_MTU = 2;
/** struct rtmsg: family, lengths of destination and source, ..., type; attributes follow. */
const ROUTE_HEADER_OCTETS = 12;
const TYPE = 7;
/** TABLE: types of routes by their numbers (rtm_type). */
const routeTypes = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
];
/** struct rtvia: the family, in front of the address. */
const VIA_FAMILY_OCTETS = 2;

/**
 * TABLE: groups that tell of everything that can change the answer of `routeTo`: RTNLGRP_ of
 * linux/rtnetlink.h.
 */
const groups = {
  link: 1,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
  nextHop: 32,
} as const;

/** Pause between calls, so that one call covers many changes. */
const COALESCING_MS = 200;

/** Where packets for an address go next. */
export interface RouteFound {
  readonly interfaceIndex: number;
  /**
   * Whom to ask the link address of: the gateway, or where there is none the remote itself; maybe of the
   * other family.
   */
  readonly nextHop: Uint8Array;
  readonly nextHopText: string;
  /**
   * In octets, IP header included: what the route says, or was learned of the path, or else the interface's.
   */
  readonly mtu: number;
  readonly interfaceMtu: number;
  readonly interfaceName: string;
  /** Whether GSO packets are segmented and checksums completed before it sends (offload-completion.ts). */
  readonly completesOffloads: boolean;
  /** Kind of the interface's hardware, such as "ETHER" (linux/if_arp.h, without ARPHRD_). */
  readonly hardware: string;
  /** Whether the address is this machine's own. */
  readonly isLocal: boolean;
}

/**
 * The route from a local address to a remote one of the same family; a zone such as "%eth0" of the remote is
 * used. Rejects with SystemError, also where the kernel has no route or one that discards.
 */
export async function routeTo(remote: string, local: string): Promise<RouteFound> {
  const see = `see: ip route get ${remote} from ${local}`;
  const target = `to ${remote} from ${local}`;
  const operation: Operation = {
    operation: "look up a route",
    target,
    hints: {
      ENETUNREACH: `there is no route, or ${local} is no address of this machine; ${see}`,
      EHOSTUNREACH: `the route is "unreachable"; ${see}`,
      EACCES: `the route is "prohibit"; ${see}`,
      EINVAL: `the route is "blackhole", or ${local} is no address of this machine; ${see}`,
      ENODEV: "there is no such interface; see: ip link show",
    },
  };
  return withNetlink("route", (netlink) => {
    const answer = lookUp(netlink, operation, remote, local);
    const type = routeTypes[answer[TYPE] ?? 0] ?? "unknown";
    const attributes = decodeAttributes(answer.subarray(ROUTE_HEADER_OCTETS));
    const interfaceIndex = u32In(attributes, attribute.outputInterface);
    if (interfaceIndex === undefined || !(type === "unicast" || type === "local")) {
      const hint = `the route is of type ${type}; ${see}`;
      throw new SystemError(operation.operation, { errno: "EHOSTUNREACH", target, hint });
    }
    const nextHop = nextHopIn(attributes) ?? addressOctets(remote.replace(/%.*$/, ""));
    const link = readLink(netlink, operation, interfaceIndex);
    const metrics = nestedIn(attributes, attribute.metrics);
    const pathMtu = metrics && u32In(metrics, METRIC_MTU);
    return {
      interfaceIndex,
      interfaceName: link?.name ?? "",
      completesOffloads: completesOffloads(link, sendingLinks(netlink, operation)),
      hardware: link?.hardware ?? "unknown",
      nextHop,
      nextHopText: addressText(nextHop),
      mtu: pathMtu ?? link?.mtu ?? 0,
      interfaceMtu: link?.mtu ?? 0,
      isLocal: type === "local",
    };
  });
}

/**
 * The address that the kernel gives packets to a remote address which say none of their own: that of the
 * route. Throws SystemError, also where the kernel has no route or one that discards.
 */
export function sourceTo(netlink: Netlink, remote: string): string {
  const see = `see: ip route get ${remote}`;
  const operation: Operation = {
    operation: "find the source address of the route",
    target: `to ${remote}`,
    hints: {
      ENETUNREACH: `there is no route; ${see}`,
      EHOSTUNREACH: `the route is "unreachable"; ${see}`,
      EACCES: `the route is "prohibit"; ${see}`,
      EINVAL: `the route is "blackhole"; ${see}`,
    },
  };
  const answer = lookUp(netlink, operation, remote, undefined);
  const source = decodeAttributes(answer.subarray(ROUTE_HEADER_OCTETS)).get(attribute.preferredSource);
  if (source === undefined)
    throw failure({ ...operation, hints: { ENETUNREACH: `it has none; ${see}` } }, "ENETUNREACH");
  return addressText(source);
}

function lookUp(
  netlink: Netlink,
  operation: Operation,
  remote: string,
  local: string | undefined,
): Uint8Array {
  const [address = "", zone] = remote.split("%");
  const destination = addressOctets(address);
  const source = local === undefined ? undefined : addressOctets(local.replace(/%.*$/, ""));
  const outputInterface = zone === undefined ? undefined : findInterfaceIndex(zone);
  if (zone !== undefined && outputInterface === undefined) throw failure(operation, "ENODEV");
  const attributes: Attribute[] = [[attribute.destination, destination]];
  if (source !== undefined) attributes.push([attribute.source, source]);
  if (outputInterface !== undefined)
    attributes.push([attribute.outputInterface, u32Payload(outputInterface)]);
  const header = new Uint8Array(ROUTE_HEADER_OCTETS);
  const family = isIPv6(address) ? linux.AF_INET6 : linux.AF_INET;
  header.set([family, 8 * destination.length, 8 * (source?.length ?? 0)]);
  const payload = new Uint8Array([...header, ...encodeAttributes(attributes)]);
  const [answer] = netlink.request(operation, { type: RTM_GETROUTE, payload });
  if (answer === undefined) throw failure(operation, "EIO");
  return answer;
}

function nextHopIn(attributes: AttributeMap): Uint8Array | undefined {
  const found =
    attributes.get(attribute.gateway) ?? attributes.get(attribute.via)?.subarray(VIA_FAMILY_OCTETS);
  return found === undefined ? undefined : Uint8Array.from(found);
}

/**
 * Calls after any change of routes, rules, addresses or interfaces of this network namespace: at once, and in
 * a crowd of changes some 200 ms after the call before. A path MTU that was learned is no such change. Throws
 * SystemError when no socket can be opened.
 */
export function watchRoutes(listener: () => void): NetlinkWatch {
  return watchNetlink({ family: "route", groups: Object.values(groups), pauseMs: COALESCING_MS }, listener);
}
