import { epollControl, epollCreate, epollWait, errno, errnoName, lastError, linux } from "./libc.ts";

/** epoll(7): waits for any number of descriptors, and costs as much as there are ready. */

/** TABLE: struct epoll_event, which is packed on x86-64 alone. The descriptor stands in the lower half of its data. */
const layout = process.arch === "x64" ? { octets: 12, data: 4 } : { octets: 16, data: 8 };

export const EPOLL_EVENT_OCTETS = layout.octets;

/** The descriptor that the event at `index` of a table at `start` names. */
export function readyDescriptor(view: DataView, start: number, index: number): number {
  return view.getInt32(start + index * layout.octets + layout.data, true);
}

/** Throws SystemError. */
export function openEpoll(): number {
  const fd = epollCreate(linux.EPOLL_CLOEXEC);
  if (fd < 0) throw lastError("open an epoll descriptor", "the forwarding worker");
  return fd;
}

/** Waits for a descriptor as well. `address` is that of room for an event. Throws SystemError. */
export function watchDescriptor(
  epoll: number,
  fd: number,
  view: DataView,
  room: number,
  address: number,
): void {
  view.setUint32(room, linux.EPOLLIN, true);
  view.setBigInt64(room + layout.data, BigInt(fd), true);
  if (epollControl(epoll, linux.EPOLL_CTL_ADD, fd, address) !== 0)
    throw lastError("wait for a descriptor", `descriptor ${fd} of the forwarding worker`);
}

/** Waits for a descriptor no more; it may be closed already. */
export function unwatchDescriptor(epoll: number, fd: number, address: number): void {
  epollControl(epoll, linux.EPOLL_CTL_DEL, fd, address);
}

/** How many descriptors are ready, of at most `room`; their events are at `address`. 0 after `timeoutMs`, or a signal. Throws SystemError. */
export function waitForDescriptors(epoll: number, address: number, room: number, timeoutMs: number): number {
  const ready = epollWait(epoll, address, room, timeoutMs);
  if (ready >= 0) return ready;
  if (errnoName(errno()) === "EINTR") return 0;
  throw lastError("wait for descriptors", "the forwarding worker");
}
