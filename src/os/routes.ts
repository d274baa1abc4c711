import { isIPv6 } from "node:net";
import netlink, { type RtNetlinkSocket } from "netlink";
import { SystemError } from "./errors.ts";
import { ifNameToIndex, linux } from "./libc.ts";
import { type NetlinkWatch, watchNetlink } from "./netlink-watch.ts";
import { completesOffloads } from "./offload-completion.ts";
import { ask, attributesIn } from "./rtnetlink.ts";
import { addressOctets, addressText } from "./sockets.ts";

/** Which way packets go, as the kernel decides it, and when it may decide otherwise. */

/**
 * TABLE: attributes of a route (linux/rtnetlink.h); read by hand, since the package refuses every route that
 * has a VIA.
 */
const attribute = { oif: 4, gateway: 5, preferredSource: 7, metrics: 8, via: 18 } as const;
const METRIC_MTU = 2;
/** struct rtmsg, in front of the attributes. */
const ROUTE_HEADER_OCTETS = 12;
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

/** Changes come in crowds, and one call is for all of a crowd. */
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
  /** Of that, what was learned of the path or the route says; undefined where only the interface limits. */
  readonly pathMtu: number | undefined;
  readonly interfaceName: string;
  /** Whether packets leave by it cut and with finished checksums, whatever it was given (hand-over.ts). */
  readonly completesOffloads: boolean;
  /** Kind of the interface's hardware, such as "ETHER" (linux/if_arp.h, without ARPHRD_). */
  readonly hardware: string;
  /** Whether the address is this machine's own. */
  readonly isLocal: boolean;
}

/**
 * The route from a local address to a remote one of the same family; a zone such as "%eth0" of the remote is
 * heeded. Rejects with SystemError, also where the kernel has no route or one that discards.
 */
export async function routeTo(remote: string, local: string): Promise<RouteFound> {
  const see = `see: ip route get ${remote} from ${local}`;
  const hints = {
    ENETUNREACH: `there is no route, or ${local} is no address of this machine; ${see}`,
    EHOSTUNREACH: `the route is "unreachable"; ${see}`,
    EACCES: `the route is "prohibit"; ${see}`,
    EINVAL: `the route is "blackhole", or ${local} is no address of this machine; ${see}`,
    ENODEV: `there is no such interface; see: ip link show`,
  };
  return ask(
    { operation: "look up a route", target: `to ${remote} from ${local}`, hints },
    async (socket) => {
      const answer = await lookUp(socket, remote, local);
      const { type } = netlink.rt.parseRoute(answer.subarray(0, ROUTE_HEADER_OCTETS));
      const attributes = attributesIn(answer.subarray(ROUTE_HEADER_OCTETS));
      const oif = attributes.get(attribute.oif);
      if (oif === undefined || !(type === "UNICAST" || type === "LOCAL")) {
        throw new SystemError("look up a route", {
          errno: "EHOSTUNREACH",
          target: `to ${remote} from ${local}`,
          hint: `the route is of type ${String(type).toLowerCase()}; ${see}`,
        });
      }
      const interfaceIndex = netlink.getU32(oif);
      const nextHop = nextHopIn(attributes) ?? addressOctets(remote.replace(/%.*$/, ""));
      const [link] = await socket.getLink({ index: interfaceIndex });
      const pathMtu = routeMtu(attributes.get(attribute.metrics));
      return {
        interfaceIndex,
        interfaceName: link?.attrs.ifname ?? "",
        completesOffloads: completesOffloads(link?.attrs.ifname ?? ""),
        hardware: String(link?.data.type),
        nextHop,
        nextHopText: addressText(nextHop),
        mtu: pathMtu ?? link?.attrs.mtu ?? 0,
        pathMtu,
        isLocal: type === "LOCAL",
      };
    },
  );
}

async function lookUp(socket: RtNetlinkSocket, remote: string, local: string): Promise<Buffer> {
  const [address = "", zone] = remote.split("%");
  const dst = Buffer.from(addressOctets(address));
  const src = Buffer.from(addressOctets(local.replace(/%.*$/, "")));
  const oif = zone === undefined ? undefined : ifNameToIndex(zone);
  // 0 would mean: by any interface.
  if (oif === 0) throw new Error("ENODEV");
  const family = isIPv6(address) ? linux.AF_INET6 : linux.AF_INET;
  const data = { family, dstLen: 8 * dst.length, srcLen: 8 * src.length };
  const stream = new netlink.AttrStream();
  const attrs = oif === undefined ? { dst, src } : { dst, src, oif };
  netlink.rt.formatRouteMessage({ kind: "route", data, attrs }, stream);
  const [[answer]] = await socket.socket.request(netlink.rt.MessageType.GETROUTE, stream.bufs);
  if (answer === undefined) throw new Error("EIO: an acknowledgement without a route");
  return answer.data as Buffer;
}

function nextHopIn(attributes: ReadonlyMap<number, Buffer>): Uint8Array | undefined {
  const found =
    attributes.get(attribute.gateway) ?? attributes.get(attribute.via)?.subarray(VIA_FAMILY_OCTETS);
  return found === undefined ? undefined : Uint8Array.from(found);
}

function routeMtu(metrics: Buffer | undefined): number | undefined {
  const mtu = metrics === undefined ? undefined : attributesIn(metrics).get(METRIC_MTU);
  return mtu === undefined ? undefined : netlink.getU32(mtu);
}

/**
 * Calls after any change of routes, rules, addresses or interfaces of this network namespace: at once, and in
 * a crowd of changes some 200 ms after the call before. A path MTU that was learned is no such change. Throws
 * SystemError when no socket can be opened.
 */
export function watchRoutes(listener: () => void): NetlinkWatch {
  return watchNetlink({ family: "route", groups: Object.values(groups), pauseMs: COALESCING_MS }, listener);
}
