import netlink, { type RawNetlinkSocket } from "netlink";
import { isBug, OperationalError } from "../bytes/errors.ts";
import { errnoOf, SystemError } from "./errors.ts";
import { namesInDirectory } from "./files.ts";
import { addressOf, getsockname, getsockopt, lastError, linux, setsockopt } from "./libc.ts";
import { type NetlinkFamily, netlinkFamily } from "./netlink.ts";
import { socketDrops } from "./sockets.ts";

/**
 * Notifications of the kernel by netlink(7). A notification only says that there is something to read: the
 * kernel drops notifications when the socket's buffer is full, so that their contents are never complete. The
 * package `netlink` waits for them in the event loop; it is used here alone.
 */

const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const AF_NETLINK = 16;
/** struct sockaddr_nl. */
const ADDRESS_OCTETS = 12;
const PORT_OFFSET = 4;
/** The contents of a notification are not used. */
const NOTIFICATION_OCTETS = 64;
/** Period of looking for dropped notifications. */
const DROPS_PERIOD_MS = 5000;

export interface NetlinkWatchOptions {
  readonly family: NetlinkFamily;
  /** Numbers of the groups (RTNLGRP_ and XFRMNLGRP_ of linux/rtnetlink.h and linux/xfrm.h). */
  readonly groups: readonly number[];
  /** Pause between the end of one call of the listener and the next. */
  readonly pauseMs: number;
}

/** A watch; closing it again is no error. */
export interface NetlinkWatch {
  close(): void;
}

/**
 * Calls the listener after notifications: at once after the first, then once for all that come before the
 * previous call is done and the pause is over. A call that fails by OperationalError is repeated; any other
 * error is thrown as unhandled. After the last notification, and after an overflow in which some were
 * dropped, there is always a call, in which the listener reads everything again. Throws SystemError.
 */
export function watchNetlink(
  { family, groups, pauseMs }: NetlinkWatchOptions,
  listener: () => void | Promise<void>,
): NetlinkWatch {
  const socket = openSocket(family);
  const descriptor = surviveOverflow(socket, family);
  let isDue = false;
  let isBusy = false;
  let isClosed = false;
  const callListener = async (): Promise<void> => {
    isBusy = true;
    while (isDue && !isClosed) {
      isDue = false;
      try {
        await listener();
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        isDue = true;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    }
    isBusy = false;
  };
  const changed = (): void => {
    isDue = true;
    if (!isBusy && !isClosed) void callListener();
  };
  for (const event of ["message", "truncatedMessage", "error"] as const) socket.on(event, changed);
  let dropped = socketDrops(descriptor);
  const dropsTimer = setInterval(() => {
    const now = socketDrops(descriptor);
    if (now !== dropped) changed();
    dropped = now;
  }, DROPS_PERIOD_MS).unref();
  for (const group of groups) socket.addMembership(group);
  return {
    close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(dropsTimer);
      socket.close();
    },
  };
}

function openSocket(family: NetlinkFamily): RawNetlinkSocket {
  try {
    const options = { messagePeeking: false, msgBufferSize: NOTIFICATION_OCTETS };
    const socket = new netlink.RawNetlinkSocket(netlinkFamily[family], { ...options, ...ownBuffers });
    socket.unref();
    return socket;
  } catch (cause) {
    if (isBug(cause)) throw cause;
    const target = `netlink family ${family}`;
    const errno = (cause as NodeJS.ErrnoException).code ?? "EPROTONOSUPPORT";
    throw new SystemError("open a netlink socket", { errno, target, cause });
  }
}

/** The kernel's default sizes: larger buffers would only hold more notifications of the same. */
const ownBuffers = { recvBufferSize: 0, sendBufferSize: 0 } as const;

/**
 * Has the kernel drop notifications that find no room without reporting an error (ENOBUFS): the package ends
 * the process at that error. The buffer is full then, and what is in it causes a later call of the listener.
 * Returns the descriptor, which the package keeps private: it is found by the port that the socket is bound
 * to.
 */
function surviveOverflow(socket: RawNetlinkSocket, family: NetlinkFamily): number {
  const { port } = socket.address();
  const target = `netlink family ${family}`;
  try {
    const descriptor = namesInDirectory("/proc/self/fd")
      .map(Number)
      .find((fd) => isBoundTo(fd, port, family));
    if (descriptor === undefined)
      throw new SystemError("find the descriptor of a netlink socket", { errno: "ENOENT", target });
    const on = Uint8Array.of(1, 0, 0, 0);
    if (setsockopt(descriptor, SOL_NETLINK, NETLINK_NO_ENOBUFS, addressOf(on), on.length) !== 0)
      throw lastError("have a netlink socket outlive an overflow", target);
    return descriptor;
  } catch (cause) {
    socket.close();
    const errno = errnoOf(cause);
    const hint = "is /proc mounted?";
    throw new SystemError("find the descriptor of a netlink socket", { errno, target, hint, cause });
  }
}

function isBoundTo(descriptor: number, port: number, family: NetlinkFamily): boolean {
  const address = new Uint8Array(ADDRESS_OCTETS);
  const length = Uint8Array.of(ADDRESS_OCTETS, 0, 0, 0);
  if (getsockname(descriptor, addressOf(address), addressOf(length)) !== 0) return false;
  const view = new DataView(address.buffer);
  if (view.getUint16(0, true) !== AF_NETLINK || view.getUint32(PORT_OFFSET, true) !== port >>> 0)
    return false;
  const protocol = new Uint8Array(4);
  const octets = Uint8Array.of(4, 0, 0, 0);
  const got = getsockopt(
    descriptor,
    linux.SOL_SOCKET,
    linux.SO_PROTOCOL,
    addressOf(protocol),
    addressOf(octets),
  );
  return got === 0 && new DataView(protocol.buffer).getUint32(0, true) === netlinkFamily[family];
}
