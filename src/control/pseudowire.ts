import { Backoff } from "./backoff.ts";
import type { Context } from "./context.ts";
import type { Session } from "./session.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";
import type { Expirable } from "./timers.ts";

/** Where a pseudowire turns when it is time to call. */
export interface PseudowireOwner {
  readonly settings: PeerSettings;
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

  /** Calls after `delayMs`, unless the peer does before. */
  callAfter(delayMs: number): void {
    this.nextCallMs = this.#context.nowMs + delayMs;
    this.#context.timers.set(this, this.nextCallMs);
  }

  /** Calls again after the next pause of the backoff, and `leastMs` at least. */
  callAgain(leastMs: number): void {
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

  expire(): void {
    this.nextCallMs = undefined;
    this.#owner.openSession(this);
  }
}
