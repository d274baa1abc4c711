import type { AvpValues, CircuitStatus } from "../wire/avp-table.ts";
import type { ControlMessage, MessageName, MessageProblem } from "../wire/message.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import {
  cdnResult,
  NO_CHOICES,
  type PeerChoices,
  pseudowireTypeNumber,
  type Refusal,
  readChoices,
  refusalOf,
  sequencingNumber,
  sublayerNumber,
} from "./acceptance.ts";
import type { Context } from "./context.ts";
import type { Sender } from "./delivery.ts";
import { describeCdn } from "./describe.ts";
import type { Pseudowire } from "./pseudowire.ts";
import { type SessionAction, type SessionEvent, type SessionState, sessionTable } from "./session-table.ts";
import { limits } from "./settings.ts";
import { transitionFor } from "./state-table.ts";
import type { Expirable } from "./timers.ts";

/** The control connection, as far as a session needs it. */
export interface SessionTransport {
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
  /** The session is in idle and gone; called once. */
  sessionEnded(session: Session, cause: SessionEvent, why: string): void;
}

const NO_COOKIE = new Uint8Array(0);

/** Result code of the CDN that a locally decided end sends (RFC 3931 §5.4.2). */
const resultOfCause: Readonly<Partial<Record<SessionEvent, number>>> = {
  close: cdnResult.administrative,
  "forwarding-failed": cdnResult.noFacilities,
};

/** Our circuit's condition as the Circuit Status AVP says it; the N bit is never set (RFC 5641 §3, §4). */
export function circuitStatusOf(active: boolean): CircuitStatus {
  return {
    active,
    isNew: false,
    receiveFault: !active,
    transmitFault: !active,
    psnReceiveFault: false,
    psnTransmitFault: false,
    standby: false,
  };
}

/** One session: an attempt to bring a pseudowire up, and its life while it is (RFC 3931 §7.3). */
export class Session implements Expirable, Sender {
  readonly pseudowire: Pseudowire;
  /** We assigned it; the peer puts it in what it sends us. */
  readonly localSessionId: number;
  readonly tieBreaker: Uint8Array;
  readonly #context: Context;
  readonly #transport: SessionTransport;
  readonly #receiveCookie: Uint8Array;
  #state: SessionState = "idle";
  #remoteSessionId = 0;
  #transmitCookie: Uint8Array = NO_COOKIE;
  #choices: PeerChoices = NO_CHOICES;
  #remoteStatus: CircuitStatus | undefined;
  /** The circuit condition the peer was told last. */
  #lastSentActive: boolean | undefined;
  #establishedMs: number | undefined;
  #avps: AvpValues = {};
  #refusal: Refusal | undefined;
  #cause: SessionEvent = "open";

  readonly #actions: Readonly<Record<SessionAction, () => void>> = {
    "send-icrq": () => this.#sendIcrq(),
    "send-icrp": () => this.#sendIcrp(),
    "send-iccn": () => this.#send("ICCN", { circuitStatus: this.#statusToSend() }),
    "send-cdn": () => this.#sendCdn(),
    "send-sli": () => this.#sendSli(),
    "learn-peer": () => this.#learnPeer(),
    "learn-status": () => this.#learnStatus(),
    "start-forwarding": () => this.#startForwarding(),
    "clean-up": () => this.#cleanUp(),
    ignore: () => {},
  };

  constructor(context: Context, carrier: SessionTransport, pseudowire: Pseudowire, tieBreaker: Uint8Array) {
    this.#context = context;
    this.#transport = carrier;
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

  get establishedMs(): number | undefined {
    return this.#establishedMs;
  }

  /**
   * Whether the peer's operator closed it after it had stood for a while: most often to put another in its
   * place.
   */
  get wasReplaced(): boolean {
    const { resultCode } = this.#avps;
    if (this.#cause !== "cdn" || resultCode?.resultCode !== cdnResult.administrative) return false;
    return (
      this.#establishedMs !== undefined && this.#context.nowMs - this.#establishedMs >= limits.steadySessionMs
    );
  }

  /** What both ends agreed on so far. */
  get parameters(): SessionParameters {
    const { settings } = this.pseudowire;
    return {
      pseudowire: settings.name,
      path: this.#transport.path,
      pseudowireType: settings.type,
      localSessionId: this.localSessionId,
      remoteSessionId: this.#remoteSessionId,
      receiveCookie: this.#receiveCookie,
      transmitCookie: this.#transmitCookie,
      receiveSublayer: settings.sublayer,
      transmitSublayer: this.#choices.sublayer,
      receiveSequencing: settings.sequencing,
      transmitSequencing: this.#choices.sequencing,
      transmitAllowed: this.#transmitAllowed,
      receiveAllowed: this.#receiveAllowed,
    };
  }

  /** Takes in a session message of the peer for this session; an ICRQ was judged acceptable before. */
  receive(name: MessageName, avps: AvpValues, problem: MessageProblem | undefined): void {
    this.#avps = avps;
    this.#refusal = problem === undefined ? undefined : refusalOf(problem);
    this.#learnId(avps.localSessionId);
    switch (name) {
      case "ICRQ":
        return this.apply("icrq");
      case "ICRP":
        if (!avps.localSessionId)
          this.#refusal ??= { resultCode: 2, errorCode: 3, text: "Local Session ID is 0" };
        this.#refusal ??= this.#checkChoices(NO_CHOICES);
        return this.apply(this.#refusal === undefined ? "icrp" : "icrp-bad");
      case "ICCN":
        this.#refusal ??= this.#checkChoices(this.#choices);
        return this.apply(this.#refusal === undefined ? "iccn" : "iccn-bad");
      case "CDN":
        return this.apply("cdn");
      case "SLI":
        return this.apply(this.#refusal === undefined ? "sli" : "sli-bad");
      case "WEN":
        return this.apply(this.#refusal === undefined ? "wen" : "wen-bad");
      default:
        this.#refusal ??= { resultCode: cdnResult.stateMachine, text: `${name} for an incoming call` };
        return this.apply("outgoing");
    }
  }

  /** Applies one event: the only way a session changes. `why` is for people. */
  apply(event: SessionEvent, why?: string): void {
    const from = this.#state;
    const row = transitionFor(sessionTable, from, event);
    this.#cause = event;
    if (why !== undefined)
      this.#refusal ??= { resultCode: resultOfCause[event] ?? cdnResult.stateMachine, text: why };
    this.#state = row.to;
    for (const action of row.actions) this.#actions[action]();
    if (from !== row.to) this.#report(from, event, row.to);
    this.#refusal = undefined;
    this.#avps = {};
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
    const dueMs = this.#transport.lastProgressMs + limits.establishMs;
    if (dueMs > nowMs) return this.#context.timers.set(this, dueMs);
    this.apply("timeout", "the peer acknowledged but did not answer");
  }

  /** Ends a call that the peer never heard of, without a CDN; false when the ICRQ was transmitted already. */
  withdrawUnsent(): boolean {
    if (this.#state !== "wait-reply" || !this.#transport.withdrawCall(this)) return false;
    this.apply("icrq-lost", "the peer called first");
    return true;
  }

  get #isWaiting(): boolean {
    return this.#state === "wait-reply" || this.#state === "wait-connect";
  }

  get #transmitAllowed(): boolean {
    return this.#remoteStatus === undefined || (this.#remoteStatus.active && !this.#remoteStatus.standby);
  }

  get #receiveAllowed(): boolean {
    return this.#remoteStatus?.standby !== true;
  }

  #checkChoices(before: PeerChoices): Refusal | undefined {
    const choices = readChoices(this.#avps, before);
    return "text" in choices ? choices : undefined;
  }

  #learnPeer(): void {
    const { localSessionId, assignedCookie } = this.#avps;
    this.#learnId(localSessionId);
    // Cookies are assigned by ICRQ and ICRP alone (RFC 3931 §5.4.4, Assigned Cookie).
    if (assignedCookie !== undefined && this.#cause !== "iccn") this.#transmitCookie = assignedCookie.slice();
    const choices = readChoices(this.#avps, this.#choices);
    if (!("text" in choices)) this.#choices = choices;
    if (this.#avps.circuitStatus !== undefined) this.#remoteStatus = this.#avps.circuitStatus;
  }

  /** The first Local Session ID of the peer: whatever we say from now on names it (RFC 3931 §5.4.4). */
  #learnId(localSessionId: number | undefined): void {
    if (this.#remoteSessionId !== 0 || !localSessionId) return;
    this.#remoteSessionId = localSessionId;
    this.#transport.sessionLearned(this);
  }

  #learnStatus(): void {
    const before = [this.#transmitAllowed, this.#receiveAllowed];
    if (this.#avps.circuitStatus === undefined) return;
    this.#remoteStatus = this.#avps.circuitStatus;
    const isSame = this.#transmitAllowed === before[0] && this.#receiveAllowed === before[1];
    if (this.#state === "established" && !isSame) {
      this.#context.emit({ kind: "forwarding-update", session: this.parameters });
    }
  }

  #startForwarding(): void {
    this.#establishedMs = this.#context.nowMs;
    this.#context.timers.set(this, undefined);
    this.pseudowire.established();
    this.#transport.sessionEstablished(this);
    this.#context.emit({ kind: "forwarding-add", session: this.parameters });
  }

  #cleanUp(): void {
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
    this.#transport.sessionEnded(this, this.#cause, this.#why());
  }

  #sendIcrq(): void {
    const { settings } = this.pseudowire;
    const avps = {
      serialNumber: this.#context.nextSerialNumber(),
      pseudowireType: pseudowireTypeNumber[settings.type],
      remoteEndId: settings.remoteEndId,
      circuitStatus: this.#statusToSend(),
      tieBreaker: this.tieBreaker,
      ...this.#requestedAvps(),
    };
    this.#transport.send(this.#message("ICRQ", avps), this);
  }

  #sendIcrp(): void {
    const avps = { circuitStatus: this.#statusToSend(), ...this.#requestedAvps() };
    this.#transport.send(this.#message("ICRP", avps), this);
  }

  /**
   * What we want to receive; AVPs that ask for nothing are left out, as some peers know only those they need.
   */
  #requestedAvps(): AvpValues {
    const { sublayer, sequencing, cookieOctets } = this.pseudowire.settings;
    return {
      ...(cookieOctets === 0 ? {} : { assignedCookie: this.#receiveCookie }),
      ...(sublayer === "none" ? {} : { l2SpecificSublayer: sublayerNumber[sublayer] }),
      ...(sequencing === "none" ? {} : { dataSequencing: sequencingNumber[sequencing] }),
    };
  }

  /**
   * Nothing is said of a call that was never transmitted: the CDN would be for a session nobody knows, and
   * the ICRQ would follow it.
   */
  #sendCdn(): void {
    if (this.#transport.withdrawCall(this)) return;
    const refusal = this.#refusal ?? {
      resultCode: resultOfCause[this.#cause] ?? cdnResult.stateMachine,
      text: "",
    };
    this.#send("CDN", { resultCode: resultCodeAvp(refusal) });
  }

  #sendSli(): void {
    if (this.#lastSentActive === this.pseudowire.circuitActive) return;
    this.#send("SLI", { circuitStatus: this.#statusToSend() });
  }

  #statusToSend(): CircuitStatus {
    this.#lastSentActive = this.pseudowire.circuitActive;
    return circuitStatusOf(this.#lastSentActive);
  }

  #send(name: MessageName, avps: AvpValues): void {
    this.#transport.send(this.#message(name, avps));
  }

  #message(name: MessageName, avps: AvpValues): ControlMessage {
    const { localSessionId } = this;
    return { name, avps: { localSessionId, remoteSessionId: this.#remoteSessionId, ...avps } };
  }

  /** Why the session ended, for people. */
  #why(): string {
    const result = this.#cause === "cdn" ? this.#avps.resultCode : undefined;
    if (result !== undefined) return describeCdn(result);
    return this.#refusal?.text ?? this.#cause;
  }

  #report(from: SessionState, cause: SessionEvent, to: SessionState): void {
    this.#context.emit({
      kind: "report",
      event: {
        event: "session",
        peer: this.#transport.peerName,
        pseudowire: this.pseudowire.settings.name,
        localSessionId: this.localSessionId,
        from,
        cause,
        to,
        ...(to === "idle" ? { detail: this.#why() } : {}),
      },
    });
  }
}

/**
 * Value of the Result Code AVP for a refusal; words need an error code in front of them (RFC 3931 §5.4.2).
 */
export function resultCodeAvp(refusal: Refusal): NonNullable<AvpValues["resultCode"]> {
  const { resultCode, errorCode = 0, text } = refusal;
  if (text !== "") return { resultCode, errorCode, errorMessage: text };
  return errorCode === 0 ? { resultCode } : { resultCode, errorCode };
}
