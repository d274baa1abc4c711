import {
  EPOLL_EVENT_OCTETS,
  openEpoll,
  readyDescriptor,
  unwatchDescriptor,
  waitForDescriptors,
  watchDescriptor,
} from "../../os/epoll.ts";
import { close } from "../../os/libc.ts";
import type { Arena } from "./arena.ts";

/** Ready descriptors that one epoll_wait(2) returns. */
const MOST_READY = 64;

/**
 * The descriptors that the worker waits for (epoll), each with the source that it belongs to. The kernel
 * returns ready descriptors in turn, so a busy one does not starve the others.
 */
export class Readiness<Source> {
  readonly #arena: Arena;
  readonly #epoll = openEpoll();
  readonly #events: number;
  readonly #sources = new Map<number, Source>();

  /** Throws SystemError. */
  constructor(arena: Arena) {
    this.#arena = arena;
    this.#events = arena.tables.take(MOST_READY * EPOLL_EVENT_OCTETS);
  }

  /** Throws SystemError; then nothing has changed. */
  add(fd: number, source: Source): void {
    const { tables } = this.#arena;
    const address = tables.address(this.#events, EPOLL_EVENT_OCTETS);
    watchDescriptor(this.#epoll, fd, tables.view, this.#events, address);
    this.#sources.set(fd, source);
  }

  remove(fd: number): void {
    if (!this.#sources.delete(fd)) return;
    unwatchDescriptor(this.#epoll, fd, this.#arena.tables.address(this.#events, EPOLL_EVENT_OCTETS));
  }

  close(): void {
    close(this.#epoll);
  }

  /** Waits for ready descriptors and returns their number. */
  wait(timeoutMs: number): number {
    const address = this.#arena.tables.address(this.#events, MOST_READY * EPOLL_EVENT_OCTETS);
    return waitForDescriptors(this.#epoll, address, MOST_READY, timeoutMs);
  }

  /** The ready source at an index below what `wait` returned; undefined if it was removed since. */
  ready(index: number): Source | undefined {
    return this.#sources.get(readyDescriptor(this.#arena.tables.view, this.#events, index));
  }
}
