import type { AvpValues } from "../wire/avp-table.ts";
import {
  type ControlMessage,
  type DecodedControlMessage,
  isAcknowledgement,
  type MessageName,
  type MessageProblem,
} from "../wire/message.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { checkStart, isSccrq, type Refusal, refusalOf, stateMachine, stopResult } from "./acceptance.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import { ConnectionPath } from "./connection-path.ts";
import { type Context, earliest, type Flushable } from "./context.ts";
import {
  type ControlConnectionAction,
  type ControlConnectionEvent,
  type ControlConnectionState,
  controlConnectionTable,
  isSettingUp,
} from "./control-connection-table.ts";
import { Delivery, type ReceiveVerdict, type Sender } from "./delivery.ts";
import { describeStop } from "./describe.ts";
import { Liveness } from "./liveness.ts";
import { MessageProtection } from "./message-protection.ts";
import { introductionOf, type PeerIdentity, readIdentity, shortenedUntil } from "./peer-identity.ts";
import { resultCodeAvp } from "./session.ts";
import { SessionSet } from "./session-set.ts";
import { limits } from "./settings.ts";
import { transitionFor } from "./state-table.ts";
import type { Expirable } from "./timers.ts";

/** One control connection: its state machine over reliable delivery, its authentication and its sessions (RFC 3931 §7.2). */
export class ControlConnection implements Expirable, Flushable, Sender {
  readonly localControlConnectionId: number;
  readonly tieBreaker: Uint8Array;
  readonly sessions: SessionSet;
  readonly peerPath: ConnectionPath;
  readonly #context: Context;
  readonly #owner: ConnectionOwner;
  readonly #protection: MessageProtection;
  readonly #delivery: Delivery<DecodedControlMessage>;
  readonly #liveness: Liveness;
  #state: ControlConnectionState = "idle";
  #identity: PeerIdentity | undefined;
  #establishedMs: number | undefined;
  #setupDeadlineMs: number | undefined;
  /** Set once all that is left to do is to acknowledge the peer's StopCCN, should it come again. */
  lingerUntilMs: number | undefined;
  /** The SCCRQ that the connection began with, if it was the peer's. */
  sccrq: AvpValues | undefined;
  isGone = false;
  /** Established at both ends: the peer's SCCCN came, or ours was acknowledged. */
  isReady = false;
  #isInitiator = false;
  #sent = 0;
  #received = 0;
  #cause: ControlConnectionEvent = "open";
  /** For the StopCCN that the event at hand may send. */
  #refusal: Refusal = stateMachine("");
  #why = "";
  #message: { name: MessageName; avps: AvpValues; problem: MessageProblem | undefined } | undefined;

  readonly #actions: Readonly<Record<ControlConnectionAction, () => void>> = {
    "send-sccrq": () =>
      this.send({ name: "SCCRQ", avps: { ...this.#introduction(), tieBreaker: this.tieBreaker } }, this),
    "send-sccrp": () => {
      const fits = (avps: AvpValues) =>
        this.peerPath.allows(this.#protection.encode({ name: "SCCRP", avps }, 0, 1).length);
      this.send({ name: "SCCRP", avps: shortenedUntil(fits, this.#introduction()) }, this);
    },
    "send-scccn": () => this.send({ name: "SCCCN", avps: {} }),
    "send-stopccn": () => this.#sendStopCcn(),
    "open-sessions": () => {
      this.#setupDeadlineMs = undefined;
      this.#establishedMs = this.#context.nowMs;
    },
    "clean-up": () => this.sessions.connectionLost(),
    forget: () => this.forget(),
    linger: () => {
      this.#delivery.abandon();
      this.lingerUntilMs ??= this.#context.nowMs + limits.lingerMs;
    },
    "deliver-to-session": () => {
      const message = this.#message;
      if (message !== undefined) this.sessions.receive(message.name, message.avps, message.problem);
    },
    yield: () => this.#delivery.postpone(this.#context.nowMs + limits.tieLostMs),
    ignore: () => {},
  };

  constructor(context: Context, owner: ConnectionOwner, path: PsnPath) {
    const { settings } = owner;
    this.#context = context;
    this.#owner = owner;
    this.peerPath = new ConnectionPath(settings.path, path, settings.authentication.mode === "digest");
    this.localControlConnectionId = context.controlConnectionIds.allocate();
    this.tieBreaker = context.random.octets(8);
    this.#protection = new MessageProtection(settings.authentication, context.random);
    this.#delivery = new Delivery(this.#protection, settings.delivery);
    this.#liveness = new Liveness(context.random, context.nowMs, settings.authentication.mode === "digest");
    this.sessions = new SessionSet(context, owner.directory, this, this.#delivery);
  }

  get state(): ControlConnectionState {
    return this.#state;
  }

  get path(): PsnPath {
    return this.peerPath.path;
  }

  get peerName(): string {
    return this.#owner.settings.name;
  }
  get remoteControlConnectionId(): number {
    return this.#protection.remoteControlConnectionId;
  }

  get identity(): PeerIdentity | undefined {
    return this.#identity;
  }

  get establishedMs(): number | undefined {
    return this.#establishedMs;
  }

  /** Whether the connection began with our SCCRQ. */
  get isInitiator(): boolean {
    return this.#isInitiator;
  }

  /** Whether our SCCRQ was sent at least twice, and not even acknowledged. */
  get isUnanswered(): boolean {
    return this.#state === "wait-ctl-reply" && this.#received === 0 && this.#delivery.retransmitted > 0;
  }

  get counters(): { readonly sent: number; readonly received: number; readonly retransmitted: number } {
    return { sent: this.#sent, received: this.#received, retransmitted: this.#delivery.retransmitted };
  }

  /** Starts as initiator: SCCRQ. */
  open(): void {
    this.#isInitiator = true;
    this.peerPath.begin();
    this.#apply("open");
  }

  /** Starts as responder of an SCCRQ of so many octets that was verified and judged acceptable. */
  accept(sccrq: DecodedControlMessage & { kind: "message" }, octets: number): void {
    this.#received += 1;
    this.peerPath.received(this.path, octets, false);
    this.sccrq = sccrq.message.avps;
    this.#delivery.receive(sccrq.header.ns, 0, false, sccrq, this.#context.nowMs);
    this.#learnPeer(sccrq.message.avps, sccrq.ignored);
    this.#apply("sccrq");
  }

  /** Ends it from our side; `why` is for people. */
  end(
    event: "close" | "retire" | "tie-lost" | "tie-equal",
    why: string,
    resultCode: number = stopResult.requested,
  ): void {
    if (event === "close" && this.#state === "established") {
      this.#delivery.dropUnsent();
      this.sessions.disconnectSessions();
    }
    this.#refuse(event, { resultCode, text: why });
  }

  /** The same peer has other timers and limits now. */
  settingsChanged(): void {
    this.#delivery.update(this.#owner.settings.delivery);
    this.#context.markDirty(this);
  }

  /** Data of a session came in: the peer lives (RFC 3931 §4.4). */
  dataReceived(): void {
    this.#liveness.heardData(this.#context.nowMs);
    this.#context.markDirty(this);
  }

  /** The peer seems to know nothing of the connection: a HELLO shows whether that is true, and nobody is believed before. */
  probe(): void {
    if (!this.#liveness.probe(this.#context.nowMs)) return;
    if (this.#delivery.isIdle) this.send({ name: "HELLO", avps: {} });
    this.#context.markDirty(this);
  }

  /** Keeps nothing of it, not even delivery. */
  forget(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#context.timers.set(this, undefined);
    this.#context.controlConnectionIds.release(this.localControlConnectionId);
    this.#owner.connectionGone(this);
  }

  /** Queues a message; it leaves when the input at hand was handled and the window allows. */
  send(message: ControlMessage, sender?: Sender): void {
    this.#delivery.send(message, sender);
    this.#context.markDirty(this);
  }

  /** Our SCCRQ or SCCRP is with the peer: the wait for its answer begins. */
  acknowledged(): void {
    if (isSettingUp(this.#state)) this.#setupDeadlineMs = this.#context.nowMs + limits.establishMs;
  }

  /** Takes in a control message whose header names this connection (or that found it by its Assigned CCID). */
  receive(octets: Uint8Array, path: PsnPath): void {
    const opened = this.#protection.open(octets, this.#state !== "established");
    const { verdict } = opened;
    if (verdict !== "ok") {
      if (verdict !== "malformed") this.#owner.noteFailure(verdict, path);
      return this.#context.discard(verdict, path);
    }
    const { decoded } = opened;
    // Verified and read: only now may anything in it change our state (RFC 3931 §5.4.1).
    this.#received += 1;
    this.peerPath.received(path, octets.length, decoded.header.controlConnectionId !== 0);
    this.#context.markDirty(this);
    const order = this.#order(decoded);
    this.#liveness.heard(this.#delivery.heardMs);
    this.#updateReadiness();
    if (order === "acknowledgement" || order === "hold") return;
    if (order !== "deliver") return this.#context.discard(order, path);
    this.#process(decoded, path);
    for (let held = this.#delivery.takeHeld(); held !== undefined; held = this.#delivery.takeHeld()) {
      this.#process(held, path);
    }
  }

  expire(nowMs: number): void {
    this.#context.markDirty(this);
    if (this.lingerUntilMs !== undefined && nowMs >= this.lingerUntilMs) return this.forget();
    if (this.#setupDeadlineMs !== undefined && nowMs >= this.#setupDeadlineMs) this.#giveUpSetUp();
    const isSilent = nowMs >= (this.#lostDueMs() ?? Infinity);
    const expired = this.#delivery.expire(nowMs);
    if (expired === "retransmit") this.peerPath.alternate();
    if (isSilent || expired === "dead") this.#applyWhy("lost", this.#owner.silenceReason);
    if (nowMs >= (this.#helloDueMs() ?? Infinity)) this.send({ name: "HELLO", avps: {} });
  }

  /** No SCCRP or SCCCN came. Beside a connection that is up nothing is said of it: a peer with one id would take it for the other's end. */
  #giveUpSetUp(): void {
    const why = "the peer acknowledged but did not answer";
    this.#setupDeadlineMs = undefined;
    if (this.#owner.isConnected) this.end("retire", why);
    else this.#refuse("timeout", stateMachine(why));
  }

  flush(): void {
    if (this.isGone) return;
    for (const octets of this.#delivery.flush(this.#context.nowMs)) {
      if (!this.peerPath.spend(octets.length)) continue;
      this.#sent += 1;
      this.#context.emit({ kind: "transmit", path: this.path, octets });
    }
    this.#liveness.waiting(!this.#delivery.isIdle, this.#context.nowMs, this.#delivery.retransmitted);
    const stopDelivered = this.#state === "idle" && this.lingerUntilMs === undefined && this.#delivery.isIdle;
    if (stopDelivered) return this.forget();
    const waits = earliest(this.#setupDeadlineMs, this.lingerUntilMs, this.#delivery.deadlineMs);
    this.#context.timers.set(this, earliest(waits, this.#lostDueMs(), this.#helloDueMs()));
  }

  #lostDueMs(): number | undefined {
    return this.#liveness.lostDueMs(this.#owner.settings.delivery.silenceMs ?? 0);
  }

  #helloDueMs(): number | undefined {
    if (this.#state !== "established") return undefined;
    return this.#liveness.helloDueMs(this.#owner.settings.helloIntervalMs);
  }

  #order(decoded: DecodedControlMessage): ReceiveVerdict {
    const { ns } = decoded.header;
    const nr = isSccrq(decoded) ? 0 : decoded.header.nr;
    const { acknowledged } = this.#delivery;
    const order = this.#delivery.receive(ns, nr, isAcknowledgement(decoded), decoded, this.#context.nowMs);
    if (this.#state === "established" && this.#delivery.acknowledged > acknowledged) this.peerPath.pin();
    // A repeated SCCRQ is answered by the SCCRP alone: its sender could not verify an ACK without our nonce (RFC 3931 §4.3), and
    // once it had an acknowledgement it would not give us again what the SCCRP's octets are measured by.
    const lacksSccrp = this.#state === "wait-ctl-conn" && !this.peerPath.isValidated;
    if (isSccrq(decoded) && lacksSccrp) {
      this.#delivery.waiveAcknowledgement();
      this.#delivery.transmitAgain();
    }
    return order;
  }

  #process(decoded: DecodedControlMessage, path: PsnPath): void {
    if (decoded.kind === "zlb") return;
    if (decoded.kind === "unknown-type") {
      if (!decoded.mandatory) return this.#context.discard("unknown-message", path);
      const text = `message type ${decoded.messageType} is unknown here`;
      return this.#refuse("unknown-mandatory", { resultCode: stopResult.generalError, errorCode: 8, text });
    }
    this.#dispatch(decoded);
  }

  #dispatch(decoded: DecodedControlMessage & { kind: "message" }): void {
    const { problem, message } = decoded;
    const { name, avps } = message;
    switch (name) {
      case "SCCRQ":
        return this.#refuse("sccrq", stateMachine("SCCRQ on a connection in use"));
      case "SCCRP": {
        const refusal =
          this.#state === "wait-ctl-reply" ? checkStart(avps, problem, this.#owner.settings) : undefined;
        // Even when we closed meanwhile: from now on the header names the peer's id (RFC 3931 §5.4.3).
        if (this.#protection.remoteControlConnectionId === 0) this.#learnPeer(avps, decoded.ignored);
        if (refusal !== undefined) return this.#refuse("sccrp-bad", refusal);
        return this.#refuse("sccrp", stateMachine("SCCRP out of state"));
      }
      case "SCCCN":
        if (problem !== undefined) return this.#refuse("scccn-bad", refusalOf(problem));
        return this.#refuse("scccn", stateMachine("SCCCN out of state"));
      case "StopCCN":
        // A peer that refuses our SCCRQ tells its id here if anywhere; without it no acknowledgement finds it (RFC 3931 §5.4.3).
        this.#protection.remoteControlConnectionId ||= avps.assignedControlConnectionId ?? 0;
        if (this.#protection.remoteControlConnectionId === 0) this.#delivery.waiveAcknowledgement();
        return this.#applyWhy("stopccn", describeStop(avps.resultCode));
      case "HELLO":
        if (problem !== undefined) return this.#refuse("hello-bad", refusalOf(problem));
        return this.#refuse("hello", stateMachine("HELLO out of state"));
      default:
        this.#message = { name, avps, problem };
        return this.#refuse("session-message", stateMachine(`${name} before the connection is established`));
    }
  }

  /** Applies an event together with the answer to give should its row send a StopCCN. */
  #refuse(event: ControlConnectionEvent, refusal: Refusal): void {
    this.#refusal = refusal;
    this.#applyWhy(event, refusal.text);
  }

  #applyWhy(event: ControlConnectionEvent, why: string): void {
    this.#why = why;
    this.#apply(event);
  }

  /** Applies one event: the only way a connection changes its state. */
  #apply(event: ControlConnectionEvent): void {
    const from = this.#state;
    const row = transitionFor(controlConnectionTable, from, event);
    this.#cause = event;
    this.#state = row.to;
    for (const action of row.actions) this.#actions[action]();
    if (from === row.to) return;
    this.#report(from, event, row.to);
    if (row.to === "established") {
      this.#owner.connectionEstablished(this);
      this.#updateReadiness();
    }
    if (row.to === "idle") this.#owner.connectionClosed(this, this.#why, event);
  }

  /** Some peers lose a call that is on the heels of our SCCCN, so none goes out before that is acknowledged. */
  #updateReadiness(): void {
    if (this.isReady || this.#state !== "established") return;
    if (this.#isInitiator && !this.#delivery.isIdle) return;
    this.isReady = true;
    this.#liveness.begin();
    this.#owner.connectionReady(this);
  }

  #introduction(): AvpValues {
    return introductionOf(this.#context.identity, {
      nonce: this.#protection.nonce,
      controlConnectionId: this.localControlConnectionId,
      receiveWindowSize: this.#owner.settings.delivery.receiveWindowSize,
    });
  }

  #learnPeer(avps: AvpValues, ignored: readonly string[]): void {
    this.#protection.learnPeerNonce(avps.controlMessageAuthenticationNonce);
    this.#protection.remoteControlConnectionId = avps.assignedControlConnectionId ?? 0;
    this.#delivery.setPeerWindow(avps.receiveWindowSize || 4);
    this.#identity = readIdentity(avps, ignored);
  }

  #sendStopCcn(): void {
    if (this.#cause !== "close") this.#delivery.dropUnsent();
    const assignedControlConnectionId = this.localControlConnectionId;
    this.send({
      name: "StopCCN",
      avps: { resultCode: resultCodeAvp(this.#refusal), assignedControlConnectionId },
    });
  }

  #report(from: ControlConnectionState, cause: ControlConnectionEvent, to: ControlConnectionState): void {
    const { peerName: peer, localControlConnectionId } = this;
    const detail = to === "idle" && this.#why !== "" ? { detail: this.#why } : {};
    const event = { event: "control-connection", peer, localControlConnectionId, from, cause, to } as const;
    this.#context.emit({ kind: "report", event: { ...event, ...detail } });
  }
}
