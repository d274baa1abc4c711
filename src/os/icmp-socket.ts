import { isIPv6 } from "node:net";
import { addressText } from "../bytes/ip-address.ts";
import { icmpEchoTypes, icmpProtocol } from "../wire/icmp-echo.ts";
import {
  addressOf,
  bind,
  close,
  errno,
  errnoName,
  lastError,
  linux,
  recvfrom,
  sendto,
  setsockopt,
  socket,
} from "./libc.ts";
import { SOCKADDR_OCTETS, setInteger, writeSocketAddress } from "./sockets.ts";

/** TABLE: of linux/icmp.h and linux/icmpv6.h: which types a raw socket receives; a set bit blocks a type. */
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ICMPV6_FILTER = 1;
const ICMPV6_FILTER_OCTETS = 32;
/** Longer than any packet. */
const PACKET_OCTETS = 65_536;
/** Replies of many peers at once. */
const RECEIVE_OCTETS = 1024 * 1024;

/** An ICMP message that came in, from its type on; it is valid until the next is received. */
export interface ReceivedIcmp {
  readonly remoteAddress: string;
  readonly message: Uint8Array;
}

/**
 * A socket for ICMP echo from one local address: raw, or where the process may open none one of the kind that
 * is for everybody (net.ipv4.ping_group_range). Requests leave with DF, whatever path MTU the kernel knows.
 */
export class IcmpSocket {
  readonly #fd: number;
  readonly #version: 4 | 6;
  /** Whether packets come with the IP header in front. */
  readonly #hasHeader: boolean;
  readonly #packet = new Uint8Array(PACKET_OCTETS);
  readonly #name = new Uint8Array(SOCKADDR_OCTETS);
  readonly #nameOctets = new Uint8Array(4);

  private constructor(fd: number, version: 4 | 6, hasHeader: boolean) {
    this.#fd = fd;
    this.#version = version;
    this.#hasHeader = hasHeader;
  }

  /** Throws SystemError. */
  static open(localAddress: string): IcmpSocket {
    const version = isIPv6(localAddress) ? 6 : 4;
    const family = version === 6 ? linux.AF_INET6 : linux.AF_INET;
    const flags = linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK;
    const raw = socket(family, linux.SOCK_RAW | flags, icmpProtocol[version]);
    const fd = raw < 0 ? socket(family, linux.SOCK_DGRAM | flags, icmpProtocol[version]) : raw;
    if (fd < 0)
      throw lastError("open a socket", "ICMP", "it needs CAP_NET_RAW, or net.ipv4.ping_group_range");
    if (raw >= 0) onlyReplies(fd, version);
    setInteger(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, RECEIVE_OCTETS);
    const [level, option] =
      version === 6
        ? [linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER]
        : [linux.IPPROTO_IP, linux.IP_MTU_DISCOVER];
    const name = new Uint8Array(SOCKADDR_OCTETS);
    const length = writeSocketAddress(name, localAddress, 0);
    if (setInteger(fd, level, option, linux.PMTUDISC_PROBE) && bind(fd, addressOf(name), length) === 0)
      return new IcmpSocket(fd, version, raw >= 0 && version === 4);
    const error = lastError("prepare a socket", `ICMP on ${localAddress}`);
    close(fd);
    throw error;
  }

  /** Returns the name of the errno of a failure; undefined for success. */
  send(remoteAddress: string, message: Uint8Array): string | undefined {
    const name = new Uint8Array(SOCKADDR_OCTETS);
    const length = writeSocketAddress(name, remoteAddress, 0);
    const { MSG_DONTWAIT } = linux;
    const octets = addressOf(message);
    const sent = sendto(this.#fd, octets, message.length, MSG_DONTWAIT, addressOf(name), length);
    return sent < 0 ? errnoName(errno()) : undefined;
  }

  /** The next message; undefined when there is none. */
  receive(): ReceivedIcmp | undefined {
    const length = new DataView(this.#nameOctets.buffer);
    length.setUint32(0, SOCKADDR_OCTETS, true);
    const octets = recvfrom(
      this.#fd,
      addressOf(this.#packet),
      PACKET_OCTETS,
      linux.MSG_DONTWAIT,
      addressOf(this.#name),
      addressOf(this.#nameOctets),
    );
    if (octets < 0) return undefined;
    const address = this.#version === 6 ? this.#name.subarray(8, 24) : this.#name.subarray(4, 8);
    const headerOctets = this.#hasHeader ? ((this.#packet[0] ?? 0) & 0xf) * 4 : 0;
    return {
      remoteAddress: addressText(address.slice()),
      message: this.#packet.subarray(Math.min(headerOctets, octets), octets),
    };
  }

  close(): void {
    close(this.#fd);
  }
}

/** Lets only echo replies in. Without it the socket works as well. */
function onlyReplies(fd: number, version: 4 | 6): void {
  const { reply } = icmpEchoTypes[version];
  const blocked = new Uint8Array(version === 6 ? ICMPV6_FILTER_OCTETS : 4).fill(0xff);
  const view = new DataView(blocked.buffer);
  const word = (reply >> 5) * 4;
  view.setUint32(word, ~(1 << (reply & 31)) >>> 0, true);
  const [level, option] = version === 6 ? [icmpProtocol[6], ICMPV6_FILTER] : [SOL_RAW, ICMP_FILTER];
  setsockopt(fd, level, option, addressOf(blocked), blocked.length);
}
