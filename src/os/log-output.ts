import { addressOf, errno, errnoName, linux, poll, write } from "./libc.ts";

/** struct pollfd: a descriptor, the events asked for, and those that happened. */
const POLLFD_OCTETS = 8;
/** A writable descriptor has room for PIPE_BUF octets at least: a write of no more never blocks. */
const PIECE_OCTETS = 4096;
/** Bound of the queue for a reader that hangs. */
const MOST_WAITING_OCTETS = 256 * 1024;
const AGAIN_MS = 50;
const NEWLINE = 0x0a;

/** Lines that were lost, and why the last of them. */
export interface LogLosses {
  readonly lines: number;
  /** Such as "ENOSPC"; undefined while nothing was lost. */
  readonly reason: string | undefined;
}

/**
 * Writes log lines to a descriptor without blocking and without throwing. Octets that a pipe or terminal does
 * not accept at once wait in a bounded queue; lines beyond the bound, and those that a full disk or a closed
 * reader refuses, are dropped and counted.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #waiting: Uint8Array[] = [];
  #waitingOctets = 0;
  /**
   * `#isPartlyWritten`: a part of the first queued line is written. `#needsNewline`: a line was dropped after
   * a part of it was written, so that its newline must come first.
   */
  #isPartlyWritten = false;
  #needsNewline = false;
  #lines = 0;
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get losses(): LogLosses {
    return { lines: this.#lines, reason: this.#reason };
  }

  /** Queues whole lines and writes what it can. */
  write(text: string): void {
    const line = new TextEncoder().encode(text);
    this.#writeOut();
    if (this.#waitingOctets + line.length > MOST_WAITING_OCTETS) return this.#countLoss("EAGAIN");
    this.#waiting.push(line);
    this.#waitingOctets += line.length;
    this.#writeOut();
  }

  /** Writes the queue for `limitMs` at most; for the end of the process. */
  flush(limitMs: number): void {
    const endMs = performance.now() + limitMs;
    this.#writeOut();
    while (this.#waiting.length > 0 && performance.now() < endMs) this.#writeOut(endMs - performance.now());
    clearTimeout(this.#timer);
  }

  /** Writes as much as the descriptor accepts within `waitMs`. */
  #writeOut(waitMs = 0): void {
    clearTimeout(this.#timer);
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      if (!this.#isReady(waitMs)) break;
      const octets = this.#needsNewline ? Uint8Array.of(NEWLINE) : line.subarray(0, PIECE_OCTETS);
      const written = write(this.#fd, addressOf(octets), octets.length);
      const problem = written > 0 ? undefined : errnoName(errno());
      if (problem === undefined) this.#wrote(written);
      else if (isTemporary(problem)) break;
      else this.#giveUp(line, problem);
    }
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#writeOut(), AGAIN_MS).unref();
  }

  #isReady(waitMs: number): boolean {
    const asked = new Uint8Array(POLLFD_OCTETS);
    const view = new DataView(asked.buffer);
    view.setInt32(0, this.#fd, true);
    view.setInt16(4, linux.POLLOUT, true);
    return poll(addressOf(asked), 1, Math.ceil(waitMs)) > 0;
  }

  /** Accounts for written octets: of the first line, or the newline of a dropped one. */
  #wrote(octets: number): void {
    const [line] = this.#waiting;
    if (this.#needsNewline || line === undefined) {
      this.#needsNewline = false;
      return;
    }
    this.#waitingOctets -= octets;
    this.#isPartlyWritten = octets < line.length;
    if (this.#isPartlyWritten) this.#waiting[0] = line.subarray(octets);
    else this.#waiting.shift();
  }

  #giveUp(line: Uint8Array, reason: string): void {
    this.#waitingOctets -= line.length;
    this.#waiting.shift();
    this.#needsNewline ||= this.#isPartlyWritten;
    this.#isPartlyWritten = false;
    this.#countLoss(reason);
  }

  #countLoss(reason: string): void {
    this.#lines += 1;
    this.#reason = reason;
  }
}

function isTemporary(problem: string): boolean {
  return ["EAGAIN", "EWOULDBLOCK", "EINTR"].includes(problem);
}
