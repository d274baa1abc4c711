import type { Expirable } from "../bytes/timers.ts";
import type { CircuitStatus } from "../wire/avp-table.ts";
import { isCircuitUp } from "../wire/avp-values.ts";
import type { ControlMessage } from "../wire/message.ts";
import { cdnResult } from "../wire/result-codes.ts";
import {
  type ChannelStatus,
  type FragmentLimits,
  type PsnPath,
  pseudowireTypeNumber,
  type SessionParameters,
  sequencingNumber,
  sublayerNumber,
} from "../wire/session-parameters.ts";
import { NO_CHOICES, type PeerChoices, resultCodeAvp } from "./acceptance.ts";
import type { LcceContext } from "./context.ts";
import type { Sender } from "./delivery-messages.ts";
import { agreedFragments, fragmentAvps, isSameFragments } from "./fragments.ts";
import {
  type CallMessage,
  cdnFor,
  type DisconnectingEvent,
  type SessionEvent,
  type SessionMessage,
  sessionChange,
  sessionEventOf,
} from "./session-events.ts";
import { type SessionActions, type SessionState, sessionTable } from "./session-table.ts";
import { limits, type PseudowireSettings } from "./settings.ts";
import { type Actions, performActions, transitionFor } from "./state-table.ts";
import { agreedVccv, vccvAvp } from "./vccv.ts";

/** The pseudowire, as far as its session needs it. */
export interface SessionPseudowire {
  readonly settings: PseudowireSettings;
  readonly localStatus: LocalStatus;
}

/** The condition of our end of a pseudowire, as it is signalled to the peer (RFC 5641 §2). */
export interface LocalStatus {
  /** Whether the attachment circuit is up. */
  readonly active: boolean;
  /** Whether another pseudowire of the same forwarder has the frames of the circuit. */
  readonly standby: boolean;
}

/** The control connection, as far as a session needs it. */
export interface SessionConnection {
  readonly peerName: string;
  readonly path: PsnPath;
  /** When a call of this connection went on last, in ms of the injected clock: those behind it come later. */
  readonly lastProgressMs: number;
  /** Queues a message; `sender` is told when the peer has it. */
  send(message: ControlMessage, sender?: Sender): void;
  /** Takes an ICRQ back; false when it was transmitted already. */
  withdrawCall(sender: Sender): boolean;
  /** The peer's id of the session became known. */
  sessionLearned(session: Session): void;
  sessionEstablished(session: Session): void;
  /** The session is in idle and removed; called once. */
  sessionEnded(session: Session, event: SessionEvent): void;
}

const NO_COOKIE = new Uint8Array(0);

/**
 * Our status as the Circuit Status AVP says it, with A 0 for every fault; the N bit is never set (RFC 5641
 * §3, §4). A session that is down as its control channel says is one that receives nothing.
 */
function circuitStatusOf(
  { active, standby }: LocalStatus,
  channel: ChannelStatus | undefined,
): CircuitStatus {
  const psnReceiveFault = channel?.state === "down";
  return {
    active: active && !psnReceiveFault,
    isNew: false,
    receiveFault: !active,
    transmitFault: !active,
    psnReceiveFault,
    psnTransmitFault: false,
    standby,
  };
}

/** Whether two statuses of ours say the same; A follows from the faults. */
function isSameStatus(one: CircuitStatus, other: CircuitStatus | undefined): boolean {
  return (
    one.receiveFault === other?.receiveFault &&
    one.psnReceiveFault === other.psnReceiveFault &&
    one.standby === other.standby
  );
}

/** One session: an attempt to bring a pseudowire up, and its life while it is (RFC 3931 §7.3). */
export class Session implements Expirable, Sender {
  readonly pseudowire: SessionPseudowire;
  /** We assigned it; the peer puts it in what it sends us. */
  readonly localSessionId: number;
  readonly tieBreaker: Uint8Array;
  readonly #context: LcceContext;
  readonly #connection: SessionConnection;
  readonly #receiveCookie: Uint8Array;
  #state: SessionState = "idle";
  #remoteSessionId = 0;
  #transmitCookie: Uint8Array = NO_COOKIE;
  /** What the peer asked for so far; changed here alone. */
  choices: PeerChoices = NO_CHOICES;
  #remoteStatus: CircuitStatus | undefined;
  /** What its control channel says. */
  #channelStatus: ChannelStatus | undefined;
  /** The status that the peer was told last. */
  #lastSent: CircuitStatus | undefined;
  #establishedMs: number | undefined;

  readonly #actions: Actions<SessionActions> = {
    "send-icrq": () => this.#sendIcrq(),
    "send-icrp": () => this.#sendIcrp(),
    "send-iccn": () =>
      this.#connection.send({ name: "ICCN", avps: { ...this.#ids, circuitStatus: this.#statusToSend() } }),
    "send-cdn": (event) => this.#sendCdn(event),
    "send-sli": () => this.#sendSli(),
    "learn-peer": (event) => this.#learnPeer(event.message, event.kind !== "iccn"),
    "learn-status": ({ status, fragments }) => this.#learnStatus(status, fragments),
    "learn-channel": ({ status }) => {
      this.#channelStatus = status;
    },
    "start-forwarding": () => this.#startForwarding(),
    "clean-up": (event) => this.#cleanUp(event),
    ignore: () => {},
  };

  constructor(
    context: LcceContext,
    connection: SessionConnection,
    pseudowire: SessionPseudowire,
    tieBreaker: Uint8Array,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.pseudowire = pseudowire;
    this.localSessionId = context.sessionIds.allocate();
    this.tieBreaker = tieBreaker;
    this.#receiveCookie = context.random.octets(pseudowire.settings.cookieOctets);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The peer assigned it; 0 while unknown. */
  get remoteSessionId(): number {
    return this.#remoteSessionId;
  }

  get remoteStatus(): CircuitStatus | undefined {
    return this.#remoteStatus;
  }

  /** What a protocol on its control channel says of it; undefined as long as none says anything. */
  get channelStatus(): ChannelStatus | undefined {
    return this.#channelStatus;
  }

  get establishedMs(): number | undefined {
    return this.#establishedMs;
  }

  /** Whether the peer's operator closes a session that was up for a while, usually to replace it. */
  isReplacedBy(event: SessionEvent): boolean {
    if (event.kind !== "cdn" || event.result?.resultCode !== cdnResult.administrative) return false;
    return this.#wasSteady;
  }

  /**
   * Whether it was up for a while until this event, and both ends could forward. One that was only
   * established is no success: the next would fail as soon.
   */
  hasServedUntil(event: SessionEvent): boolean {
    const isUnable =
      event.kind === "forwarding-failed" ||
      (event.kind === "cdn" && event.result?.resultCode === cdnResult.noFacilities);
    return this.#wasSteady && !isUnable;
  }

  /** What both ends agreed on so far. */
  get parameters(): SessionParameters {
    const { settings } = this.pseudowire;
    return {
      pseudowire: settings.name,
      path: this.#connection.path,
      pseudowireType: settings.type,
      localSessionId: this.localSessionId,
      remoteSessionId: this.#remoteSessionId,
      receiveCookie: this.#receiveCookie,
      transmitCookie: this.#transmitCookie,
      receiveSublayer: settings.sublayer,
      transmitSublayer: this.choices.sublayer,
      receiveSequencing: settings.sequencing,
      transmitSequencing: this.choices.sequencing,
      transmitAllowed: this.#transmitAllowed,
      remoteCircuitActive: this.#remoteCircuitActive,
      receiveAllowed: this.#receiveAllowed,
      ...agreedFragments(settings, this.choices),
      ...agreedVccv(settings, this.choices),
    };
  }

  /** Takes in an ICRQ that was found acceptable. */
  accept(icrq: CallMessage): void {
    this.#learnId(icrq.avps.localSessionId);
    this.apply({ kind: "icrq", message: icrq });
  }

  /** Takes in a message of the peer for this session. */
  receive(received: SessionMessage): void {
    this.#learnId(received.message.avps.localSessionId);
    this.apply(sessionEventOf(received, this.choices));
  }

  /** Applies one event: the only way a session changes. */
  apply(event: SessionEvent): void {
    const from = this.#state;
    const transition = transitionFor(sessionTable, from, event.kind);
    this.#state = transition.to;
    performActions(this.#actions, transition, event);
    if (from !== transition.to) this.#report(from, event, transition.to);
  }

  /**
   * Our ICRQ or ICRP is with the peer: the wait for its answer begins, and not while it waited for the
   * window.
   */
  acknowledged(): void {
    if (this.#isWaiting) this.#context.timers.set(this, this.#context.nowMs + limits.establishMs);
  }

  expire(nowMs: number): void {
    if (!this.#isWaiting) return;
    // Delivery is in order: while other calls go on, the answer to this one may be queued behind theirs.
    const dueMs = this.#connection.lastProgressMs + limits.establishMs;
    if (dueMs > nowMs) return this.#context.timers.set(this, dueMs);
    this.apply({ kind: "timeout", why: "the peer acknowledged but did not answer" });
  }

  /** The path is another: counters, sequence numbers, cookies and ids stay. */
  pathChanged(): void {
    if (this.#state === "established")
      this.#context.emit({ kind: "forwarding-update", session: this.parameters });
  }

  /** Ends a call that the peer never heard of, without a CDN; false when the ICRQ was transmitted already. */
  withdrawUnsent(): boolean {
    if (this.#state !== "wait-reply" || !this.#connection.withdrawCall(this)) return false;
    this.apply({ kind: "icrq-lost", why: "the peer called first" });
    return true;
  }

  get #wasSteady(): boolean {
    const { nowMs } = this.#context;
    return this.#establishedMs !== undefined && nowMs - this.#establishedMs >= limits.steadySessionMs;
  }

  get #isWaiting(): boolean {
    return this.#state === "wait-reply" || this.#state === "wait-connect";
  }

  get #transmitAllowed(): boolean {
    return this.#remoteCircuitActive && this.#receiveAllowed;
  }

  /** Until the peer says otherwise, its circuit is up; an A bit beside a fault says nothing (RFC 5641 §3). */
  get #remoteCircuitActive(): boolean {
    return this.#remoteStatus === undefined || isCircuitUp(this.#remoteStatus);
  }

  get #receiveAllowed(): boolean {
    return this.#remoteStatus?.standby !== true;
  }

  /** Cookies are assigned by ICRQ and ICRP alone (RFC 3931 §5.4.4, Assigned Cookie). */
  #learnPeer({ avps, choices }: CallMessage, assignsCookie: boolean): void {
    const { assignedCookie, circuitStatus } = avps;
    if (assignedCookie !== undefined && assignsCookie) this.#transmitCookie = assignedCookie.slice();
    this.choices = choices;
    if (circuitStatus !== undefined) this.#remoteStatus = circuitStatus;
  }

  /** The first Local Session ID of the peer: whatever we say from now on names it (RFC 3931 §5.4.4). */
  #learnId(localSessionId: number | undefined): void {
    if (this.#remoteSessionId !== 0 || !localSessionId) return;
    this.#remoteSessionId = localSessionId;
    this.#connection.sessionLearned(this);
  }

  #learnStatus(status: CircuitStatus | undefined, fragments: FragmentLimits | undefined): void {
    const before = [this.#remoteCircuitActive, this.#receiveAllowed];
    const { fragments: known } = this.choices;
    if (status !== undefined) this.#remoteStatus = status;
    this.choices = { ...this.choices, fragments };
    const isSame =
      this.#remoteCircuitActive === before[0] &&
      this.#receiveAllowed === before[1] &&
      isSameFragments(known, fragments);
    if (this.#state === "established" && !isSame) {
      this.#context.emit({ kind: "forwarding-update", session: this.parameters });
    }
  }

  #startForwarding(): void {
    this.#establishedMs = this.#context.nowMs;
    this.#context.timers.set(this, undefined);
    // First, so that it takes over from one of a former connection before that goes.
    this.#context.emit({ kind: "forwarding-add", session: this.parameters });
    this.#connection.sessionEstablished(this);
  }

  #cleanUp(event: SessionEvent): void {
    if (this.#establishedMs !== undefined) {
      const { localSessionId } = this;
      this.#context.emit({
        kind: "forwarding-remove",
        localSessionId,
        pseudowire: this.pseudowire.settings.name,
      });
    }
    this.#context.timers.set(this, undefined);
    this.#context.sessionIds.release(this.localSessionId);
    this.#connection.sessionEnded(this, event);
  }

  #sendIcrq(): void {
    const { settings } = this.pseudowire;
    const avps = {
      ...this.#ids,
      serialNumber: this.#context.nextSerialNumber(),
      pseudowireType: pseudowireTypeNumber[settings.type],
      remoteEndId: settings.remoteEndId,
      circuitStatus: this.#statusToSend(),
      tieBreaker: this.tieBreaker,
      ...this.#requestedAvps(),
    };
    this.#connection.send({ name: "ICRQ", avps }, this);
  }

  #sendIcrp(): void {
    const avps = { ...this.#ids, circuitStatus: this.#statusToSend(), ...this.#requestedAvps() };
    this.#connection.send({ name: "ICRP", avps }, this);
  }

  /** The ids in front of the other AVPs of every message of the session. */
  get #ids(): { readonly localSessionId: number; readonly remoteSessionId: number } {
    return { localSessionId: this.localSessionId, remoteSessionId: this.#remoteSessionId };
  }

  /** AVPs that request the format of data to us, without those for "none", which some peers do not know. */
  #requestedAvps(): Pick<
    ControlMessage<"ICRP">["avps"],
    "assignedCookie" | "l2SpecificSublayer" | "dataSequencing" | "mru" | "mrru" | "vccvCapability"
  > {
    const { sublayer, sequencing, cookieOctets } = this.pseudowire.settings;
    return {
      ...(cookieOctets === 0 ? {} : { assignedCookie: this.#receiveCookie }),
      ...(sublayer === "none" ? {} : { l2SpecificSublayer: sublayerNumber[sublayer] }),
      ...(sequencing === "none" ? {} : { dataSequencing: sequencingNumber[sequencing] }),
      ...fragmentAvps(this.pseudowire.settings),
      ...vccvAvp(this.pseudowire.settings),
    };
  }

  /** No CDN is sent for a call that was never transmitted: the peer knows no session of it. */
  #sendCdn(event: DisconnectingEvent): void {
    if (this.#connection.withdrawCall(this)) return;
    this.#connection.send({ name: "CDN", avps: { ...this.#ids, resultCode: resultCodeAvp(cdnFor(event)) } });
  }

  #sendSli(): void {
    if (isSameStatus(circuitStatusOf(this.pseudowire.localStatus, this.#channelStatus), this.#lastSent))
      return;
    this.#connection.send({ name: "SLI", avps: { ...this.#ids, circuitStatus: this.#statusToSend() } });
  }

  #statusToSend(): CircuitStatus {
    this.#lastSent = circuitStatusOf(this.pseudowire.localStatus, this.#channelStatus);
    return this.#lastSent;
  }

  #report(from: SessionState, event: SessionEvent, to: SessionState): void {
    const { localSessionId } = this;
    const names = { peer: this.#connection.peerName, pseudowire: this.pseudowire.settings.name };
    this.#context.emit({
      kind: "report",
      event: sessionChange({ ...names, localSessionId }, from, event, to),
    });
  }
}
