import type { Expirable } from "../bytes/timers.ts";
import { Backoff } from "./backoff.ts";
import type { LcceContext } from "./context.ts";
import { FormerSession } from "./former-session.ts";
import type { LocalStatus, Session } from "./session.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";

/** The peer, as far as a pseudowire needs it. */
export interface PseudowireOwner {
  readonly settings: PeerSettings;
  /**
   * Until when, in ms of the injected clock, the peer as initiator of the connection may still open the
   * session.
   */
  readonly peerCallsUntilMs: number;
  openSession(pseudowire: Pseudowire): void;
}

/** A configured pseudowire: it outlives its sessions and opens a new one after each that ended. */
export class Pseudowire implements Expirable {
  readonly settings: PseudowireSettings;
  readonly #context: LcceContext;
  readonly #owner: PseudowireOwner;
  readonly #backoff = new Backoff();
  localStatus: LocalStatus;
  session: Session | undefined;
  /** One of the connection before, which forwards until there is another. */
  #former: FormerSession | undefined;
  /** Why the pseudowire is not established; text for the operator. */
  whyNot: string | undefined;
  nextCallMs: number | undefined;
  /** Since when no session is established; of a former one its end counts. */
  #downMs: number;
  #waitsForPeer = false;

  constructor(
    context: LcceContext,
    owner: PseudowireOwner,
    settings: PseudowireSettings,
    localStatus: LocalStatus,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.settings = settings;
    this.localStatus = localStatus;
    this.#downMs = context.nowMs;
  }

  /** Since when it has no session that forwards, where it has none. */
  get downMs(): number {
    return this.#former?.endedMs ?? this.#downMs;
  }

  /** A session of it ended. */
  ended(session: Session): void {
    this.session = undefined;
    if (session.establishedMs !== undefined) this.#downMs = this.#context.nowMs;
  }

  /**
   * Waits for the peer to open the session, for `delayMs` and while it goes on opening others; then opens it.
   */
  waitForPeerCall(delayMs: number): void {
    this.#waitsForPeer = true;
    this.#callAt(this.#context.nowMs + delayMs);
  }

  /** Opens a session after `delayMs`, unless the peer does before. */
  callAfter(delayMs: number): void {
    this.#waitsForPeer = false;
    this.#callAt(this.#context.nowMs + delayMs);
  }

  /** Opens a session after the next pause of the backoff, at least `leastMs`. */
  retryCall(leastMs: number): void {
    const { reconnectInitialMs, reconnectCapMs } = this.#owner.settings;
    const pauseMs = this.#backoff.next(reconnectInitialMs, reconnectCapMs, this.#context.random);
    this.callAfter(Math.max(pauseMs, leastMs));
  }

  /** The session that forwards, or else the one that is being set up. */
  get shownSession(): Session | undefined {
    const former = this.#former?.session;
    return this.session?.state !== "established" && former?.state === "established" ? former : this.session;
  }

  /** Its connection gave way to a newer one. */
  keepFormer(session: Session): void {
    this.#former?.end("a newer session was there");
    this.#former = new FormerSession(this.#context, session);
    this.session = undefined;
  }

  /** The pseudowire is wanted no more: no call, and no session of a former connection. */
  close(): void {
    this.cancelCall();
    this.#former?.end("closed here");
    this.#former = undefined;
  }

  cancelCall(): void {
    this.nextCallMs = undefined;
    this.#context.timers.set(this, undefined);
  }

  /** A session of it was of use: the next pause is the first of the backoff again. */
  served(): void {
    this.#backoff.reset();
  }

  established(): void {
    this.#former?.replaced();
    this.#former = undefined;
    this.whyNot = undefined;
    this.cancelCall();
  }

  expire(nowMs: number): void {
    const { peerCallsUntilMs } = this.#owner;
    if (this.#waitsForPeer && peerCallsUntilMs > nowMs) return this.#callAt(peerCallsUntilMs);
    this.nextCallMs = undefined;
    this.#owner.openSession(this);
  }

  #callAt(atMs: number): void {
    this.nextCallMs = atMs;
    this.#context.timers.set(this, atMs);
  }
}
