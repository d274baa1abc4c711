import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import { addressOf, bind, close, lastError, linux, setsockopt, socket } from "./libc.ts";
import { attachFilter, nothingFilter } from "./socket-filter.ts";
import { SOCKADDR_OCTETS, writeSocketAddress } from "./sockets.ts";

const IPV6_RECVERR = 25;

/**
 * Opens a raw IPv6 socket that makes the kernel learn path MTUs of IP protocol 115 (RFC 8201). The kernel
 * processes "packet too big" only for raw sockets that are connected or have IPV6_RECVERR set. On the socket
 * that sends and receives, errors would interrupt its calls; so this one has it set, and neither sends nor
 * receives nor is ever read. Returns its descriptor, for the caller to close. Throws SystemError.
 */
export function openPathMtuSocket(address: string): number {
  const target = `IP protocol ${IP_PROTOCOL_L2TP} on ${address}, for path MTUs`;
  const fd = socket(linux.AF_INET6, linux.SOCK_RAW | linux.SOCK_CLOEXEC, IP_PROTOCOL_L2TP);
  if (fd < 0) throw lastError("open a socket", target, "protocol 115 needs CAP_NET_RAW");
  const name = new Uint8Array(SOCKADDR_OCTETS);
  const length = writeSocketAddress(name, address, 0);
  const on = new Uint8Array(Int32Array.of(1).buffer);
  const isOpen =
    attachFilter(fd, nothingFilter) &&
    // Nobody reads the errors: the smallest buffer will do.
    setsockopt(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, addressOf(on), on.length) === 0 &&
    setsockopt(fd, linux.IPPROTO_IPV6, IPV6_RECVERR, addressOf(on), on.length) === 0 &&
    bind(fd, addressOf(name), length) === 0;
  if (isOpen) return fd;
  const error = lastError("prepare a socket", target);
  close(fd);
  throw error;
}
