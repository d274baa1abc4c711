import { epollControl, epollCreate, epollWait, errno, errnoName, lastError, linux } from "./libc.ts";

/** epoll(7): waits for any number of descriptors at a cost that depends on the ready ones only. */

/** TABLE: struct epoll_event, packed on x86-64 only. Its data holds the descriptor in the lower half. */
const layout = process.arch === "x64" ? { octets: 12, data: 4 } : { octets: 16, data: 8 };

export const EPOLL_EVENT_OCTETS = layout.octets;

/** The descriptor of the event at `index` in a table of events at `start`. */
export function readyDescriptor(view: DataView, start: number, index: number): number {
  return view.getInt32(start + index * layout.octets + layout.data, true);
}

/** Throws SystemError. */
export function openEpoll(): number {
  const fd = epollCreate(linux.EPOLL_CLOEXEC);
  if (fd < 0) throw lastError("open an epoll descriptor", "the forwarding worker");
  return fd;
}

/** Adds a descriptor. `address` is that of room for one event. Throws SystemError. */
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

/** Removes a descriptor, which may be closed already. */
export function unwatchDescriptor(epoll: number, fd: number, address: number): void {
  epollControl(epoll, linux.EPOLL_CTL_DEL, fd, address);
}

/**
 * Waits, and returns the number of ready descriptors, at most `room`; their events are at `address`. 0 after
 * `timeoutMs` or a signal. Throws SystemError.
 */
export function waitForDescriptors(epoll: number, address: number, room: number, timeoutMs: number): number {
  const ready = epollWait(epoll, address, room, timeoutMs);
  if (ready >= 0) return ready;
  if (errnoName(errno()) === "EINTR") return 0;
  throw lastError("wait for descriptors", "the forwarding worker");
}
