import type { DecodedControlMessage } from "../wire/message.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { Backoff } from "./backoff.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import type { Context } from "./context.ts";
import { ControlConnection } from "./control-connection.ts";
import type { ControlConnectionEvent } from "./control-connection-table.ts";
import { Pseudowire, type PseudowireOwner } from "./pseudowire.ts";
import type { Session } from "./session.ts";
import type { PseudowireDirectory } from "./session-set.ts";
import { limits, type PeerSettings, type PseudowireSettings } from "./settings.ts";
import { judgeTie } from "./tie-breaker.ts";
import type { Expirable } from "./timers.ts";

/** Where the peers of an LCCE register what messages are found by. */
export interface Registry {
  connectionOpened(connection: ControlConnection): void;
  connectionGone(connection: ControlConnection): void;
  sessionOpened(session: Session, connection: ControlConnection): void;
  sessionClosed(session: Session): void;
}

/**
 * A peer LCCE with which a control connection is wanted: it outlives its connections, tries again after each that
 * ended, and takes the newest when the peer opens another.
 */
export class Peer implements ConnectionOwner, PseudowireOwner, PseudowireDirectory, Expirable {
  readonly #context: Context;
  readonly #registry: Registry;
  readonly #backoff = new Backoff();
  readonly #pseudowires = new Map<string, Pseudowire>();
  #settings: PeerSettings;
  #wanted = true;
  /** Established, carrying the sessions. */
  #current: ControlConnection | undefined;
  /** Ours, waiting for an SCCRP. */
  #attempt: ControlConnection | undefined;
  /** The peer's, waiting for an SCCCN; the oldest first. */
  readonly #halfOpen = new Set<ControlConnection>();
  /** Attempts in a row without any answer. */
  #unanswered = 0;
  /** Whether the peer ended the last connection itself, and so surely holds nothing of it. */
  #isForgotten = false;
  /** In idle, with delivery alone living on; the oldest first. */
  readonly #closing = new Set<ControlConnection>();
  nextAttemptMs: number | undefined;
  /** Why there is no connection, for people. */
  #whyNot: string | undefined;
  /** What came from the peer's address and was turned down; tells more than the silence that follows. */
  #refusal: string | undefined;

  constructor(context: Context, registry: Registry, settings: PeerSettings) {
    this.#context = context;
    this.#registry = registry;
    this.#settings = settings;
  }

  get settings(): PeerSettings {
    return this.#settings;
  }

  get directory(): PseudowireDirectory {
    return this;
  }

  get pseudowires(): readonly Pseudowire[] {
    return [...this.#pseudowires.values()];
  }

  get calls(): boolean {
    return this.#wanted;
  }

  get leastPauseMs(): number {
    return this.#settings.role === "responder" ? limits.responderGraceMs : 0;
  }

  get isConnected(): boolean {
    return this.#current !== undefined;
  }

  /** The connection that says most about how things stand. */
  get connection(): ControlConnection | undefined {
    return this.#current ?? this.#attempt ?? [...this.#halfOpen].at(-1);
  }

  get whyNot(): string | undefined {
    return this.#refusal ?? this.#whyNot;
  }

  /** Something from the peer's address was turned down; `why` is for people and proves nothing about who sent it. */
  noteRefusal(why: string): void {
    this.#refusal = why;
  }

  open(): void {
    if (this.#settings.role === "responder") this.#whyNot = "waiting for the peer to connect";
    else this.#attemptNow();
  }

  update(settings: PeerSettings): void {
    this.#settings = settings;
    for (const connection of this.#connections()) connection.settingsChanged();
  }

  /** Ends everything; connections live on only until their StopCCN is through. */
  close(resultCode: 1 | 6): void {
    this.#wanted = false;
    this.nextAttemptMs = undefined;
    this.#context.timers.set(this, undefined);
    for (const pseudowire of this.pseudowires) pseudowire.cancelCall();
    if (this.isConnected) for (const half of this.#halfOpen) half.end("retire", "closed here");
    for (const connection of this.#connections()) connection.end("close", "closed here", resultCode);
  }

  addPseudowire(settings: PseudowireSettings, circuitActive: boolean): Pseudowire {
    const pseudowire = new Pseudowire(this.#context, this, settings, circuitActive);
    this.#pseudowires.set(settings.name, pseudowire);
    // Our operator just added or changed it: the peer cannot know when to call.
    if (this.#current?.isReady) this.#callNow(pseudowire);
    return pseudowire;
  }

  #callNow(pseudowire: Pseudowire): void {
    if (this.leastPauseMs === 0) this.openSession(pseudowire);
    else pseudowire.callAfter(this.leastPauseMs);
  }

  removePseudowire(name: string): void {
    const pseudowire = this.#pseudowires.get(name);
    this.#pseudowires.delete(name);
    pseudowire?.cancelCall();
    pseudowire?.session?.apply("close", "closed here");
  }

  /** The tie breaker of our own SCCRQ that is outstanding (RFC 3931 §5.4.3). */
  get outstandingTieBreaker(): Uint8Array | undefined {
    return this.#attempt?.state === "wait-ctl-reply" ? this.#attempt.tieBreaker : undefined;
  }

  /**
   * Takes in an acceptable SCCRQ that opens a new connection; false when our own SCCRQ stands instead (RFC 3931 §5.4.3). Where
   * nobody answered ours, it wins nothing: then both go on, and what comes up first stands.
   */
  acceptConnection(path: PsnPath, sccrq: DecodedControlMessage & { kind: "message" }): boolean {
    const ours = this.outstandingTieBreaker;
    if (ours !== undefined) {
      const outcome = judgeTie(ours, sccrq.message.avps.tieBreaker);
      if (outcome === "won") return this.#takeLoser(path, sccrq);
      if (outcome === "equal") {
        this.#attempt?.end("tie-equal", "both SCCRQs had the same tie breaker");
        return false;
      }
      this.#attempt?.end("tie-lost", "the peer's SCCRQ won the tie");
    }
    this.#answer(path, sccrq);
    return true;
  }

  connectionEstablished(connection: ControlConnection): void {
    const previous = this.#current;
    const older =
      connection === this.#attempt ? this.#losersTo(connection) : this.#halfOpenBefore(connection);
    this.#unanswered = 0;
    this.#isForgotten = false;
    this.#halfOpen.delete(connection);
    if (this.#attempt === connection) this.#attempt = undefined;
    this.#current = connection;
    this.#backoff.reset();
    this.#whyNot = undefined;
    this.#refusal = undefined;
    this.nextAttemptMs = undefined;
    this.#context.timers.set(this, undefined);
    previous?.end("retire", "a newer control connection took over");
    this.#attempt?.end("retire", "the peer's control connection came up first");
    for (const one of older) one.end("retire", "a newer control connection came up");
  }

  connectionReady(connection: ControlConnection): void {
    for (const pseudowire of this.#pseudowires.values()) this.#schedule(pseudowire, connection);
  }

  connectionClosed(connection: ControlConnection, why: string, cause: ControlConnectionEvent): void {
    this.#halfOpen.delete(connection);
    this.#keepClosing(connection);
    if (this.#current === connection) this.#current = undefined;
    if (this.#attempt === connection) this.#attempt = undefined;
    if (!this.#wanted || this.#current !== undefined || this.#attempt !== undefined) return;
    this.#whyNot = why;
    const goesOn = cause === "tie-lost" || cause === "retire";
    if (goesOn || this.#settings.role === "responder" || this.nextAttemptMs !== undefined) return;
    this.nextAttemptMs = this.#context.nowMs + this.#pauseAfter(connection, cause);
    this.#context.timers.set(this, this.nextAttemptMs);
  }

  /** The pause before the next attempt. */
  #pauseAfter(connection: ControlConnection, cause: ControlConnectionEvent): number {
    if (cause === "stopccn") this.#isForgotten = true;
    const { reconnectInitialMs, reconnectCapMs } = this.#settings;
    if (connection.isInitiator && cause === "lost" && connection.counters.received === 0) {
      this.#unanswered += 1;
      if (this.#unanswered === 1 && !this.#isForgotten) {
        this.#whyNot = `${this.#whyNot}; silent for a while, in case it holds a connection from before`;
        return limits.quietMs;
      }
    }
    return this.#backoff.next(reconnectInitialMs, reconnectCapMs, this.#context.random);
  }

  connectionGone(connection: ControlConnection): void {
    this.#halfOpen.delete(connection);
    this.#closing.delete(connection);
    this.#registry.connectionGone(connection);
  }

  sessionOpened(session: Session): void {
    if (this.#current !== undefined) this.#registry.sessionOpened(session, this.#current);
  }

  sessionClosed(session: Session): void {
    this.#registry.sessionClosed(session);
  }

  /** It is time to call for a pseudowire. */
  openSession(pseudowire: Pseudowire): void {
    this.#current?.sessions.open(pseudowire);
  }

  expire(): void {
    this.nextAttemptMs = undefined;
    if (this.#wanted && this.#current === undefined && this.#attempt === undefined) this.#attemptNow();
  }

  #connections(): readonly ControlConnection[] {
    return [this.#current, this.#attempt, ...this.#halfOpen].filter((connection) => connection !== undefined);
  }

  /** Connections of the peer that lose the tie to ours: they go when ours comes up, or each end might keep another one. */
  #losersTo(ours: ControlConnection): readonly ControlConnection[] {
    return [...this.#halfOpen].filter((half) => judgeTie(ours.tieBreaker, half.peerTieBreaker) === "won");
  }

  /** What the peer began before this connection of its: it holds one at most, the newest. */
  #halfOpenBefore(connection: ControlConnection): readonly ControlConnection[] {
    const all = [...this.#halfOpen];
    return all.slice(0, Math.max(0, all.indexOf(connection)));
  }

  #attemptNow(): void {
    const connection = new ControlConnection(this.#context, this, this.#settings.path);
    this.#attempt = connection;
    this.#registry.connectionOpened(connection);
    connection.open();
  }

  /** The initiator of the connection calls at once; the other side only if no call comes. */
  #schedule(pseudowire: Pseudowire, connection: ControlConnection): void {
    if (!this.calls || pseudowire.session !== undefined) return;
    const atOnce = connection.isInitiator || this.#settings.role === "initiator";
    if (atOnce) connection.sessions.open(pseudowire);
    else pseudowire.callAfter(Math.max(limits.sessionGraceMs, this.leastPauseMs));
  }

  #answer(path: PsnPath, sccrq: DecodedControlMessage & { kind: "message" }): void {
    this.#makeRoom();
    const connection = new ControlConnection(this.#context, this, path);
    this.#halfOpen.add(connection);
    connection.accept(sccrq);
    this.#registry.connectionOpened(connection);
  }

  /** The peer's SCCRQ lost the tie to ours; it is taken all the same where nobody answers ours. */
  #takeLoser(path: PsnPath, sccrq: DecodedControlMessage & { kind: "message" }): boolean {
    const isUnanswered = this.#unanswered > 0 || this.#attempt?.isUnanswered === true;
    if (!isUnanswered) {
      this.#whyNot = "the peer dials too; our SCCRQ goes first, but is not answered yet";
      return false;
    }
    this.#whyNot = "the peer dials too and does not answer our SCCRQ; taking its call";
    this.#answer(path, sccrq);
    return true;
  }

  /** Even the politeness of an acknowledged StopCCN has a limit, or SCCRQs with a StopCCN behind each would fill our memory. */
  #keepClosing(connection: ControlConnection): void {
    if (connection.isGone) return;
    this.#closing.add(connection);
    const [oldest] = this.#closing;
    if (this.#closing.size > limits.closingConnections) oldest?.forget();
  }

  /** An attacker may replay SCCRQs; each costs at most one of a few places, and the oldest gives way. */
  #makeRoom(): void {
    if (this.#halfOpen.size < limits.halfOpenConnections) return;
    const [oldest] = this.#halfOpen;
    oldest?.end("retire", "too many connections wait for an SCCCN");
  }
}
