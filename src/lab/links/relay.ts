import { operationalMessage } from "../../bytes/errors.ts";
import { addressOf, linux, ppoll } from "../../os/libc.ts";
import { answerJsonRequests, REQUESTS } from "../json-requests.ts";
import type { LinkConditions } from "./conditions.ts";
import { FrameReceiver, octetsOfFrame } from "./frame-receiver.ts";
import { FrameSender } from "./frame-sender.ts";
import { LinkQueue, type RelayCounters } from "./link-queue.ts";
import type { RelayAnswer, RelayPath, RelayRequest } from "./relay-messages.ts";
import { seededChance } from "./seeded-chance.ts";

/**
 * The relay of a lab's links: node relay.js in the namespace of their interfaces. It carries frames from one
 * interface to another with delay, loss and the like, for all links of a lab, as told by lines of JSON on its
 * standard input (relay-messages.ts), and ends with that. It waits by ppoll(2), to the microsecond, and not
 * in the event loop, whose timers count in milliseconds.
 */

/** Frames that are due within this leave together. */
const TOGETHER_US = 50;
/**
 * While frames flow, the relay looks after them at this pace and not for each, with fewer system calls: the
 * kernel keeps them, and the time at which they came.
 */
const PACE_US = 500;
const POLL_OCTETS = 8;
const POLL_RETURNED = 6;
const TIMESPEC_OCTETS = 16;

class Path implements Disposable {
  readonly receiver: FrameReceiver;
  readonly #sender: FrameSender;
  readonly queue: LinkQueue;
  #dropsBefore = 0;

  constructor({ from, to }: RelayPath, conditions: LinkConditions, seed: number) {
    this.receiver = new FrameReceiver(from);
    try {
      this.#sender = new FrameSender(to);
    } catch (error) {
      this.receiver[Symbol.dispose]();
      throw error;
    }
    this.queue = new LinkQueue(conditions, seededChance(seed));
  }

  change(conditions: LinkConditions): void {
    this.#dropsBefore = this.receiver.drops;
    this.queue.change(conditions);
  }

  /** What was not read in time counts as dropped by a full queue. */
  get counters(): RelayCounters {
    const missed = this.receiver.drops - this.#dropsBefore;
    const { received, queueDrops, ...others } = this.queue.counters;
    return { ...others, received: received + missed, queueDrops: queueDrops + missed };
  }

  /** Sends what is due, and returns how many frames that were. */
  sendDue(nowUs: number): number {
    const sender = this.#sender;
    let count = 0;
    for (let frame = this.queue.due(nowUs); frame !== undefined; frame = this.queue.due(nowUs)) {
      count += 1;
      sender.add(frame);
      if (sender.isFull) this.queue.delivered(sender.flush());
    }
    this.queue.delivered(sender.flush());
    return count;
  }

  /** Takes what came, and returns how many frames that were. */
  receive(): number {
    return this.receiver.receive((frame, cameUs) => this.queue.enqueue(frame, cameUs, octetsOfFrame(frame)));
  }

  [Symbol.dispose](): void {
    this.sendDue(Number.POSITIVE_INFINITY);
    this.receiver[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
  }
}

function nowInUs(): number {
  return performance.now() * 1000;
}

const paths = new Map<string, Path>();

function keyOf({ from, to }: RelayPath): string {
  return `${from} ${to}`;
}

function answerTo(request: RelayRequest): RelayAnswer {
  if ("counters" in request) return { counters: paths.get(keyOf(request.counters))?.counters };
  if ("remove" in request) {
    const key = keyOf(request.remove);
    paths.get(key)?.[Symbol.dispose]();
    paths.delete(key);
    watch();
    return {};
  }
  const { set, conditions, seed } = request;
  const present = paths.get(keyOf(set));
  if (present !== undefined) present.change(conditions);
  else {
    try {
      paths.set(keyOf(set), new Path(set, conditions, seed));
    } catch (error) {
      return { problem: operationalMessage(error) };
    }
    watch();
  }
  return {};
}

/** The list of poll(2): the standard input, then the receivers of all paths. */
let list = new Uint8Array(0);
let listView = new DataView(list.buffer);

function watch(): void {
  const descriptors = [REQUESTS, ...[...paths.values()].map(({ receiver }) => receiver.fd)];
  list = new Uint8Array(descriptors.length * POLL_OCTETS);
  listView = new DataView(list.buffer);
  for (const [index, fd] of descriptors.entries()) {
    listView.setInt32(index * POLL_OCTETS, fd, true);
    listView.setUint16(index * POLL_OCTETS + 4, linux.POLLIN, true);
  }
}

const timespec = new Uint8Array(TIMESPEC_OCTETS);
const timespecView = new DataView(timespec.buffer);

/** Waits until a frame comes or is due; while frames flow, for the pace. A request ends it. */
function wait(flowing: boolean): void {
  let nextUs = Number.POSITIVE_INFINITY;
  for (const { queue } of paths.values()) nextUs = Math.min(nextUs, queue.nextUs ?? nextUs);
  const waitUs = flowing ? PACE_US : Math.max(0, nextUs - nowInUs());
  const hasTimeout = waitUs !== Number.POSITIVE_INFINITY;
  if (hasTimeout) {
    const seconds = Math.floor(waitUs / 1e6);
    timespecView.setBigInt64(0, BigInt(seconds), true);
    timespecView.setBigInt64(8, BigInt(Math.floor((waitUs - seconds * 1e6) * 1000)), true);
  }
  for (let index = 0; index < list.length / POLL_OCTETS; index += 1)
    listView.setUint16(index * POLL_OCTETS + POLL_RETURNED, 0, true);
  const count = flowing ? 1 : list.length / POLL_OCTETS;
  ppoll(addressOf(list), count, hasTimeout ? addressOf(timespec) : 0, 0);
}

/** What poll(2) found of a descriptor of the list. */
function eventsOf(index: number): number {
  return listView.getUint16(index * POLL_OCTETS + POLL_RETURNED, true);
}

function runRelay(): void {
  watch();
  for (let flowing = false; ; ) {
    wait(flowing);
    let handled = 0;
    let index = 1;
    for (const path of paths.values()) {
      if ((eventsOf(index++) & linux.POLLERR) !== 0) path.receiver.clearError();
      handled += path.receive();
      handled += path.sendDue(nowInUs() + TOGETHER_US);
    }
    flowing = handled > 0;
    if (eventsOf(0) !== 0 && !answerJsonRequests(answerTo)) return;
  }
}

runRelay();
