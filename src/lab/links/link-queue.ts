import { DEFAULT_QUEUE_PACKETS, type LinkConditions } from "./conditions.ts";

/** What is on one direction of a link, done to frames: no clock, no sockets, and chance from outside. */

/** What became of the frames of one direction. Those that are still on their way are in `received` alone. */
export interface RelayCounters {
  received: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Dropped because the queue, or the memory for frames on their way, was full. */
  queueDrops: number;
}

/** Octets that may be on their way in one direction: 100 ms at 5 Gbit/s, and 5 s at 100 Mbit/s. */
export const MOST_OCTETS_UNDERWAY = 64 * 1024 * 1024;

interface Underway {
  readonly frame: Uint8Array;
  readonly dueUs: number;
  /** Tells frames that are due at the same time apart: the one that came first leaves first. */
  readonly order: number;
}

function isBefore(a: Underway, b: Underway): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.order < b.order);
}

/** Frames by the time at which they are due: a binary heap. */
class TimeHeap {
  readonly #items: Underway[] = [];

  get first(): Underway | undefined {
    return this.#items[0];
  }

  push(item: Underway): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): Underway | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [items[below], items[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below += 1;
      const child = items[below];
      if (child === undefined || !isBefore(child, last)) break;
      items[at] = child;
      at = below;
    }
    items[at] = last;
    return first;
  }
}

/** When frames that wait for a rate will have been sent, in order: those of the past are forgotten. */
class RateQueue {
  #ends: number[] = [];
  #head = 0;
  #lastEndUs = 0;

  /** Frames that still wait, or are being sent. */
  waiting(nowUs: number): number {
    while ((this.#ends[this.#head] ?? Number.POSITIVE_INFINITY) <= nowUs) this.#head += 1;
    if (this.#head > 1000) {
      this.#ends = this.#ends.slice(this.#head);
      this.#head = 0;
    }
    return this.#ends.length - this.#head;
  }

  /** The time at which a frame that comes now will have been sent. */
  add(octets: number, bitsPerSecond: number, nowUs: number): number {
    const endUs = Math.max(nowUs, this.#lastEndUs) + (octets * 8e6) / bitsPerSecond;
    this.#lastEndUs = endUs;
    this.#ends.push(endUs);
    return endUs;
  }

  forget(): void {
    this.#ends = [];
    this.#head = 0;
    this.#lastEndUs = 0;
  }
}

/**
 * The frames on their way in one direction. Each one is lost or doubled first, then waits for the rate, then
 * takes the delay; this is the order of netem.
 */
export class LinkQueue {
  readonly #random: () => number;
  readonly #heap = new TimeHeap();
  readonly #rate = new RateQueue();
  #conditions: LinkConditions;
  #counters: RelayCounters = noneCounted();
  #order = 0;
  #octets = 0;

  /** `random` gives numbers from 0 to less than 1. */
  constructor(conditions: LinkConditions, random: () => number) {
    this.#conditions = conditions;
    this.#random = random;
  }

  get counters(): Readonly<RelayCounters> {
    return this.#counters;
  }

  /** For frames that come from now on; counters begin anew. Frames on their way leave when they were due. */
  change(conditions: LinkConditions): void {
    this.#conditions = conditions;
    this.#counters = noneCounted();
    if (conditions.rateBitsPerSecond === undefined) this.#rate.forget();
  }

  /** Takes a frame, of which `octets` count for the rate. The queue owns it until it is due. */
  enqueue(frame: Uint8Array, nowUs: number, octets = frame.length): void {
    const { lossPercent = 0, duplicatePercent = 0 } = this.#conditions;
    this.#counters.received += 1;
    if (this.#happens(lossPercent)) {
      this.#counters.lost += 1;
      return;
    }
    this.#delay(frame, nowUs, octets);
    if (!this.#happens(duplicatePercent)) return;
    this.#counters.duplicated += 1;
    this.#delay(frame, nowUs, octets);
  }

  /** When the next frame is due; undefined when none is on its way. */
  get nextUs(): number | undefined {
    return this.#heap.first?.dueUs;
  }

  /** The next frame that is due now, which leaves the queue; the caller delivers it and says so. */
  due(nowUs: number): Uint8Array | undefined {
    const first = this.#heap.first;
    if (first === undefined || first.dueUs > nowUs) return undefined;
    this.#heap.pop();
    this.#octets -= first.frame.length;
    return first.frame;
  }

  /** Counts frames as delivered. */
  delivered(frames: number): void {
    this.#counters.delivered += frames;
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#random() * 100 < percent;
  }

  #delay(frame: Uint8Array, nowUs: number, octets: number): void {
    const { rateBitsPerSecond, queuePackets = DEFAULT_QUEUE_PACKETS } = this.#conditions;
    const full = rateBitsPerSecond !== undefined && this.#rate.waiting(nowUs) >= queuePackets;
    if (full || this.#octets + frame.length > MOST_OCTETS_UNDERWAY) {
      this.#counters.queueDrops += 1;
      return;
    }
    const sentUs = rateBitsPerSecond === undefined ? nowUs : this.#rate.add(octets, rateBitsPerSecond, nowUs);
    this.#octets += frame.length;
    this.#heap.push({ frame, dueUs: sentUs + this.#delayUs(), order: this.#order++ });
  }

  #delayUs(): number {
    const { delayMs = 0, jitterMs = 0, reorderPercent = 0 } = this.#conditions;
    if (delayMs > 0 && this.#happens(reorderPercent)) {
      this.#counters.reordered += 1;
      return 0;
    }
    const jitter = jitterMs === 0 ? 0 : (2 * this.#random() - 1) * jitterMs;
    return Math.max(0, delayMs + jitter) * 1000;
  }
}

/** Counters before the first frame. */
export function noneCounted(): RelayCounters {
  return { received: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, queueDrops: 0 };
}
