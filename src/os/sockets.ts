import { isIPv6 } from "node:net";
import { addressOctets, addressText } from "../bytes/ip-address.ts";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { interfaceIndexOf } from "./interface-index.ts";
import { control, IFREQ_VALUE, interfaceRequest } from "./interface-request.ts";
import {
  addressOf,
  bind,
  close,
  errno,
  errnoName,
  eventfd,
  getsockname,
  getsockopt,
  lastError,
  linux,
  sendto,
  setsockopt,
  socket,
} from "./libc.ts";
import { attachFilter, dataOnlyFilter } from "./socket-filter.ts";
import { trafficClassOption } from "./traffic-class.ts";

/**
 * Opens sockets and devices of the data plane, used by their descriptors. All functions throw SystemError.
 */

/** struct sockaddr_in6, the longer of the two. */
export const SOCKADDR_OCTETS = 28;
/** Socket buffers that hold a burst while the worker is busy elsewhere. */
const BUFFER_OCTETS = 4 * 1024 * 1024;

const SIOCSIFMTU = 0x8922;
export const VNET_HEADER_OCTETS = 10;

/** The canonical form of an address in text. */
export function canonicalText(address: string): string {
  return addressText(addressOctets(address.replace(/%.*$/, "")));
}

/** Writes struct sockaddr_in or sockaddr_in6 and returns its length. */
export function writeSocketAddress(into: Uint8Array, address: string, port: number): number {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  into.fill(0, 0, SOCKADDR_OCTETS);
  const octets = addressOctets(address);
  view.setUint16(0, octets.length === 4 ? linux.AF_INET : linux.AF_INET6, true);
  view.setUint16(2, port);
  into.set(octets, octets.length === 4 ? 4 : 8);
  return octets.length === 4 ? 16 : SOCKADDR_OCTETS;
}

/** struct sockaddr_ll. */
const PACKET_ADDRESS_OCTETS = 20;

/** Sets an option of a socket to an integer; returns whether the kernel took it. */
export function setInteger(fd: number, level: number, option: number, value: number): boolean {
  const cell = new Int32Array([value]);
  return setsockopt(fd, level, option, addressOf(new Uint8Array(cell.buffer)), 4) === 0;
}

function require(success: boolean, fd: number, operation: string, target: string, hint?: string): void {
  if (success) return;
  const error = lastError(operation, target, hint);
  close(fd);
  throw error;
}

/** Enlarges the buffers, beyond the system's limit where we have the right. */
function enlargeBuffers(fd: number): void {
  for (const [forced, asked] of [
    [linux.SO_RCVBUFFORCE, linux.SO_RCVBUF],
    [linux.SO_SNDBUFFORCE, linux.SO_SNDBUF],
  ] as const) {
    if (setInteger(fd, linux.SOL_SOCKET, forced, BUFFER_OCTETS)) continue;
    setInteger(fd, linux.SOL_SOCKET, asked, BUFFER_OCTETS);
  }
}

/**
 * Turns UDP GRO on (udp(7), UDP_GRO), and returns whether the kernel has UDP GSO (UDP_SEGMENT): both since
 * Linux 5.0, and each is optional.
 */
function offerCoalescing(fd: number, coalesces: boolean): boolean {
  if (coalesces) setInteger(fd, linux.SOL_UDP, linux.UDP_GRO, 1);
  return setInteger(fd, linux.SOL_UDP, linux.UDP_SEGMENT, 0);
}

/** A socket of one local address for all peers. */
export interface PsnSocket {
  readonly fd: number;
  /** The port in use; 0 over IP. */
  readonly port: number;
  /** Whether one send may carry several datagrams of equal length (os/udp-offload.ts). */
  readonly takesSegments: boolean;
}

/** Options of a socket of the packet-switched network. */
export interface PsnSocketOptions {
  readonly encapsulation: "udp" | "ip";
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** With "outer" IP may fragment what it sends, else it may not. */
  readonly fragmentation: "outer" | "none" | "pseudowire";
  /**
   * With "zero" UDP over IPv6 takes datagrams without a checksum; over IPv4 it always does. What is sent
   * always has one.
   */
  readonly checksum: "auto" | "full" | "zero";
  /** Whether several UDP datagrams of one sender may come as one; default true. */
  readonly coalesces?: boolean;
  /** Traffic class of packets that have none of their own; default 0. */
  readonly trafficClass?: number;
}

/**
 * TABLE: path MTU discovery of a socket (ip(7)) by who may fragment what it sends. Where IP may not, planes
 * compare each packet with the path MTU themselves: the kernel learns of routers, whose messages anybody
 * forges, but refuses only what the interface does not take.
 */
const discoveryOf = {
  outer: linux.PMTUDISC_DONT,
  none: linux.PMTUDISC_PROBE,
  pseudowire: linux.PMTUDISC_PROBE,
} as const;

function setDiscovery(fd: number, isV6: boolean, discovery: number): boolean {
  return isV6
    ? setInteger(fd, linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER, discovery)
    : setInteger(fd, linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, discovery);
}

const discoveryCell = new Int32Array(1);
const discoveryAddress = addressOf(new Uint8Array(discoveryCell.buffer));

/**
 * Lets IP fragment what a socket sends from now on, or not. Without allocation; the kernel has no ancillary
 * data for this.
 */
export function setOuterFragments(fd: number, isV6: boolean, allowed: boolean): void {
  discoveryCell[0] = allowed ? discoveryOf.outer : discoveryOf.none;
  if (isV6) setsockopt(fd, linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER, discoveryAddress, 4);
  else setsockopt(fd, linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, discoveryAddress, 4);
}

/** Opens the socket of a local address. */
export function openPsnSocket(options: PsnSocketOptions): PsnSocket {
  const {
    encapsulation,
    address,
    port,
    fragmentation,
    checksum,
    coalesces = true,
    trafficClass = 0,
  } = options;
  const isV6 = isIPv6(address);
  const target = encapsulation === "udp" ? `UDP ${address} port ${port}` : `IP protocol 115 on ${address}`;
  const kind = encapsulation === "udp" ? linux.SOCK_DGRAM : linux.SOCK_RAW;
  const protocol = encapsulation === "udp" ? 17 : IP_PROTOCOL_L2TP;
  const fd = socket(isV6 ? linux.AF_INET6 : linux.AF_INET, kind | linux.SOCK_CLOEXEC, protocol);
  if (fd < 0) throw lastError("open a socket", target, "protocol 115 needs CAP_NET_RAW");
  if (isV6) setInteger(fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, 1);
  require(setDiscovery(fd, isV6, discoveryOf[fragmentation]), fd, "set path MTU discovery", target);
  if (isV6 && encapsulation === "udp" && checksum === "zero") {
    require(setInteger(
      fd,
      linux.SOL_UDP,
      linux.UDP_NO_CHECK6_RX,
      1,
    ), fd, "take datagrams without a checksum", target);
  }
  const classified = setInteger(fd, ...trafficClassOption(isV6), trafficClass);
  require(classified, fd, `set the traffic class ${trafficClass}`, target);
  enlargeBuffers(fd);
  const takesSegments = encapsulation === "udp" && offerCoalescing(fd, coalesces);
  if (encapsulation === "ip")
    require(attachFilter(fd, dataOnlyFilter(isV6)), fd, "attach a socket filter", target);
  const name = new Uint8Array(SOCKADDR_OCTETS);
  const length = writeSocketAddress(name, address, encapsulation === "udp" ? port : 0);
  if (bind(fd, addressOf(name), length) !== 0) {
    const hint = bindHints(address, port)[errnoName(errno())];
    require(false, fd, "bind a socket", target, hint);
  }
  return { fd, port: encapsulation === "udp" ? boundPort(fd, target) : 0, takesSegments };
}

/** Hints for addresses that cannot be bound, by the name of an errno. */
function bindHints(address: string, port: number): Readonly<Record<string, string>> {
  return {
    EADDRNOTAVAIL:
      `no interface that is up has the address ${address}, or it is still tentative; ` +
      `see: ip address show to ${address}`,
    EADDRINUSE: `another program has the port; see which: ss -ulpn sport = :${port}`,
    EACCES: "a port below 1024 needs CAP_NET_BIND_SERVICE",
    EPERM: "IP protocol 115 needs CAP_NET_RAW",
  };
}

function boundPort(fd: number, target: string): number {
  const name = new Uint8Array(SOCKADDR_OCTETS);
  const length = new Uint32Array([SOCKADDR_OCTETS]);
  const found = getsockname(fd, addressOf(name), addressOf(new Uint8Array(length.buffer))) === 0;
  require(found, fd, "read a socket's port", target);
  return new DataView(name.buffer).getUint16(2);
}

/** Number of words in SO_MEMINFO, and the index of the drops (uapi/linux/sock_diag.h). */
export const MEMORY_WORDS = 9;
export const DROPS = 8;

/** Packets dropped at a socket because nobody read in time, since it was opened; 0 for what is no socket. */
export function socketDrops(fd: number): number {
  const words = new Uint32Array(MEMORY_WORDS);
  const length = new Uint32Array([words.byteLength]);
  const bytes = new Uint8Array(words.buffer);
  getsockopt(
    fd,
    linux.SOL_SOCKET,
    linux.SO_MEMINFO,
    addressOf(bytes),
    addressOf(new Uint8Array(length.buffer)),
  );
  return words[DROPS] ?? 0;
}

/** The same, of several sockets. */
export function totalSocketDrops(descriptors: Iterable<number>): number {
  let total = 0;
  for (const fd of descriptors) total += socketDrops(fd);
  return total;
}

/** Sends one datagram without waiting. Returns the name of the errno of a failure; undefined for success. */
export function sendDatagram(fd: number, octets: Uint8Array, path: PsnPath): string | undefined {
  const name = new Uint8Array(SOCKADDR_OCTETS);
  const length = writeSocketAddress(name, path.remoteAddress, path.remotePort);
  const sent = sendto(fd, addressOf(octets), octets.length, linux.MSG_DONTWAIT, addressOf(name), length);
  return sent < 0 ? errnoName(errno()) : undefined;
}

/**
 * Sends one datagram with DF set, whatever path MTU the kernel knows, as `sendDatagram` does otherwise. The
 * kernel has no ancillary data for this: where IP may fragment, the socket's own setting is another for as
 * long as the call takes, also for a data message that another thread sends in these microseconds.
 * `fragmentOctets` is the limit that `limitFragments` set.
 */
export function sendPathMtuProbe(
  { fd, fragmentation }: Pick<PsnSocketOptions, "fragmentation"> & Pick<PsnSocket, "fd">,
  octets: Uint8Array,
  path: PsnPath,
  fragmentOctets?: number,
): string | undefined {
  if (discoveryOf[fragmentation] === linux.PMTUDISC_PROBE) return sendDatagram(fd, octets, path);
  const isV6 = isIPv6(path.localAddress);
  if (!setDiscovery(fd, isV6, linux.PMTUDISC_PROBE)) return errnoName(errno());
  if (fragmentOctets !== undefined) limitFragments(fd, undefined);
  const failure = sendDatagram(fd, octets, path);
  if (fragmentOctets !== undefined) limitFragments(fd, fragmentOctets);
  setDiscovery(fd, isV6, discoveryOf[fragmentation]);
  return failure;
}

/**
 * Limits the IPv6 fragments of a socket to so many octets, 1280 or more; undefined takes the limit off. What
 * the interface and the route take is not fragmented, also where it is longer.
 */
export function limitFragments(fd: number, octets: number | undefined): void {
  setInteger(fd, linux.IPPROTO_IPV6, linux.IPV6_MTU, octets ?? 0);
}

/**
 * Opens an existing interface for whole frames, in promiscuous mode; without `receives` for sending alone.
 * Each frame has a virtio-net header in front, which describes GSO packets and unfinished checksums, and its
 * outer tag in ancillary data. Frames leave without a queueing discipline, unless `bypassesQueue` is false:
 * only the discipline segments GSO packets that the interface cannot.
 */
export function openPacketSocket(
  interfaceName: string,
  { receives = true, bypassesQueue = true } = {},
): number {
  const target = `interface ${interfaceName}`;
  const index = interfaceIndexOf(interfaceName);
  const fd = socket(linux.AF_PACKET, linux.SOCK_RAW | linux.SOCK_CLOEXEC, 0);
  if (fd < 0) throw lastError("open an interface", target, "frames need CAP_NET_RAW");
  for (const option of [linux.PACKET_VNET_HDR, linux.PACKET_AUXDATA, linux.PACKET_IGNORE_OUTGOING]) {
    require(setInteger(fd, linux.SOL_PACKET, option, 1), fd, `set packet option ${option}`, target);
  }
  if (bypassesQueue) setInteger(fd, linux.SOL_PACKET, linux.PACKET_QDISC_BYPASS, 1);
  enlargeBuffers(fd);
  const membership = new Uint8Array(16);
  new DataView(membership.buffer).setInt32(0, index, true);
  new DataView(membership.buffer).setUint16(4, linux.PACKET_MR_PROMISC, true);
  const promiscuous =
    setsockopt(fd, linux.SOL_PACKET, linux.PACKET_ADD_MEMBERSHIP, addressOf(membership), 16) === 0;
  require(promiscuous, fd, "listen to all frames", target);
  const isBound = bindToInterface(fd, index, receives ? linux.ETH_P_ALL : 0);
  require(isBound, fd, "bind to an interface", target);
  return fd;
}

/** Binds a packet socket to an interface, for frames of a protocol (ETH_P_); returns whether it is bound. */
export function bindToInterface(fd: number, index: number, protocol: number): boolean {
  const name = new Uint8Array(PACKET_ADDRESS_OCTETS);
  const view = new DataView(name.buffer);
  view.setUint16(0, linux.AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  return bind(fd, addressOf(name), PACKET_ADDRESS_OCTETS) === 0;
}

/** Sets an interface's MTU, in octets. Throws SystemError. */
export function setInterfaceMtu(name: string, mtu: number): void {
  const wanted = interfaceRequest(name);
  wanted.view.setInt32(IFREQ_VALUE, mtu, true);
  control(wanted, SIOCSIFMTU, `set the MTU to ${mtu}`, `interface ${name}`);
}

/** A descriptor that wakes poll(2) or epoll(7). */
export function openEventDescriptor(): number {
  const fd = eventfd(0, linux.EFD_CLOEXEC | linux.EFD_NONBLOCK);
  if (fd < 0) throw lastError("open an event descriptor", "the forwarding worker");
  return fd;
}
