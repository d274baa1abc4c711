import { isIPv6 } from "node:net";
import { addressOctets } from "../bytes/ip-address.ts";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import { icmpProtocol } from "../wire/icmp-echo.ts";
import { internetChecksum } from "../wire/internet-checksum.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { addressOf, close, lastError, linux, sendto, socket } from "./libc.ts";
import { SOCKADDR_OCTETS, writeSocketAddress } from "./sockets.ts";

/** TABLE: of RFC 791, RFC 792, RFC 8200 and RFC 4443. */
const IPV4_HEADER_OCTETS = 20;
const IPV6_HEADER_OCTETS = 40;
const IPV4_VERSION_AND_LENGTH = 0x45;
const IPV6_VERSION = 0x60;
const DO_NOT_FRAGMENT = 0x4000;
const HOP_LIMIT = 64;
const UDP_PROTOCOL = 17;
const ICMP_HEADER_OCTETS = 8;
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;
/** Octets behind the quoted IP header. */
const QUOTED_OCTETS = 8;

/**
 * Tells the kernel that packets on a path are to have so many octets at most, as a router would: by an ICMP
 * message to our own address that quotes a packet of ours (RFC 1191 §4, RFC 8201 §4). The kernel then
 * fragments what is longer, for some minutes (net.ipv4.route.mtu_expires, net.ipv6.route.mtu_expires). It has
 * no other way: IPv4 has no option of the socket, and that of IPv6 (IPV6_MTU) only says how long fragments
 * are of what the interface or the route does not take whole. Throws SystemError.
 */
export function reportPathMtu(path: PsnPath, octets: number): void {
  const target = `the path MTU to ${path.remoteAddress}`;
  const isV6 = isIPv6(path.localAddress);
  const family = isV6 ? linux.AF_INET6 : linux.AF_INET;
  const fd = socket(family, linux.SOCK_RAW | linux.SOCK_CLOEXEC, icmpProtocol[isV6 ? 6 : 4]);
  if (fd < 0) throw lastError("open a socket", target, "ICMP needs CAP_NET_RAW");
  const message = isV6 ? packetTooBig(path, octets) : fragmentationNeeded(path, octets);
  const name = new Uint8Array(SOCKADDR_OCTETS);
  const length = writeSocketAddress(name, path.localAddress, 0);
  const sent = sendto(fd, addressOf(message), message.length, linux.MSG_DONTWAIT, addressOf(name), length);
  const error = sent < 0 ? lastError("tell the kernel", target) : undefined;
  close(fd);
  if (error !== undefined) throw error;
}

/** The ICMP message "fragmentation needed" about a packet on an IPv4 path (RFC 1191 §4). */
export function fragmentationNeeded(path: PsnPath, octets: number): Uint8Array {
  const message = new Uint8Array(ICMP_HEADER_OCTETS + IPV4_HEADER_OCTETS + QUOTED_OCTETS);
  const header = message.subarray(ICMP_HEADER_OCTETS, ICMP_HEADER_OCTETS + IPV4_HEADER_OCTETS);
  const quoted = new DataView(message.buffer, ICMP_HEADER_OCTETS);
  quoted.setUint8(0, IPV4_VERSION_AND_LENGTH);
  quoted.setUint16(2, Math.min(octets + 1, 0xffff));
  quoted.setUint16(6, DO_NOT_FRAGMENT);
  quoted.setUint8(8, HOP_LIMIT);
  quoted.setUint8(9, protocolOf(path));
  header.set(addressOctets(path.localAddress), 12);
  header.set(addressOctets(path.remoteAddress), 16);
  quoted.setUint16(10, internetChecksum(header));
  writePorts(quoted, IPV4_HEADER_OCTETS, path);
  const view = new DataView(message.buffer);
  view.setUint8(0, UNREACHABLE);
  view.setUint8(1, FRAGMENTATION_NEEDED);
  view.setUint16(6, octets);
  view.setUint16(2, internetChecksum(message));
  return message;
}

/**
 * The ICMPv6 message "packet too big" about a packet on an IPv6 path (RFC 4443 §3.2). Its checksum covers
 * addresses, and is left to the kernel, which sets it for raw sockets of ICMPv6.
 */
export function packetTooBig(path: PsnPath, octets: number): Uint8Array {
  const message = new Uint8Array(ICMP_HEADER_OCTETS + IPV6_HEADER_OCTETS + QUOTED_OCTETS);
  const view = new DataView(message.buffer);
  view.setUint8(0, PACKET_TOO_BIG);
  view.setUint32(4, octets);
  const quoted = new DataView(message.buffer, ICMP_HEADER_OCTETS);
  quoted.setUint8(0, IPV6_VERSION);
  quoted.setUint16(4, Math.min(octets + 1 - IPV6_HEADER_OCTETS, 0xffff));
  quoted.setUint8(6, protocolOf(path));
  quoted.setUint8(7, HOP_LIMIT);
  message.set(addressOctets(path.localAddress), ICMP_HEADER_OCTETS + 8);
  message.set(addressOctets(path.remoteAddress), ICMP_HEADER_OCTETS + 24);
  writePorts(quoted, IPV6_HEADER_OCTETS, path);
  return message;
}

function protocolOf({ encapsulation }: PsnPath): number {
  return encapsulation === "udp" ? UDP_PROTOCOL : IP_PROTOCOL_L2TP;
}

/** By them the kernel finds the socket that a message is about. */
function writePorts(quoted: DataView, at: number, { encapsulation, localPort, remotePort }: PsnPath): void {
  if (encapsulation !== "udp") return;
  quoted.setUint16(at, localPort);
  quoted.setUint16(at + 2, remotePort);
}
