import { readdirSync } from "node:fs";
import netlink, { type RawNetlinkSocket } from "netlink";
import { SystemError } from "./errors.ts";
import { addressOf, getsockname, getsockopt, lastError, linux, setsockopt } from "./libc.ts";
import { socketDrops } from "./sockets.ts";

/**
 * Watching what the kernel tells by netlink. A notification says no more than that there is something to read
 * anew: the kernel drops notifications when thousands come at once or nobody reads for a while, so that what
 * one says is never the whole.
 */

/** TABLE: families of netlink (linux/netlink.h). */
export const netlinkFamily = { route: 0, xfrm: 6 } as const;

const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const AF_NETLINK = 16;
/** struct sockaddr_nl. */
const ADDRESS_OCTETS = 12;
const PORT_OFFSET = 4;
/** What is in a notification is not looked at. */
const NOTIFICATION_OCTETS = 64;
/** How often we look whether notifications were dropped. */
const LOOK_MS = 5000;

export interface NetlinkWatchOptions {
  readonly family: keyof typeof netlinkFamily;
  /** Numbers of the groups (RTNLGRP_ and XFRMNLGRP_ of linux/rtnetlink.h and linux/xfrm.h). */
  readonly groups: readonly number[];
  /** Pause between the end of one call of the listener and the next. */
  readonly pauseMs: number;
}

/** Ends the watching; once is enough, again is no error. */
export interface NetlinkWatch {
  close(): void;
}

/**
 * Calls the listener after notifications: at once for the first, then once for all that came meanwhile, when
 * the call before is done and the pause is over; again where it rejected. After the last notification, and
 * after any that was dropped, there is always a call. Throws SystemError.
 */
export function watchNetlink(
  { family, groups, pauseMs }: NetlinkWatchOptions,
  listener: () => void | Promise<void>,
): NetlinkWatch {
  const socket = openSocket(family);
  const descriptor = keepOpen(socket, family);
  let isDue = false;
  let isBusy = false;
  let isClosed = false;
  const tell = async (): Promise<void> => {
    isBusy = true;
    while (isDue && !isClosed) {
      isDue = false;
      try {
        await listener();
      } catch {
        // What could not be read is read again.
        isDue = true;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    }
    isBusy = false;
  };
  const changed = (): void => {
    isDue = true;
    if (!isBusy && !isClosed) void tell();
  };
  for (const event of ["message", "truncatedMessage", "error"] as const) socket.on(event, changed);
  let dropped = socketDrops(descriptor);
  const look = setInterval(() => {
    const now = socketDrops(descriptor);
    if (now !== dropped) changed();
    dropped = now;
  }, LOOK_MS).unref();
  for (const group of groups) socket.addMembership(group);
  return {
    close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(look);
      socket.close();
    },
  };
}

function openSocket(family: keyof typeof netlinkFamily): RawNetlinkSocket {
  try {
    const options = { messagePeeking: false, msgBufferSize: NOTIFICATION_OCTETS };
    const socket = new netlink.RawNetlinkSocket(netlinkFamily[family], { ...options, ...ownBuffers });
    socket.unref();
    return socket;
  } catch (cause) {
    const target = `netlink family ${family}`;
    throw new SystemError("open a netlink socket", { errno: "EPROTONOSUPPORT", target, cause });
  }
}

/** The kernel's own sizes: a larger one would only bring more notifications that all say the same. */
const ownBuffers = { recvBufferSize: 0, sendBufferSize: 0 } as const;

/**
 * Has the kernel drop notifications that find no room without an error: the package would end the process at
 * that error. The queue is full then, so that what is in it makes us read anew, later than what was dropped.
 * Gives the descriptor, which the package keeps to itself: it is found by the port that the socket is bound
 * to.
 */
function keepOpen(socket: RawNetlinkSocket, family: keyof typeof netlinkFamily): number {
  const { port } = socket.address();
  const target = `netlink family ${family}`;
  try {
    const descriptor = readdirSync("/proc/self/fd")
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
    if (cause instanceof SystemError) throw cause;
    const hint = "is /proc mounted?";
    throw new SystemError("find the descriptor of a netlink socket", {
      errno: "ENOENT",
      target,
      hint,
      cause,
    });
  }
}

function isBoundTo(descriptor: number, port: number, family: keyof typeof netlinkFamily): boolean {
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
