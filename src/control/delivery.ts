import { isNsAtOrBefore, nextNs, nsDistance } from "../bytes/serial.ts";
import type { ControlMessage } from "../wire/message.ts";
import {
  isStop,
  type MessageCodec,
  type Probe,
  type ReceiveVerdict,
  type Sender,
  type Sent,
  type Unsent,
} from "./delivery-messages.ts";
import { Queue } from "./queue.ts";
import { SendWindow } from "./send-window.ts";
import { type DeliverySettings, limits } from "./settings.ts";

/**
 * Reliable delivery of one control connection: Ns and Nr, window with slow start, retransmission with
 * exponential backoff (RFC 3931 §4.2, Appendix A). It lives on after the state machine is idle, until a
 * StopCCN is through.
 */
export class Delivery<Payload> {
  readonly #codec: MessageCodec;
  #settings: DeliverySettings;
  /** Transmitted, unacknowledged messages, the oldest first. */
  readonly #sent = new Queue<Sent>();
  readonly #unsent = new Queue<Unsent>();
  /** ICRQs that were never transmitted, by sender; all other messages go ahead of them. */
  readonly #calls = new Map<Sender, ControlMessage>();
  readonly #held = new Map<number, Payload>();
  /** How many of `#sent`, from the oldest on, count as in flight; a retransmission sets it to 0. */
  #inFlight = 0;
  /** Ns of the message that is transmitted next for the first time. */
  #nextNs = 0;
  #expectedNs = 0;
  readonly #window = new SendWindow();
  #intervalMs: number;
  #retransmissions = 0;
  #deadlineMs: number | undefined;
  #acknowledgementOwed = false;
  #retransmitted = 0;
  #timeouts = 0;
  #heardMs: number | undefined;
  #acknowledged = 0;
  #isPostponed = false;
  #probe: Probe | undefined;

  constructor(codec: MessageCodec, settings: DeliverySettings) {
    this.#codec = codec;
    this.#settings = settings;
    this.#intervalMs = settings.initialMs;
  }

  /**
   * When `expire` is next due, in ms of the injected clock; undefined when nothing is in flight (RFC 3931
   * §4.2).
   */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether nothing is queued or unacknowledged. */
  get isIdle(): boolean {
    return this.#length === 0;
  }

  /** Messages retransmitted so far. */
  get retransmitted(): number {
    return this.#retransmitted;
  }

  /** How often the wait for an acknowledgement was over so far. */
  get timeouts(): number {
    return this.#timeouts;
  }

  /** Whether something waits for its acknowledgement that was transmitted again already. */
  get isInDoubt(): boolean {
    return this.#retransmissions > 0;
  }

  /** Ns of the next new message; an acknowledgement carries it too. */
  get nextNs(): number {
    return this.#nextNs;
  }

  /** Whether a message with this Ns is the next that is expected: no recording of one that was received. */
  isNext(ns: number): boolean {
    return ns === this.#expectedNs;
  }

  /** Messages that the peer acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Unacknowledged messages that may be in flight now: the smaller of congestion window and peer's window.
   */
  get window(): number {
    return this.#window.size;
  }

  /** The threshold between slow start and congestion avoidance (RFC 3931 Appendix A). */
  get slowStartThreshold(): number {
    return this.#window.slowStartThreshold;
  }

  update(settings: DeliverySettings): void {
    this.#settings = settings;
  }

  get peerWindow(): number {
    return this.#window.peers;
  }

  /** The peer's Receive Window Size AVP, 1 or more. */
  setPeerWindow(messages: number): void {
    this.#window.grant(messages);
  }

  /**
   * Queues a message; `flush` transmits it when the window allows. ICRQs have the lowest priority: messages
   * that finish or end a session must not wait behind calls whose sessions do not exist yet, or the peer
   * would time out.
   */
  send(message: ControlMessage, sender?: Sender): void {
    if (message.name === "ICRQ" && sender !== undefined) {
      this.#calls.set(sender, message);
      return;
    }
    const entry = { message, sender };
    if (isStop(entry)) this.#calls.clear();
    this.#unsent.push(entry);
  }

  /** Whether a probe waits for its acknowledgement. */
  get isProbing(): boolean {
    return this.#probe !== undefined;
  }

  isProbe(octets: Uint8Array): boolean {
    return this.isProbing && this.#sent.at(0)?.octets === octets;
  }

  /** Queues a message as a probe; false, with nothing done, unless all else was acknowledged. */
  probe(message: ControlMessage, probe: Probe): boolean {
    if (!this.isIdle) return false;
    this.#probe = probe;
    this.#unsent.push({ message, sender: undefined });
    return true;
  }

  /** Withdraws a queued ICRQ; false when it was transmitted, so that the peer may know of it. */
  withdrawCall(sender: Sender): boolean {
    return this.#calls.delete(sender);
  }

  /** Drops queued messages other than ICRQs: a StopCCN, which also removes those, makes them pointless. */
  dropUnsent(): void {
    this.#unsent.clear();
    if (this.#sent.length === 0) this.#probe = undefined;
  }

  /** Drops everything: the peer closed the connection and only needs acknowledgements. */
  abandon(): void {
    this.#sent.clear();
    this.#unsent.clear();
    this.#calls.clear();
    this.#inFlight = 0;
    this.#deadlineMs = undefined;
    this.#probe = undefined;
  }

  /**
   * Processes Ns and Nr of a message that was verified and decoded. The payload is kept when the verdict is
   * "hold".
   */
  receive(
    ns: number,
    nr: number,
    isAcknowledgement: boolean,
    payload: Payload,
    nowMs: number,
  ): ReceiveVerdict {
    if (!this.#acknowledge(nr, nowMs)) return "beyond-nr";
    if (isAcknowledgement) return "acknowledgement";
    // Old or new is relative to the last Ns received, the one before the expected.
    if (isNsAtOrBefore(nextNs(ns), this.#expectedNs)) {
      this.#acknowledgementOwed = true;
      return "duplicate";
    }
    // Discarding is the one way to slow down a peer that sends requests but acknowledges nothing (RFC 3931
    // §4.2).
    if (this.#length >= limits.queuedMessages) return "backlog";
    if (nsDistance(this.#expectedNs, ns) >= this.#settings.receiveWindowSize) return "ahead-of-window";
    if (ns === this.#expectedNs) {
      this.#heardMs = nowMs;
      this.#advance();
      return "deliver";
    }
    if (this.#held.has(ns)) return "duplicate";
    this.#heardMs = nowMs;
    this.#held.set(ns, payload);
    return "hold";
  }

  /** Takes the next in sequence of the messages on hold; undefined when it has not come. */
  takeHeld(): Payload | undefined {
    const payload = this.#held.get(this.#expectedNs);
    if (payload === undefined) return undefined;
    this.#held.delete(this.#expectedNs);
    this.#advance();
    return payload;
  }

  /**
   * Retransmits everything unacknowledged at the next `flush`: the peer repeats its message and so has not
   * received ours.
   */
  transmitAgain(): void {
    if (this.isProbing) this.#endProbe("withdrawn");
    this.#inFlight = 0;
  }

  /** As `transmitAgain`, with the pauses of a first transmission: the peer is there, by another path. */
  startAgain(): void {
    this.transmitAgain();
    this.#intervalMs = this.#settings.initialMs;
    this.#deadlineMs = undefined;
  }

  /**
   * Postpones the next retransmission to `atMs` at the earliest; once only, or repeated events could silence
   * us.
   */
  postpone(atMs: number): void {
    if (this.#deadlineMs !== undefined && !this.#isPostponed)
      this.#deadlineMs = Math.max(this.#deadlineMs, atMs);
    this.#isPostponed = true;
  }

  /**
   * When the last new message or new acknowledgement came, which a replay can be neither of. In ms of the
   * clock.
   */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /**
   * Cancels a pending acknowledgement. An SCCRQ is acknowledged by the SCCRP: its sender could not verify an
   * ACK (RFC 3931 §4.3).
   */
  waiveAcknowledgement(): void {
    this.#acknowledgementOwed = false;
  }

  /**
   * All messages that may be transmitted now, in order; an acknowledgement last, if one is pending and none
   * of them carries it.
   */
  flush(nowMs: number): Uint8Array[] {
    const transmissions: Uint8Array[] = [];
    this.#makeRoom();
    for (;;) {
      const sent = this.#sent.at(this.#inFlight);
      const entry = sent ?? this.#firstUnsent();
      // A StopCCN does not wait for slow start, or a peer that is silent would never be told; its window
      // holds all the same.
      if (entry === undefined || this.#inFlight >= (isStop(entry) ? this.peerWindow : this.window)) break;
      transmissions.push(sent === undefined ? this.#transmit(entry) : this.#retransmit(sent));
      this.#inFlight += 1;
    }
    if (this.#inFlight > 0) this.#deadlineMs ??= nowMs + (this.#probe?.waitMs ?? this.#intervalMs);
    if (this.#acknowledgementOwed && transmissions.length === 0) {
      // An acknowledgement carries the Ns that the next new message will have (RFC 3931 §4.2).
      transmissions.push(this.#codec.encode(undefined, this.#nextNs, this.#expectedNs));
    }
    this.#acknowledgementOwed = false;
    return transmissions;
  }

  /**
   * Called at or after `deadlineMs`: "retransmit" means that `flush` retransmits, "dead" that the peer is
   * given up. After a lost probe it is "idle": its message goes as if for the first time.
   */
  expire(nowMs: number): "idle" | "retransmit" | "dead" {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return "idle";
    if (this.#probe !== undefined) {
      this.#endProbe("lost");
      return "idle";
    }
    if (this.#retransmissions >= this.#settings.limit) {
      this.#deadlineMs = undefined;
      return "dead";
    }
    this.#retransmissions += 1;
    this.#timeouts += 1;
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.#settings.capMs);
    this.#deadlineMs = nowMs + this.#intervalMs;
    this.#window.shrink();
    this.#inFlight = 0;
    return "retransmit";
  }

  #advance(): void {
    this.#expectedNs = nextNs(this.#expectedNs);
    this.#acknowledgementOwed = true;
  }

  get #length(): number {
    return this.#sent.length + this.#unsent.length + this.#calls.size;
  }

  #firstUnsent(): Unsent | undefined {
    const first = this.#unsent.at(0);
    if (first !== undefined) return first;
    for (const [sender, message] of this.#calls) return { message, sender };
    return undefined;
  }

  /** First transmission of the entry that `#firstUnsent` returned, which gets its Ns only now. */
  #transmit(entry: Unsent): Uint8Array {
    if (this.#unsent.shift() === undefined && entry.sender !== undefined) this.#calls.delete(entry.sender);
    const ns = this.#nextNs;
    this.#nextNs = nextNs(ns);
    const paddedTo = this.#sent.length === 0 ? this.#probe?.paddedTo : undefined;
    const octets = this.#codec.encode(entry.message, ns, this.#expectedNs, paddedTo);
    this.#sent.push({ ...entry, ns, octets });
    return octets;
  }

  /** The message of a probe goes again, without its padding, before one that the window has no room for. */
  #makeRoom(): void {
    const isInTheWay = this.#inFlight > 0 && this.#inFlight >= this.window;
    if (this.#probe !== undefined && isInTheWay && this.#firstUnsent() !== undefined)
      this.#endProbe("withdrawn");
  }

  /** Unless the probe was acknowledged, `flush` transmits its message without the padding. */
  #endProbe(how: "acknowledged" | "lost" | "withdrawn"): void {
    const probe = this.#probe;
    this.#probe = undefined;
    const first = this.#sent.at(0);
    if (how !== "acknowledged" && first !== undefined) {
      first.octets = this.#codec.encode(first.message, first.ns, this.#expectedNs);
      first.isUncounted = true;
      this.#inFlight = 0;
      this.#deadlineMs = undefined;
    }
    probe?.ended(how);
  }

  #retransmit(entry: Sent): Uint8Array {
    entry.octets = this.#codec.renumber(entry.octets, entry.message, this.#expectedNs);
    if (entry.isUncounted !== true) this.#retransmitted += 1;
    entry.isUncounted = false;
    return entry.octets;
  }

  /** Processes an Nr; false when it acknowledges messages that were never sent. */
  #acknowledge(nr: number, nowMs: number): boolean {
    const oldest = this.#sent.at(0)?.ns ?? this.#nextNs;
    const acknowledged = nsDistance(oldest, nr);
    if (acknowledged > this.#sent.length) return isNsAtOrBefore(nr, oldest);
    if (acknowledged === 0) return true;
    this.#heardMs = nowMs;
    if (this.#probe !== undefined) this.#endProbe("acknowledged");
    this.#acknowledged += acknowledged;
    for (let count = 0; count < acknowledged; count += 1) this.#sent.shift()?.sender?.acknowledged();
    this.#inFlight = Math.max(0, this.#inFlight - acknowledged);
    this.#window.grow();
    this.#retransmissions = 0;
    this.#intervalMs = this.#settings.initialMs;
    this.#deadlineMs = this.#inFlight > 0 ? nowMs + this.#intervalMs : undefined;
    return true;
  }
}
