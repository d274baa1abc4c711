import type { LcceContext } from "./context.ts";
import { limits } from "./settings.ts";

/** What a look at a silence needs of the connection. */
export interface SilentConnection {
  /** Whether nothing waits for an acknowledgement of the peer. */
  readonly isIdle: boolean;
  sendHello(): void;
  /** The peer did not acknowledge in time: it may be elsewhere. */
  doubted(): void;
}

/**
 * Looks whether the peer is still there when its data comes no more. Mostly its hosts have nothing more to
 * say, and a HELLO is answered. But a NAT before us may have forgotten us: then nothing reaches us until
 * something goes out, and the HELLO is just that. Or the peer has another address. A few HELLOs may follow
 * each other; for hosts that talk now and then there are no more of them than in silence.
 */
export class DataSilence {
  readonly #context: LcceContext;
  readonly #connection: SilentConnection;
  /** The time that the HELLOs so far have used up, an interval each; it is never far behind the clock. */
  #freeMs = Number.NEGATIVE_INFINITY;
  #answerByMs: number | undefined;

  constructor(context: LcceContext, connection: SilentConnection) {
    this.#context = context;
    this.#connection = connection;
  }

  /** When `expire` is next due, in ms of the injected clock; undefined while no answer is waited for. */
  get dueMs(): number | undefined {
    return this.#answerByMs;
  }

  /** The data of a session came to an end. */
  begin(): void {
    const { nowMs } = this.#context;
    const { silenceIntervalMs, silenceHellos } = limits;
    const freeMs = Math.max(this.#freeMs, nowMs - silenceHellos * silenceIntervalMs) + silenceIntervalMs;
    if (freeMs > nowMs) return;
    this.#freeMs = freeMs;
    this.#answerByMs = nowMs + limits.silenceAnswerMs;
    if (this.#connection.isIdle) this.#connection.sendHello();
  }

  /** The peer acknowledged something. */
  answered(): void {
    this.#answerByMs = undefined;
  }

  expire(nowMs: number): void {
    if (this.#answerByMs === undefined || nowMs < this.#answerByMs) return;
    this.#answerByMs = undefined;
    this.#connection.doubted();
  }
}
