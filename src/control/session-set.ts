import type { AvpValues } from "../wire/avp-table.ts";
import type { ControlMessage, DecodedMessage } from "../wire/message.ts";
import { cdnResult } from "../wire/result-codes.ts";
import { type PsnPath, pseudowireTypeNumber } from "../wire/session-parameters.ts";
import { checkCall, type Refusal, refusalOf, resultCodeAvp } from "./acceptance.ts";
import type { LcceContext } from "./context.ts";
import type { Sender } from "./delivery-messages.ts";
import type { Pseudowire } from "./pseudowire.ts";
import { Session, type SessionConnection } from "./session.ts";
import {
  type SessionEvent,
  type SessionEvents,
  type SessionMessage,
  whyDisconnected,
} from "./session-events.ts";
import { limits } from "./settings.ts";
import { compareTieBreakers } from "./tie-breaker.ts";
import type { UnmatchedCalls } from "./unmatched-calls.ts";

/** The pseudowires that sessions of a connection may belong to. */
export interface PseudowireDirectory {
  /**
   * The pseudowire an ICRQ means: the one with its Remote End ID, or the only one there is when real peers
   * leave the AVP out.
   */
  findPseudowire(remoteEndId: Uint8Array | undefined): Pseudowire | undefined;
  /** Whether calls are wanted still. */
  readonly initiatesSessions: boolean;
  /** The least pause in ms before we call again. */
  readonly minimumPauseMs: number;
  /** Calls of the peer for none of them. */
  readonly unmatchedCalls: UnmatchedCalls;
  sessionOpened(session: Session): void;
  sessionClosed(session: Session): void;
}

/** The control connection, as far as its sessions need it. */
interface Connection {
  readonly peerName: string;
  readonly path: PsnPath;
  readonly identity: { readonly pseudowireTypes: readonly number[] } | undefined;
  /** Whether it began with our SCCRQ. */
  readonly isInitiator: boolean;
  send(message: ControlMessage, sender?: Sender): void;
}

/** Its delivery, as far as calls need it. */
interface CallDelivery {
  readonly peerWindow: number;
  withdrawCall(sender: Sender): boolean;
}

/**
 * Tie breaker of a call by the side that answered the SCCRQ: it calls because no call came, and gives way to
 * one (RFC 3931 §5.4.4).
 */
const GIVES_WAY = new Uint8Array(8).fill(0xff);

/** Events after which it is not for us to call again. */
const endsWithoutRetry: ReadonlySet<keyof SessionEvents> = new Set([
  "icrq-lost",
  "icrq-again",
  "close",
  "connection-lost",
] as const);

/** The sessions of one control connection: finds the one a message means, and resolves colliding calls. */
export class SessionSet implements SessionConnection {
  readonly owner: PseudowireDirectory;
  readonly #context: LcceContext;
  readonly #connection: Connection;
  readonly #delivery: CallDelivery;
  readonly #sessions = new Map<number, Session>();
  readonly #pseudowires = new Map<Session, Pseudowire>();
  /** The sessions whose remote id is known, by it. */
  readonly #byRemoteId = new Map<number, Session>();
  /** Sessions of our calls that are not answered yet. */
  readonly #calling = new Set<Session>();
  /** Pseudowires to call for when one of those is answered. */
  readonly #waiting = new Set<Pseudowire>();
  /** Established sessions with ICMP echo in their control channel. */
  readonly #echoing = new Set<Session>();
  #lastProgressMs = Number.NEGATIVE_INFINITY;
  #lastPeerCallMs = Number.NEGATIVE_INFINITY;

  constructor(
    context: LcceContext,
    owner: PseudowireDirectory,
    connection: Connection,
    delivery: CallDelivery,
  ) {
    this.#context = context;
    this.owner = owner;
    this.#connection = connection;
    this.#delivery = delivery;
  }

  get peerName(): string {
    return this.#connection.peerName;
  }

  get path(): PsnPath {
    return this.#connection.path;
  }

  get lastProgressMs(): number {
    return this.#lastProgressMs;
  }

  /** When the peer called last for one of our pseudowires, in ms of the injected clock. */
  get lastPeerCallMs(): number {
    return this.#lastPeerCallMs;
  }

  /** A session in whose control channel the peer answers ICMP echo, if there is one. */
  get echoing(): Session | undefined {
    const [first] = this.#echoing;
    return first;
  }

  send(message: ControlMessage, sender?: Sender): void {
    this.#connection.send(message, sender);
  }

  withdrawCall(sender: Sender): boolean {
    return this.#delivery.withdrawCall(sender);
  }

  /**
   * Calls for a pseudowire when its turn comes, unless the peer does not support its type (RFC 3931 §5.4.4).
   */
  open(pseudowire: Pseudowire): void {
    const type = pseudowireTypeNumber[pseudowire.settings.type];
    if (!this.#connection.identity?.pseudowireTypes.includes(type)) {
      pseudowire.whyNot = `the peer does not list pseudowire type ${type} (${pseudowire.settings.type})`;
      return;
    }
    this.#waiting.add(pseudowire);
    this.#callNext();
  }

  /** The pseudowire is wanted no more. */
  cancel(pseudowire: Pseudowire): void {
    this.#waiting.delete(pseudowire);
  }

  /** Takes in a session message; the connection is established. */
  receive(received: SessionMessage): void {
    const { name, avps } = received.message;
    if (name === "ICRQ") return this.#receiveCall(received);
    if (name === "OCRQ") return this.#refuseOutgoing(received);
    const session = this.#find(avps);
    if (session !== undefined) return session.receive(received);
    this.#context.discard("unknown-session", this.path);
    const answer = { resultCode: cdnResult.stateMachine, text: `${name} for no session` };
    // A peer that believes in a session we do not have would keep on believing (RFC 3931 §7.3.2, idle).
    if (name === "ICRP") this.#refuseCall(avps, answer);
  }

  /**
   * The control connection gives way to a newer one: its established sessions forward until their pseudowires
   * have others.
   */
  outliveConnection(): void {
    for (const [session, pseudowire] of this.#pseudowires) {
      if (session.state !== "established") continue;
      pseudowire.keepFormer(session);
      this.#echoing.delete(session);
      this.#sessions.delete(session.localSessionId);
      this.#byRemoteId.delete(session.remoteSessionId);
      this.#pseudowires.delete(session);
    }
  }

  /** The control connection ended, by an event, and with it all its sessions (RFC 3931 §6.4). */
  connectionLost(by: string, why: string): void {
    this.#waiting.clear();
    const ended = `the control connection ended${why === "" ? "" : `: ${why}`}`;
    for (const session of [...this.#sessions.values()])
      session.apply({ kind: "connection-lost", by, why: ended });
  }

  /** The connection has another path, and with it the sessions that forward. */
  pathChanged(): void {
    for (const session of this.#sessions.values()) session.pathChanged();
  }

  /** Sends CDNs ahead of a StopCCN, for a bounded number of sessions. */
  disconnectSessions(): void {
    this.#waiting.clear();
    const some = [...this.#sessions.values()].slice(0, limits.disconnectedSessions);
    for (const session of some) session.apply({ kind: "close", why: "closed here" });
  }

  sessionLearned(session: Session): void {
    this.#byRemoteId.set(session.remoteSessionId, session);
    this.#lastProgressMs = this.#context.nowMs;
  }

  sessionEstablished(session: Session): void {
    this.#lastProgressMs = this.#context.nowMs;
    this.#calling.delete(session);
    if (session.parameters.vccvEcho === true) this.#echoing.add(session);
    this.#pseudowires.get(session)?.established();
    this.owner.unmatchedCalls.sessionEstablished();
    this.#callNext();
  }

  sessionEnded(session: Session, event: SessionEvent): void {
    this.#sessions.delete(session.localSessionId);
    this.#echoing.delete(session);
    if (this.#byRemoteId.get(session.remoteSessionId) === session)
      this.#byRemoteId.delete(session.remoteSessionId);
    this.#calling.delete(session);
    this.owner.sessionClosed(session);
    const pseudowire = this.#pseudowires.get(session);
    this.#pseudowires.delete(session);
    if (pseudowire !== undefined) this.#afterEnd(pseudowire, session, event);
    this.#callNext();
  }

  #afterEnd(pseudowire: Pseudowire, session: Session, event: SessionEvent): void {
    pseudowire.ended(session);
    pseudowire.whyNot = whyDisconnected(event);
    if (session.hasServedUntil(event)) pseudowire.served();
    if (!this.owner.initiatesSessions || endsWithoutRetry.has(event.kind)) return;
    if (session.isReplacedBy(event)) pseudowire.callAfter(this.owner.minimumPauseMs);
    else pseudowire.retryCall(this.owner.minimumPauseMs);
  }

  /**
   * Few calls at a time: thousands would fill the queue of either end, and each would wait longer for its
   * answer.
   */
  #callNext(): void {
    const most = Math.max(limits.outstandingCalls, this.#delivery.peerWindow);
    for (const pseudowire of this.#waiting) {
      if (this.#calling.size >= most) return;
      const session = this.#create(pseudowire);
      this.#calling.add(session);
      session.apply({ kind: "open" });
    }
  }

  #create(pseudowire: Pseudowire): Session {
    const tieBreaker = this.#connection.isInitiator ? this.#context.random.octets(8) : GIVES_WAY;
    const session = new Session(this.#context, this, pseudowire, tieBreaker);
    this.#sessions.set(session.localSessionId, session);
    this.#pseudowires.set(session, pseudowire);
    this.#waiting.delete(pseudowire);
    pseudowire.session = session;
    pseudowire.cancelCall();
    this.owner.sessionOpened(session);
    return session;
  }

  /**
   * By our id first, for some peers damage their own in a CDN; by theirs when they do not know ours yet (RFC
   * 3931 §5.4.4).
   */
  #find(avps: AvpValues): Session | undefined {
    if (avps.remoteSessionId) return this.#sessions.get(avps.remoteSessionId);
    return this.#byRemoteId.get(avps.localSessionId ?? 0);
  }

  #receiveCall({ message: { avps }, problem }: DecodedMessage): void {
    if (problem !== undefined) return this.#refuseCall(avps, refusalOf(problem));
    const repeated = this.#byRemoteId.get(avps.localSessionId ?? 0);
    if (repeated !== undefined)
      return repeated.apply({ kind: "icrq-again", why: "the peer called again for a session in use" });
    const pseudowire = this.owner.findPseudowire(avps.remoteEndId);
    if (pseudowire === undefined) {
      this.owner.unmatchedCalls.add(avps.remoteEndId);
      const text = "no pseudowire has this Remote End ID";
      return this.#refuseCall(avps, { resultCode: cdnResult.noForwarder, text });
    }
    const { choices, refusal } = checkCall(avps, pseudowire.settings);
    if (refusal !== undefined) {
      if (pseudowire.session === undefined) pseudowire.whyNot = `refused the peer's call: ${refusal.text}`;
      return this.#refuseCall(avps, refusal);
    }
    const current = pseudowire.session;
    this.#lastPeerCallMs = this.#context.nowMs;
    if (current !== undefined && !this.#resolveCollision(current, avps)) return;
    this.#create(pseudowire).accept({ avps, choices });
  }

  /** Outgoing calls are for dial-up networks, which have no place here (RFC 3931 §3.4.2). */
  #refuseOutgoing({ message: { avps }, problem }: DecodedMessage): void {
    const never = { resultCode: cdnResult.noFacilitiesPermanent, text: "no outgoing calls here" };
    this.#refuseCall(avps, problem === undefined ? never : refusalOf(problem));
  }

  /**
   * Resolves the collision of the peer's call with a session of the same pseudowire; true when the call may
   * go on (RFC 3931 §5.4.4).
   */
  #resolveCollision(current: Session, avps: AvpValues): boolean {
    if (current.withdrawUnsent()) return true;
    if (current.state !== "wait-reply") {
      // A new call in sequence, so the peer no longer has the session.
      current.apply({ kind: "icrq-again", why: "the peer called anew for this pseudowire" });
      return true;
    }
    switch (compareTieBreakers(current.tieBreaker, avps.tieBreaker)) {
      case "lost":
        current.apply({ kind: "icrq-lost", why: "the peer's call won the tie" });
        return true;
      case "equal":
        current.apply({ kind: "icrq-equal", why: "both calls had the same tie breaker" });
        return false;
      default:
        this.#refuseCall(avps, { resultCode: cdnResult.tieLost, text: "" });
        return false;
    }
  }

  /** A CDN for a call that gets no session: its Local Session ID is of no further use (RFC 3931 §6.12). */
  #refuseCall(avps: AvpValues, refusal: Refusal): void {
    const localSessionId = this.#context.sessionIds.allocate();
    this.#context.sessionIds.release(localSessionId);
    const remoteSessionId = avps.localSessionId ?? 0;
    this.send({ name: "CDN", avps: { resultCode: resultCodeAvp(refusal), localSessionId, remoteSessionId } });
  }
}
