import type { Random } from "../environment.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { Effect, Input } from "./effects.ts";
import { LcceCore } from "./lcce-core.ts";
import type { LcceIdentity } from "./settings.ts";
import type { LcceOverview, LcceSnapshot } from "./snapshot.ts";

/**
 * An LCCE: the control plane of this node, with all its control connections, as one function of inputs and
 * time. It reads no clock, opens no socket, and its only randomness is the source it was given.
 */
export class Lcce {
  readonly #core: LcceCore;

  constructor(identity: LcceIdentity, random: Random) {
    this.#core = new LcceCore(identity, random);
  }

  /** Handles one input that happened at `nowMs`; the effects are to be performed in order. */
  handle(input: Input, nowMs: number): readonly Effect[] {
    return this.#core.handle(input, nowMs);
  }

  /** Handles deadlines that passed: to be called at or after `deadlineMs`; early calls do nothing. */
  expire(nowMs: number): readonly Effect[] {
    return this.#core.expire(nowMs);
  }

  /** When `expire` is next due, in ms of the injected clock; undefined without deadlines. */
  get deadlineMs(): number | undefined {
    return this.#core.deadlineMs;
  }

  /** Whether no connection is left, not even one whose StopCCN is not acknowledged yet. */
  get hasNoConnections(): boolean {
    return this.#core.hasNoConnections;
  }

  /**
   * Whether every StopCCN was acknowledged, so that nothing but acknowledgements of repeated ones is left to
   * send. Peers that never proved to receive our messages do not count.
   */
  get isDrained(): boolean {
    return this.#core.isDrained;
  }

  /** As `snapshot`, without the pseudowires. */
  overview(nowMs?: number): LcceOverview {
    return this.#core.overview(nowMs);
  }

  /**
   * The peer that a control message is of, by its path and the Control Connection ID in its header; undefined
   * where that tells none. Nothing is verified.
   */
  peerOf(direction: "sent" | "received", path: PsnPath, controlConnectionId: number): string | undefined {
    return this.#core.peerOf(direction, path, controlConnectionId);
  }

  /** The state of all connections and pseudowires at `nowMs`, or after the last input; plain data. */
  snapshot(nowMs?: number): LcceSnapshot {
    return this.#core.snapshot(nowMs);
  }
}
