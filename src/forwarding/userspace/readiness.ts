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

/** Descriptors that have their turn before those that have become ready meanwhile are looked for. */
const MOST_READY = 64;

/**
 * What the worker waits for: any number of descriptors, each with what it is the descriptor of. Those that
 * are ready take turns.
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

  /** Throws SystemError, and then nothing has changed. */
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

  /** Waits; returns how many descriptors are ready. */
  wait(timeoutMs: number): number {
    const address = this.#arena.tables.address(this.#events, MOST_READY * EPOLL_EVENT_OCTETS);
    return waitForDescriptors(this.#epoll, address, MOST_READY, timeoutMs);
  }

  /** What is ready, of those that `wait` counted; undefined for what was removed since. */
  ready(index: number): Source | undefined {
    return this.#sources.get(readyDescriptor(this.#arena.tables.view, this.#events, index));
  }
}
