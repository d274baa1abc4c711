import { Backoff } from "./backoff.ts";
import type { Context } from "./context.ts";
import type { Session } from "./session.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";
import type { Expirable } from "./timers.ts";

/** Where a pseudowire turns when it is time to call. */
export interface PseudowireOwner {
  readonly settings: PeerSettings;
  /** The peer opened the connection and calls: until then, in ms of the injected clock, its next call may yet come. */
  readonly peerCallsUntilMs: number;
  openSession(pseudowire: Pseudowire): void;
}

/** A pseudowire that is wanted: it outlives its sessions and calls again after each that ended. */
export class Pseudowire implements Expirable {
  readonly settings: PseudowireSettings;
  readonly #context: Context;
  readonly #owner: PseudowireOwner;
  readonly #backoff = new Backoff();
  /** Whether the attachment circuit is up. */
  circuitActive: boolean;
  session: Session | undefined;
  /** Why it is not established, for people. */
  whyNot: string | undefined;
  nextCallMs: number | undefined;
  #waitsForPeer = false;

  constructor(
    context: Context,
    owner: PseudowireOwner,
    settings: PseudowireSettings,
    circuitActive: boolean,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.settings = settings;
    this.circuitActive = circuitActive;
  }

  /** Leaves it to the peer to call, for `delayMs` and for as long as it goes on calling; then calls. */
  waitForPeerCall(delayMs: number): void {
    this.#waitsForPeer = true;
    this.#callAt(this.#context.nowMs + delayMs);
  }

  /** Calls after `delayMs`, unless the peer does before. */
  callAfter(delayMs: number): void {
    this.#waitsForPeer = false;
    this.#callAt(this.#context.nowMs + delayMs);
  }

  /** Calls again after the next pause of the backoff, and `leastMs` at least. */
  retryCall(leastMs: number): void {
    const { reconnectInitialMs, reconnectCapMs } = this.#owner.settings;
    const pauseMs = this.#backoff.next(reconnectInitialMs, reconnectCapMs, this.#context.random);
    this.callAfter(Math.max(pauseMs, leastMs));
  }

  cancelCall(): void {
    this.nextCallMs = undefined;
    this.#context.timers.set(this, undefined);
  }

  established(): void {
    this.#backoff.reset();
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
