import type { Expirable } from "../bytes/timers.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import {
  type ControlMessage,
  type DecodedControlMessage,
  type DecodedMessage,
  isAcknowledgement,
} from "../wire/message.ts";
import type { RawControlMessage } from "../wire/raw-message.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { isSccrq } from "./acceptance.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import { ConnectionPath } from "./connection-path.ts";
import { ConnectionPathMtu } from "./connection-path-mtu.ts";
import { earliest, type Flushable, type LcceContext } from "./context.ts";
import {
  type ControlConnectionEvent,
  connectionChange,
  controlConnectionEventOf,
  type SccrqOrSccrp,
  type StoppingEvent,
  stopCcnFor,
  whyEnded,
} from "./control-connection-events.ts";
import {
  type ControlConnectionActions,
  type ControlConnectionState,
  controlConnectionTable,
  isSettingUp,
} from "./control-connection-table.ts";
import { Delivery } from "./delivery.ts";
import type { ReceiveVerdict, Sender } from "./delivery-messages.ts";
import { type DataSign, Liveness } from "./liveness.ts";
import { MessageProtection } from "./message-protection.ts";
import { type FollowingConnection, PathFollower } from "./path-follower.ts";
import { openingAvpsFor, type PeerIdentity, readIdentity, sccrpThatFits } from "./peer-identity.ts";
import { SessionSet } from "./session-set.ts";
import { limits } from "./settings.ts";
import { type Actions, performActions, transitionFor } from "./state-table.ts";

/**
 * One control connection: its state machine over reliable delivery, its authentication and its sessions (RFC
 * 3931 §7.2).
 */
export class ControlConnection implements Expirable, Flushable, Sender, FollowingConnection {
  readonly localControlConnectionId: number;
  readonly tieBreaker: Uint8Array;
  readonly sessions: SessionSet;
  readonly peerPath: ConnectionPath;
  readonly follower: PathFollower;
  readonly pathMtu: ConnectionPathMtu;
  readonly #context: LcceContext;
  readonly #owner: ConnectionOwner<ControlConnection>;
  readonly #protection: MessageProtection;
  readonly #delivery: Delivery<DecodedControlMessage>;
  readonly #liveness: Liveness;
  #state: ControlConnectionState = "idle";
  identity: PeerIdentity | undefined;
  establishedMs: number | undefined;
  /** Since when there is something of it: our SCCRQ, or the peer's. */
  readonly begunMs: number;
  #setupDeadlineMs: number | undefined;
  /** Set once all that is left to do is to acknowledge the peer's StopCCN, should it come again. */
  lingerUntilMs: number | undefined;
  /** The AVPs of the SCCRQ that opened the connection, if it was the peer's. */
  sccrq: AvpValues | undefined;
  isGone = false;
  /** Established at both ends: the peer's SCCCN came, or ours was acknowledged. */
  isReady = false;
  /** Whether the connection was opened by our SCCRQ. */
  isInitiator = false;
  #sent = 0;
  #received = 0;

  readonly #actions: Actions<ControlConnectionActions> = {
    "send-sccrq": () =>
      this.send({ name: "SCCRQ", avps: { ...this.#openingAvps(), tieBreaker: this.tieBreaker } }, this),
    "send-sccrp": () => this.#sendSccrp(),
    "send-scccn": () => this.send({ name: "SCCCN", avps: {} }),
    "send-stopccn": (event) => this.#sendStopCcn(event),
    "learn-peer": ({ message }) => this.#learnPeer(message),
    "open-sessions": () => {
      this.#setupDeadlineMs = undefined;
      this.establishedMs = this.#context.nowMs;
    },
    "disconnect-sessions": () => {
      this.#delivery.dropUnsent();
      this.sessions.disconnectSessions();
    },
    "clean-up": (event) => this.sessions.connectionLost(event.kind, whyEnded(event)),
    forget: () => this.forget(),
    linger: ({ avps }) => this.#linger(avps.assignedControlConnectionId ?? 0),
    "deliver-to-session": ({ received }) => this.sessions.receive(received),
    "postpone-sccrq": () => this.#delivery.postpone(this.#context.nowMs + limits.tieLostMs),
    ignore: () => {},
  };

  constructor(context: LcceContext, owner: ConnectionOwner<ControlConnection>, path: PsnPath) {
    const { settings } = owner;
    const isAuthenticated = settings.authentication.mode === "digest";
    this.#context = context;
    this.begunMs = context.nowMs;
    this.#owner = owner;
    const configured = settings.from === undefined ? settings.path : undefined;
    this.peerPath = new ConnectionPath(configured, path, isAuthenticated);
    this.localControlConnectionId = context.controlConnectionIds.allocate();
    this.tieBreaker = context.random.octets(8);
    this.#protection = new MessageProtection(settings.authentication, context.random);
    this.#delivery = new Delivery(this.#protection, settings.delivery);
    this.#liveness = new Liveness(context.random, context.nowMs, isAuthenticated);
    this.follower = new PathFollower(context, this, owner, this.#delivery);
    this.sessions = new SessionSet(context, owner.directory, this, this.#delivery);
    this.pathMtu = new ConnectionPathMtu(context, owner, this, this.#delivery);
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

  /** How often our SCCRQ was sent without so much as an acknowledgement; 0 where none is out. */
  get unanswered(): number {
    const isOut = this.#state === "wait-ctl-reply" && this.#received === 0;
    return isOut ? this.#delivery.retransmitted + 1 : 0;
  }

  get counters(): { readonly sent: number; readonly received: number; readonly retransmitted: number } {
    return { sent: this.#sent, received: this.#received, retransmitted: this.#delivery.retransmitted };
  }

  /** Opens the connection as initiator: SCCRQ. */
  open(): void {
    this.isInitiator = true;
    this.peerPath.begin();
    this.#apply({ kind: "open" });
  }

  /** Opens the connection as responder of a verified and acceptable SCCRQ of so many octets. */
  accept(sccrq: DecodedMessage, octets: number): void {
    const { avps } = sccrq.message;
    this.#received += 1;
    this.peerPath.received(this.path, octets, false);
    this.sccrq = avps;
    this.#delivery.receive(sccrq.header.ns, 0, false, sccrq, this.#context.nowMs);
    this.#apply({ kind: "sccrq", message: { avps, ignored: sccrq.ignored } });
  }

  /** Closes the connection by a StopCCN, as the operator wants. */
  close(why: string, resultCode: 1 | 6): void {
    this.#apply({ kind: "close", why, resultCode });
  }

  /** Ends the connection because of another one with the same peer. */
  end(kind: "retire" | "tie-lost" | "tie-equal" | "lost", why: string): void {
    this.#apply({ kind, why });
  }

  /** Takes over new timers and limits of the peer. */
  settingsChanged(): void {
    this.#delivery.update(this.#owner.settings.delivery);
    this.#context.markDirty(this);
  }

  /** Data of a session was received, and so the peer is alive (RFC 3931 §4.4); was sent; or comes no more. */
  dataPassed(sign: DataSign): void {
    if (this.#liveness.isDoubted(sign, this.#context.nowMs)) this.follower.dataStopped();
    if (sign !== "data-stopped") this.pathMtu.dataPassed();
    this.#context.markDirty(this);
  }

  pathChanged(): void {
    this.sessions.pathChanged();
    this.#delivery.transmitAgain();
  }

  /** Checks by a HELLO whether the peer still knows the connection, as its stray message suggests not. */
  probe(): void {
    if (!this.#liveness.probe(this.#context.nowMs)) return;
    if (this.#delivery.isIdle) this.send({ name: "HELLO", avps: {} });
    this.#context.markDirty(this);
  }

  /** Removes the connection at once, its delivery included. */
  forget(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#context.timers.set(this, undefined);
    this.#context.controlConnectionIds.release(this.localControlConnectionId);
    this.#owner.connectionGone(this);
  }

  /** Queues a message; it is transmitted at the end of the input, when the window allows. */
  send(message: ControlMessage, sender?: Sender): void {
    this.#delivery.send(message, sender);
    this.#context.markDirty(this);
  }

  /** Our SCCRQ or SCCRP was acknowledged: the timer for its answer starts. */
  acknowledged(): void {
    if (isSettingUp(this.#state)) this.#setupDeadlineMs = this.#context.nowMs + limits.establishMs;
  }

  /** Takes in a message whose header names this connection, or that found it by its Assigned CCID. */
  receive(raw: RawControlMessage, path: PsnPath): void {
    const isElsewhere = !this.peerPath.accepts(path);
    if (isElsewhere && !this.follower.isWorthVerifying(raw.header.ns, path))
      return this.#context.discard("wrong-path", path);
    const opened = this.#protection.open(raw, this.#state !== "established");
    const { verdict } = opened;
    if (verdict !== "ok") {
      if (verdict !== "malformed" && !isElsewhere) this.#owner.noteFailure(verdict, path);
      return this.#context.discard(verdict, path);
    }
    const { decoded } = opened;
    const isNew = !isAcknowledgement(decoded) && this.#delivery.isNext(decoded.header.ns);
    if (isElsewhere && !isNew && !this.follower.isAnswer(decoded, path)) {
      this.follower.suggest(path, raw.octets.length, "hint");
      return this.#context.discard("wrong-path", path);
    }
    // Verified and decoded: only now may anything in it change our state (RFC 3931 §5.4.1).
    this.#received += 1;
    this.peerPath.received(path, raw.octets.length, decoded.header.controlConnectionId !== 0);
    this.#context.markDirty(this);
    const order = this.#order(decoded);
    if (order !== "beyond-nr" && order !== "duplicate") this.follower.acknowledged(path, decoded.header.nr);
    if (isNew && order === "deliver") this.follower.suggest(path, raw.octets.length, "message");
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
    this.pathMtu.expire();
    const isLost = nowMs >= (this.#lostDueMs() ?? Infinity);
    const expired = this.#delivery.expire(nowMs);
    this.follower.expire(nowMs);
    if (expired === "retransmit") this.peerPath.alternate();
    if (isLost || expired === "dead") this.#apply({ kind: "lost", why: this.#owner.silenceReason(this) });
    if (nowMs >= (this.#helloDueMs() ?? Infinity)) this.send({ name: "HELLO", avps: {} });
  }

  /**
   * No SCCRP or SCCCN came. With another connection up no StopCCN is sent: a peer with a constant id would
   * take it for the other's.
   */
  #giveUpSetUp(): void {
    this.#setupDeadlineMs = undefined;
    const kind = this.#owner.isConnected ? "retire" : "timeout";
    this.#apply({ kind, why: "the peer acknowledged but did not answer" });
  }

  flush(): void {
    if (this.isGone) return;
    this.pathMtu.update(this.#state === "established" && this.isReady);
    for (const octets of this.#delivery.flush(this.#context.nowMs)) {
      if (!this.peerPath.spend(octets.length)) continue;
      this.#transmit(this.path, octets);
      const alsoTo = this.follower.copyTo(octets);
      if (alsoTo !== undefined) this.#transmit(alsoTo, octets);
    }
    // What a probe tells of is its size: the peer is waited for once it was retransmitted without padding.
    const isWaiting = !this.#delivery.isIdle && !this.#delivery.isProbing;
    this.#liveness.waiting(isWaiting, this.#context.nowMs, this.#delivery.timeouts);
    const stopDelivered = this.#state === "idle" && this.lingerUntilMs === undefined && this.#delivery.isIdle;
    if (stopDelivered) return this.forget();
    const waits = [this.#setupDeadlineMs, this.lingerUntilMs, this.#delivery.deadlineMs, this.follower.dueMs];
    const due = earliest(...waits, this.#lostDueMs(), this.#helloDueMs(), this.pathMtu.deadlineMs);
    this.#context.timers.set(this, due);
  }

  #transmit(path: PsnPath, octets: Uint8Array): void {
    this.#sent += 1;
    this.#liveness.sent(this.#context.nowMs);
    const probe = this.#delivery.isProbe(octets) ? ({ isProbe: true } as const) : {};
    this.#context.emit({ kind: "transmit", path, octets, ...probe });
  }

  #lostDueMs(): number | undefined {
    const { silenceMs = 0 } = this.#owner.settings.delivery;
    return earliest(this.#liveness.lostDueMs(silenceMs), this.follower.lostDueMs);
  }

  #helloDueMs(): number | undefined {
    if (this.#state !== "established" || this.#delivery.isProbing) return undefined;
    const helloMs = this.#liveness.helloDueMs(this.#owner.settings.helloIntervalMs);
    return earliest(helloMs, this.#liveness.keepaliveDueMs(this.follower.keepaliveMs));
  }

  #order(decoded: DecodedControlMessage): ReceiveVerdict {
    const { ns } = decoded.header;
    const nr = isSccrq(decoded) ? 0 : decoded.header.nr;
    const { acknowledged } = this.#delivery;
    const order = this.#delivery.receive(ns, nr, isAcknowledgement(decoded), decoded, this.#context.nowMs);
    if (this.#delivery.acknowledged > acknowledged) {
      this.follower.followed();
      if (this.#state === "established") this.peerPath.pin();
    }
    // A repeated SCCRQ is answered by the SCCRP alone: its sender could not verify an ACK without our nonce
    // (RFC 3931 §4.3), and after an acknowledgement it would not repeat the SCCRQ, which the octets that we
    // may send to an unvalidated path are counted by.
    const lacksSccrp = this.#state === "wait-ctl-conn" && !this.peerPath.isValidated;
    if (isSccrq(decoded) && lacksSccrp) {
      this.#delivery.waiveAcknowledgement();
      this.#delivery.transmitAgain();
    }
    return order;
  }

  #process(decoded: DecodedControlMessage, path: PsnPath): void {
    if (decoded.kind === "zlb") return;
    const awaitsSccrp = this.#state === "wait-ctl-reply";
    const event = controlConnectionEventOf(decoded, awaitsSccrp, this.#owner.settings);
    if (event === undefined) return this.#context.discard("unknown-message", path);
    this.#apply(event);
  }

  /** Applies one event: the only way a connection changes its state. */
  #apply(event: ControlConnectionEvent): void {
    const from = this.#state;
    const transition = transitionFor(controlConnectionTable, from, event.kind);
    const { to } = transition;
    this.#state = to;
    performActions(this.#actions, transition, event);
    if (from === to) return;
    const why = to === "idle" ? whyEnded(event) : "";
    // It ends the connections that it takes over from: the last report of a peer is of the one in use.
    if (to === "established") this.#owner.connectionEstablished(this);
    this.#context.emit({ kind: "report", event: connectionChange(this, from, event, to) });
    if (to === "established") this.#updateReadiness();
    if (to === "idle") this.#owner.connectionClosed(this, why, event.kind);
  }

  /** Some peers lose an ICRQ that directly follows our SCCCN, so none is sent before that is acknowledged. */
  #updateReadiness(): void {
    if (this.isReady || this.#state !== "established") return;
    if (this.isInitiator && !this.#delivery.isIdle) return;
    this.isReady = true;
    this.#liveness.begin();
    this.#owner.connectionReady(this);
  }

  #openingAvps() {
    return openingAvpsFor(this.#context.identity, {
      nonce: this.#protection.nonce,
      controlConnectionId: this.localControlConnectionId,
      receiveWindowSize: this.#owner.settings.delivery.receiveWindowSize,
    });
  }

  #sendSccrp(): void {
    const fits = (sccrp: ControlMessage) => this.peerPath.allows(this.#protection.encode(sccrp, 0, 1).length);
    this.send(sccrpThatFits(fits, this.#openingAvps()), this);
  }

  /** Takes over the peer's id, nonce and window, once only. */
  #learnPeer({ avps, ignored }: SccrqOrSccrp): void {
    if (this.#protection.remoteControlConnectionId !== 0) return;
    this.#protection.learnPeerNonce(avps.controlMessageAuthenticationNonce);
    this.#protection.remoteControlConnectionId = avps.assignedControlConnectionId ?? 0;
    this.#delivery.setPeerWindow(avps.receiveWindowSize || 4);
    this.identity = readIdentity(avps, ignored);
  }

  #sendStopCcn(event: StoppingEvent): void {
    if (event.kind !== "close") this.#delivery.dropUnsent();
    this.send(stopCcnFor(event, this.localControlConnectionId));
  }

  /**
   * Stays to acknowledge the peer's StopCCN again. A peer that refuses our SCCRQ assigns its id there if
   * anywhere; without it no acknowledgement finds the peer (RFC 3931 §5.4.3).
   */
  #linger(assignedControlConnectionId: number): void {
    this.#protection.remoteControlConnectionId ||= assignedControlConnectionId;
    if (this.#protection.remoteControlConnectionId === 0) this.#delivery.waiveAcknowledgement();
    this.#delivery.abandon();
    this.lingerUntilMs ??= this.#context.nowMs + limits.lingerMs;
  }
}
