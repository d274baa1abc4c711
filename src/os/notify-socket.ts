import { addressOf, close, lastError, linux, sendto, socket } from "./libc.ts";
import { unixAddress } from "./unix-address.ts";

/** Datagrams to a Unix socket, which tell a service manager of the state of a service (sd_notify(3)). */

const OPERATION = "tell the service manager";
/** Nobody has the socket open: an error, not a signal. */
const MSG_NOSIGNAL = 0x4000;
/** Longest path, with its end, or abstract name. */
const MOST_PATH_OCTETS = 107;

/**
 * Whether a path, or an abstract name, which begins with "@", is one of a Unix socket; others, such as
 * vsock:2:1, are not served.
 */
export function isNotifySocket(path: string): boolean {
  return /^[/@]./.test(path) && Buffer.byteLength(path) <= MOST_PATH_OCTETS;
}

/**
 * Sends one datagram, without waiting. Throws SystemError, with EAGAIN where the receiver's queue is full.
 */
export function sendNotification(path: string, text: string): void {
  const address = unixAddress(path);
  const octets = new TextEncoder().encode(text);
  const fd = socket(linux.AF_UNIX, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0);
  if (fd < 0) throw lastError(OPERATION, path);
  try {
    const flags = linux.MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = sendto(fd, addressOf(octets), octets.length, flags, addressOf(address), address.length);
    if (sent < 0) throw lastError(OPERATION, path);
  } finally {
    close(fd);
  }
}
