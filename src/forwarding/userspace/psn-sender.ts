import { MOST_UDP_OCTETS, MOST_UDP_SEGMENTS } from "../../os/udp-offload.ts";
import type { Arena } from "./arena.ts";
import { counterCells } from "./session-record.ts";
import type { ForwardedSession } from "./tables.ts";
import { type CounterWriter, type SendCalls, Transmitter } from "./transmitter.ts";

/**
 * After a refusal of a group so many messages go alone before it is tried again: the path may have changed.
 */
const UNGROUPED_AFTER_REFUSAL = 4096;

/**
 * Data messages on their way to the peers. Over UDP, consecutive ones of a session whose length is equal
 * share one send, which the kernel cuts (UDP_SEGMENT), if their traffic class is equal too; the last of a
 * group may be shorter. Order is kept, and so is every octet.
 */
export class PsnSender {
  readonly #transmitter: Transmitter;
  /** Octets of each message of the group that is open; 0 when none is. */
  #segmentOctets = 0;
  #groupOctets = 0;
  #groupCount = 0;
  #trafficClass = 0;
  #session: ForwardedSession | undefined;

  constructor(arena: Arena, counters: CounterWriter, calls?: SendCalls) {
    this.#transmitter = new Transmitter(
      arena,
      counters,
      counterCells.transmittedFrames,
      (session, message) => this.#refused(session, message),
      calls,
    );
  }

  /** Room for copied headers of one message until it has left. */
  allocateHeader(octets: number): number {
    return this.#transmitter.messages.allocateHeader(octets);
  }

  /** Adds octets to the message that is being put together. */
  addVector(offset: number, length: number): void {
    this.#transmitter.messages.addVector(offset, length);
  }

  /** What follows is a session's; what waits for another socket leaves first. */
  setTarget({ fd }: ForwardedSession): void {
    if (this.#transmitter.hasTarget(fd, false)) return;
    this.flush();
    this.#transmitter.setTarget(fd, false);
  }

  /**
   * Completes the message put together, of a frame of `frameOctets`; `trafficClass` is for the outer IP
   * header.
   */
  push(session: ForwardedSession, frameOctets: number, trafficClass: number): void {
    const { messages } = this.#transmitter;
    const octets = session.transmitHeaderOctets + frameOctets;
    if (this.#mayExtendGroup(session, octets, trafficClass)) {
      if (this.#groupCount === 1) messages.segmentInto(this.#segmentOctets);
      messages.extend(frameOctets);
      this.#groupCount += 1;
      this.#groupOctets += octets;
      if (octets < this.#segmentOctets) this.#segmentOctets = 0;
    } else {
      messages.push(session, frameOctets, session.name, session.nameOctets);
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
    this.#transmitter.flush();
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

/** Whether others may follow a message of so many octets in one send. */
function mayBeginGroup(session: ForwardedSession, octets: number): boolean {
  if (!session.mayGroup) return false;
  if (session.ungroupedLeft === 0 || octets < session.refusedOctets) return true;
  session.ungroupedLeft -= 1;
  return false;
}
