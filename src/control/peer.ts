import { equalOctets, toHex } from "../bytes/hex.ts";
import type { Expirable } from "../bytes/timers.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import type { DecodedMessage } from "../wire/message.ts";
import { isSameAddress, isSameEnd, type PsnPath } from "../wire/session-parameters.ts";
import { isRepetition } from "./acceptance.ts";
import { Attempts } from "./attempts.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import type { LcceContext } from "./context.ts";
import { ControlConnection } from "./control-connection.ts";
import type { ControlConnectionEvents } from "./control-connection-events.ts";
import { CHALLENGE_NOT_SUPPORTED, describeAuthenticationFailure, describeSilence } from "./describe.ts";
import { HalfOpenConnections } from "./half-open-connections.ts";
import { HelloRefusal } from "./hello-refusal.ts";
import { PathMtuMemory } from "./path-mtu-memory.ts";
import { Pseudowire, type PseudowireOwner } from "./pseudowire.ts";
import { Refusals } from "./refusals.ts";
import type { Registry } from "./registry.ts";
import { type AdmittingPeer, SccrqAdmission } from "./sccrq-admission.ts";
import type { LocalStatus, Session } from "./session.ts";
import type { PseudowireDirectory } from "./session-set.ts";
import { limits, type PeerSettings, type PseudowireSettings } from "./settings.ts";
import { TakeOvers } from "./take-overs.ts";
import { compareTieBreakers } from "./tie-breaker.ts";
import { UnmatchedCalls } from "./unmatched-calls.ts";

type Owner = ConnectionOwner<ControlConnection>;

/**
 * A peer LCCE with which a control connection is wanted: it outlives its connections, tries again after each
 * that ended, and takes the newest when the peer opens another.
 */
export class Peer implements Owner, PseudowireOwner, PseudowireDirectory, AdmittingPeer, Expirable {
  /** Where SCCRQs from the peer's address go. */
  readonly admission: SccrqAdmission;
  readonly helloRefusal = new HelloRefusal();
  readonly pathMtuMemory: PathMtuMemory;
  readonly directory: PseudowireDirectory = this;
  readonly #context: LcceContext;
  readonly #registry: Registry;
  readonly #pseudowires = new Map<string, Pseudowire>();
  /** By the hexadecimal digits of their Remote End ID. */
  readonly #byEndId = new Map<string, Pseudowire>();
  #settings: PeerSettings;
  #wanted = true;
  /** Established, carrying the sessions. */
  #current: ControlConnection | undefined;
  /** Ours, waiting for an SCCRP. */
  #attempt: ControlConnection | undefined;
  readonly #halfOpen: HalfOpenConnections;
  readonly #attempts: Attempts;
  /** In state idle, kept for their delivery alone; the oldest first. */
  readonly #closing = new Set<ControlConnection>();
  nextAttemptMs: number | undefined;
  readonly unmatchedCalls: UnmatchedCalls;
  readonly #takeOvers: TakeOvers;
  #challenge: string | undefined;
  /** Since when none is established. */
  downMs: number;
  /** Why there is no connection, for people. */
  #whyNot: string | undefined;
  readonly #refusals: Refusals;

  constructor(context: LcceContext, registry: Registry, settings: PeerSettings) {
    this.#context = context;
    this.#registry = registry;
    this.#settings = settings;
    this.pathMtuMemory = new PathMtuMemory(settings.formerPathMtu);
    this.#halfOpen = new HalfOpenConnections(context.random);
    this.#attempts = new Attempts(context.random);
    this.admission = new SccrqAdmission(context, this);
    this.unmatchedCalls = new UnmatchedCalls(context, this.#pseudowires);
    this.#takeOvers = new TakeOvers(context);
    this.#refusals = new Refusals(context);
    this.downMs = context.nowMs;
  }

  get settings(): PeerSettings {
    return this.#settings;
  }

  get pseudowires(): Iterable<Pseudowire> {
    return this.#pseudowires.values();
  }

  findPseudowire(remoteEndId: Uint8Array | undefined): Pseudowire | undefined {
    if (remoteEndId !== undefined) return this.#byEndId.get(toHex(remoteEndId));
    const [only, another] = this.#pseudowires.values();
    return another === undefined ? only : undefined;
  }

  get initiatesSessions(): boolean {
    return this.#wanted;
  }

  get minimumPauseMs(): number {
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
    return this.#refusals.reasonBefore(this.#challenge ?? this.#whyNot ?? this.#silence);
  }

  /** Why our SCCRQ has no answer, after some seconds. */
  get #silence(): string | undefined {
    const attempt = this.#attempt;
    if (attempt === undefined || attempt.unanswered < limits.silentSccrqs) return undefined;
    return this.silenceReason(attempt);
  }

  /** What looks wrong though the connection may be up, for people. */
  get notes(): readonly string[] {
    const notes = [this.#challenge, this.unmatchedCalls.note, this.#takeOvers.note];
    return notes.filter((note) => note !== undefined);
  }

  /** A message from the peer's address was refused; `why` is for people and proves nothing of its sender. */
  noteRefusal(why: string, path: PsnPath): void {
    this.#note(why, path, false);
  }

  noteFailure(verdict: "wrong-digest" | "missing-digest", path: PsnPath): void {
    // Anybody may say that he is a peer of any address: that is no news of it.
    if (this.#settings.from !== undefined) return;
    const { mode } = this.#settings.authentication;
    const why = describeAuthenticationFailure(verdict, mode, path.remoteAddress);
    this.#refusals.addFailure(why);
    this.#note(why, path, true);
  }

  #note(detail: string, path: PsnPath, isAuthentication: boolean): void {
    // While there is a connection it is no reason why there is none.
    if (!this.isConnected) this.#refusals.add(detail);
    const { name: peer } = this.#settings;
    this.#context.emit({ kind: "report", event: { event: "refused", peer, path, isAuthentication, detail } });
  }

  silenceReason(connection: ControlConnection): string {
    return this.#refusals.silenceReason(describeSilence(connection, this.#context.identity, this.#settings));
  }

  /** A message from the peer's address is for no connection of ours: with authentication it cannot count. */
  noteStrayMessage(): void {
    if (this.#settings.authentication.mode !== "digest") this.#current?.probe();
  }

  open(): void {
    if (this.#dials) this.#attemptNow();
    else this.#whyNot = "waiting for the peer to connect";
  }

  /** Whether we open connections: not to a peer of any address. */
  get #dials(): boolean {
    return this.#settings.role !== "responder" && this.#settings.from === undefined;
  }

  update(settings: PeerSettings): void {
    this.#settings = settings;
    for (const connection of this.#connections()) connection.settingsChanged();
  }

  /** Our end of the path, or the address of the peer's name, is another: an attempt is made at once. */
  changePath(path: PsnPath): void {
    const { path: before } = this.#settings;
    this.#settings = { ...this.#settings, path };
    this.#current?.follower.changePath(before, path);
    const isOurs = !isSameEnd(before, path);
    if (isOurs) for (const half of this.#halfOpen) half.end("retire", "our address changed");
    if (isOurs || this.#attempt?.counters.received === 0) this.#attempt?.end("retire", "another path");
    if (this.nextAttemptMs !== undefined) this.expire();
  }

  rename(name: string): void {
    this.#settings = { ...this.#settings, name };
  }

  /** Ends everything; connections live on only until their StopCCN is through. */
  close(resultCode: 1 | 6): void {
    this.#wanted = false;
    this.nextAttemptMs = undefined;
    this.#context.timers.set(this, undefined);
    for (const pseudowire of this.pseudowires) pseudowire.close();
    if (this.isConnected) for (const half of this.#halfOpen) half.end("retire", "closed here");
    for (const connection of this.#connections()) connection.close("closed here", resultCode);
  }

  addPseudowire(settings: PseudowireSettings, status: LocalStatus): Pseudowire {
    const pseudowire = new Pseudowire(this.#context, this, settings, status);
    this.#pseudowires.set(settings.name, pseudowire);
    this.unmatchedCalls.forget();
    this.#byEndId.set(toHex(settings.remoteEndId), pseudowire);
    // Our operator just added or changed it: the peer cannot know when to call.
    if (this.#current?.isReady) this.#callNow(pseudowire);
    return pseudowire;
  }

  #callNow(pseudowire: Pseudowire): void {
    if (this.minimumPauseMs === 0) this.openSession(pseudowire);
    else pseudowire.callAfter(this.minimumPauseMs);
  }

  removePseudowire(name: string): void {
    const pseudowire = this.#pseudowires.get(name);
    if (pseudowire === undefined) return;
    this.#pseudowires.delete(name);
    const endId = toHex(pseudowire.settings.remoteEndId);
    if (this.#byEndId.get(endId) === pseudowire) this.#byEndId.delete(endId);
    this.#current?.sessions.cancel(pseudowire);
    pseudowire.close();
    pseudowire.session?.apply({ kind: "close", why: "closed here" });
  }

  /** The tie breaker of our own SCCRQ that is outstanding (RFC 3931 §5.4.3). */
  get outstandingTieBreaker(): Uint8Array | undefined {
    if (this.#attempt?.state === "wait-ctl-reply") return this.#attempt.tieBreaker;
    // Until the peer acknowledged our SCCCN, an SCCRQ of its may have crossed ours on the way.
    return this.#current?.isInitiator && !this.#current.isReady ? this.#current.tieBreaker : undefined;
  }

  isOurs({ assignedControlConnectionId, tieBreaker }: AvpValues): boolean {
    return [...this.#connections(), ...this.#closing].some(
      (connection) =>
        connection.isInitiator &&
        connection.localControlConnectionId === assignedControlConnectionId &&
        tieBreaker !== undefined &&
        equalOctets(connection.tieBreaker, tieBreaker),
    );
  }

  connectionBegunBy(path: PsnPath, again: AvpValues): ControlConnection | undefined {
    return [...this.#connections(), ...this.#closing].find(({ sccrq, state, peerPath }) => {
      if (sccrq?.assignedControlConnectionId !== again.assignedControlConnectionId) return false;
      const waitsForScccn = state === "wait-ctl-conn";
      if (sccrq === undefined || !isRepetition(sccrq, again, waitsForScccn)) return false;
      // With its SCCCN the peer has our SCCRP, and repeats no SCCRQ: from elsewhere it is a recording.
      return waitsForScccn ? peerPath.accepts(path) : isSameAddress(peerPath.path, path);
    });
  }

  /**
   * RFC 3931 §5.4.3: when both SCCRQs cross, the one with the lower tie breaker stands. Where nobody answered
   * ours, it wins nothing: then both go on, and what comes up first stands.
   */
  acceptConnection(path: PsnPath, sccrq: DecodedMessage, octets: number): "accepted" | "tie-won" | "no-room" {
    const ours = this.outstandingTieBreaker;
    if (ours !== undefined) {
      const outcome = compareTieBreakers(ours, sccrq.message.avps.tieBreaker);
      if (outcome === "equal") this.#attempt?.end("tie-equal", "both SCCRQs had the same tie breaker");
      if (outcome === "equal" || (outcome === "won" && !this.#acceptsTieLoser())) return "tie-won";
      this.#attempt?.end("tie-lost", "the peer's SCCRQ won the tie");
    }
    // Where a peer of any address comes from is known while it is there.
    const usual = (this.#settings.from && this.#current?.path) ?? this.#settings.path;
    if (!this.#halfOpen.makeRoom(path, usual)) return "no-room";
    const connection = new ControlConnection(this.#context, this, path);
    this.#halfOpen.add(connection);
    connection.accept(sccrq, octets);
    this.#registry.connectionOpened(connection);
    return "accepted";
  }

  connectionEstablished(connection: ControlConnection): void {
    const previous = this.#current;
    const older =
      connection === this.#attempt ? this.#halfOpen.losersTo(connection) : this.#halfOpen.before(connection);
    this.#attempts.established();
    this.#halfOpen.delete(connection);
    if (this.#attempt === connection) this.#attempt = undefined;
    this.#current = connection;
    this.#takeOvers.add(previous?.path, connection.path);
    this.#whyNot = undefined;
    this.#refusals.forget();
    this.unmatchedCalls.forget();
    this.#noteIdentity(connection);
    this.nextAttemptMs = undefined;
    this.#context.timers.set(this, undefined);
    // What a digest proves is enough to go on with the sessions that the peer may have still.
    if (this.#settings.authentication.mode === "digest") previous?.sessions.outliveConnection();
    previous?.end("retire", "a newer control connection took over");
    this.#attempt?.end("retire", "the peer's control connection came up first");
    for (const one of older) one.end("retire", "a newer control connection came up");
  }

  connectionReady(connection: ControlConnection): void {
    for (const pseudowire of this.#pseudowires.values()) this.#schedule(pseudowire, connection);
  }

  connectionClosed(connection: ControlConnection, why: string, cause: keyof ControlConnectionEvents): void {
    this.#halfOpen.delete(connection);
    this.#keepClosing(connection);
    this.#noteIdentity(connection);
    if (cause === "stopccn") connection.pathMtu.closedByPeer();
    if (this.#current === connection) {
      this.#current = undefined;
      this.downMs = this.#context.nowMs;
    }
    if (this.#attempt === connection) this.#attempt = undefined;
    if (!this.#wanted || this.#current !== undefined || this.#attempt !== undefined) return;
    this.#whyNot = why;
    if (!this.#dials || this.nextAttemptMs !== undefined) return;
    // The peer may be about to come up with a connection of its own.
    const leastMs = this.#halfOpen.isEmpty ? 0 : limits.tieLostMs;
    const { pauseMs, isSilence } = this.#attempts.pauseAfter(connection, cause, this.#settings);
    if (isSilence) this.#whyNot = `${why}; silent for a while, in case it holds a connection from before`;
    this.nextAttemptMs = this.#context.nowMs + Math.max(pauseMs, leastMs);
    this.#context.timers.set(this, this.nextAttemptMs);
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

  /**
   * Whose turn it is to call: the initiator of the connection goes on for as long as its next call may take
   * to come through.
   */
  get peerCallsUntilMs(): number {
    return (this.#current?.sessions.lastPeerCallMs ?? Number.NEGATIVE_INFINITY) + limits.nextCallGraceMs;
  }

  /** It is time to call for a pseudowire. */
  openSession(pseudowire: Pseudowire): void {
    this.#current?.sessions.open(pseudowire);
  }

  expire(): void {
    this.nextAttemptMs = undefined;
    if (this.#wanted && this.#current === undefined && this.#attempt === undefined) this.#attemptNow();
  }

  /** A request of the peer that we do not support: it may close the connection for that without a reason. */
  #noteIdentity({ identity }: ControlConnection): void {
    if (identity !== undefined) this.#challenge = identity.challenges ? CHALLENGE_NOT_SUPPORTED : undefined;
  }

  #connections(): readonly ControlConnection[] {
    return [this.#current, this.#attempt, ...this.#halfOpen].filter((connection) => connection !== undefined);
  }

  #attemptNow(): void {
    const connection = new ControlConnection(this.#context, this, this.#settings.path);
    this.#attempt = connection;
    this.#registry.connectionOpened(connection);
    connection.open();
  }

  /** The initiator of the connection calls at once; the other side only if no call comes. */
  #schedule(pseudowire: Pseudowire, connection: ControlConnection): void {
    if (!this.initiatesSessions || pseudowire.session !== undefined) return;
    const atOnce = connection.isInitiator || this.#settings.role === "initiator";
    if (atOnce) connection.sessions.open(pseudowire);
    else pseudowire.waitForPeerCall(Math.max(limits.firstCallGraceMs, this.minimumPauseMs));
  }

  /** Whether the peer's SCCRQ that lost the tie to ours is taken all the same: where nobody answers ours. */
  #acceptsTieLoser(): boolean {
    const isUnanswered = this.#attempts.areUnanswered(this.#attempt);
    this.#whyNot = isUnanswered
      ? "the peer dials too and does not answer our SCCRQ; taking its call"
      : "the peer dials too; our SCCRQ goes first, but is not answered yet";
    return isUnanswered;
  }

  /**
   * Keeps a connection in state idle for its delivery. Their number is bounded, or SCCRQs with a StopCCN
   * behind each would fill our memory.
   */
  #keepClosing(connection: ControlConnection): void {
    if (connection.isGone) return;
    this.#closing.add(connection);
    const [oldest] = this.#closing;
    if (this.#closing.size > limits.closingConnections) oldest?.forget();
  }
}
