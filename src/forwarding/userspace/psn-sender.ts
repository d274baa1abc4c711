import { setOuterFragments } from "../../os/sockets.ts";
import { MOST_UDP_OCTETS, MOST_UDP_SEGMENTS } from "../../os/udp-offload.ts";
import type { Arena } from "./arena.ts";
import { type FramePart, framePart } from "./frame-parts.ts";
import type { ForwardedSession } from "./tables.ts";
import { type CounterWriter, type SendCalls, Transmitter } from "./transmitter.ts";

/**
 * Messages of a session that are sent singly after the kernel refused a group. Then grouping is tried again:
 * the path may have changed.
 */
const UNGROUPED_AFTER_REFUSAL = 4096;

/**
 * Sends data messages to the peers. Over UDP, consecutive messages of a session with equal length and traffic
 * class are grouped into one send, which the kernel segments (UDP_SEGMENT); the last message of a group may
 * be shorter. Order and octets of the datagrams are the same as without grouping.
 */
export class PsnSender {
  readonly #transmitter: Transmitter;
  readonly #allowFragments: typeof setOuterFragments;
  /** Whether IP may fragment the queued messages, though their socket's setting is that it may not. */
  #needsOuterFragments = false;
  #isV6 = false;
  #fd = -1;
  /** Octets of each message of the open group; 0 if no group is open. */
  #segmentOctets = 0;
  #groupOctets = 0;
  #groupCount = 0;
  #trafficClass = 0;
  #session: ForwardedSession | undefined;

  constructor(arena: Arena, counters: CounterWriter, calls?: SendCalls, allowFragments = setOuterFragments) {
    this.#allowFragments = allowFragments;
    this.#transmitter = new Transmitter(
      arena,
      counters,
      "transmitted",
      (session, message) => this.#refused(session, message),
      calls,
    );
  }

  /** Allocates room for the copied headers of one message; it is free again after `flush`. */
  allocateHeader(octets: number): number {
    return this.#transmitter.messages.allocateHeader(octets);
  }

  /** Adds octets to the message under construction. */
  addVector(offset: number, length: number): void {
    this.#transmitter.messages.addVector(offset, length);
  }

  /** Selects the socket of a session for the next messages; messages queued for another socket are sent. */
  setTarget({ fd, isV6, needsOuterFragments }: ForwardedSession): void {
    if (this.#transmitter.hasTarget(fd, false) && this.#needsOuterFragments === needsOuterFragments) return;
    this.flush();
    this.#transmitter.setTarget(fd, false);
    this.#needsOuterFragments = needsOuterFragments;
    this.#isV6 = isV6;
    this.#fd = fd;
  }

  /** Has the next messages, so many, go into the queue without one between them being sent. */
  reserve(messages: number): void {
    if (!this.#transmitter.messages.hasRoomFor(messages)) this.flush();
  }

  /**
   * Queues the message under construction, which carries a frame of `frameOctets` or a part of one, with a
   * traffic class for the outer IP header.
   */
  push(
    session: ForwardedSession,
    frameOctets: number,
    trafficClass: number,
    part: FramePart = framePart.whole,
  ): void {
    const { messages } = this.#transmitter;
    const octets = session.transmitHeaderOctets + frameOctets;
    if (this.#mayExtendGroup(session, octets, trafficClass)) {
      if (this.#groupCount === 1) messages.segmentInto(this.#segmentOctets);
      messages.extend(frameOctets, part);
      this.#groupCount += 1;
      this.#groupOctets += octets;
      if (octets < this.#segmentOctets) this.#segmentOctets = 0;
    } else {
      messages.push(session, frameOctets, session.name, session.nameOctets, part);
      if (trafficClass !== session.socketTrafficClass) messages.setTrafficClass(session.isV6, trafficClass);
      this.#segmentOctets = mayBeginGroup(session, octets) ? octets : 0;
      this.#groupCount = 1;
      this.#groupOctets = octets;
      this.#trafficClass = trafficClass;
      this.#session = session;
    }
    if (messages.isFull) this.flush();
  }

  flush(): void {
    this.#segmentOctets = 0;
    if (!this.#needsOuterFragments || this.#transmitter.messages.count === 0)
      return this.#transmitter.flush();
    this.#allowFragments(this.#fd, this.#isV6, true);
    this.#transmitter.flush();
    this.#allowFragments(this.#fd, this.#isV6, false);
  }

  #mayExtendGroup(session: ForwardedSession, octets: number, trafficClass: number): boolean {
    return (
      octets <= this.#segmentOctets &&
      session === this.#session &&
      trafficClass === this.#trafficClass &&
      this.#groupCount < MOST_UDP_SEGMENTS &&
      this.#groupOctets + octets <= MOST_UDP_OCTETS
    );
  }

  #refused(session: ForwardedSession, message: number): void {
    const { frameOctets, firstFrames } = this.#transmitter.messages;
    const first = frameOctets[firstFrames[message] as number] as number;
    const octets = session.transmitHeaderOctets + first;
    if (session.ungroupedLeft === 0 || octets < session.refusedOctets) session.refusedOctets = octets;
    session.ungroupedLeft = UNGROUPED_AFTER_REFUSAL;
  }
}

/** Whether a message of so many octets may be the first of a group; counts down the messages sent singly. */
function mayBeginGroup(session: ForwardedSession, octets: number): boolean {
  if (!session.mayGroup) return false;
  if (session.ungroupedLeft === 0 || octets < session.refusedOctets) return true;
  session.ungroupedLeft -= 1;
  return false;
}
