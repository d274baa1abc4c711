import { addressOf, errno, errnoName, linux, poll, write } from "./libc.ts";

/** What poll(2) takes: a descriptor, the events asked for, and those that happened. */
const POLLFD_OCTETS = 8;
/** A descriptor that can be written to has room for so much at least (PIPE_BUF), and a write of no more never waits. */
const PIECE_OCTETS = 4096;
/** What waits for a reader that hangs. */
const MOST_WAITING_OCTETS = 256 * 1024;
const AGAIN_MS = 50;
const NEWLINE = 0x0a;

/** Lines that were given up, and why the last of them. */
export interface LogLosses {
  readonly lines: number;
  /** Such as "ENOSPC"; undefined while nothing was lost. */
  readonly reason: string | undefined;
}

/**
 * Where the log goes: a descriptor that is written to as far as it takes octets at once. Nothing of it throws or waits. What a
 * pipe or a terminal does not take at once waits in memory, up to a bound; lines beyond that, and those that a full disk or a reader
 * that is gone refuses, are given up and counted.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #waiting: Uint8Array[] = [];
  #waitingOctets = 0;
  /** Whether a part of the first line is written already; and whether that of one given up is, so that its end must come first. */
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

  /** Takes whole lines. */
  write(text: string): void {
    const line = new TextEncoder().encode(text);
    this.#writeOut();
    if (this.#waitingOctets + line.length > MOST_WAITING_OCTETS) return this.#countLoss("EAGAIN");
    this.#waiting.push(line);
    this.#waitingOctets += line.length;
    this.#writeOut();
  }

  /** Writes what waits, for so long at most; for the end of the process. */
  flush(limitMs: number): void {
    const endMs = performance.now() + limitMs;
    this.#writeOut();
    while (this.#waiting.length > 0 && performance.now() < endMs) this.#writeOut(endMs - performance.now());
    clearTimeout(this.#timer);
  }

  /** Writes as much as is taken within `waitMs`. */
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

  /** So many octets went out: of the first line, or the end of one that was cut. */
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
