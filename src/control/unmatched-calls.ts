import type { LcceContext } from "./context.ts";
import { describeUnmatchedCall } from "./describe.ts";

/** How long a call is told of as something wrong now: a peer that is still of that mind calls again. */
const TOLD_MS = 600_000;

/** A pseudowire, as far as it may be the one that a call was meant for. */
interface Candidate {
  readonly session: { readonly state: string } | undefined;
}

/** Calls of a peer for none of our pseudowires: the last one is kept, as text for people. */
export class UnmatchedCalls {
  readonly #context: LcceContext;
  readonly #pseudowires: ReadonlyMap<string, Candidate>;
  #last: { readonly text: string; readonly atMs: number } | undefined;

  constructor(context: LcceContext, pseudowires: ReadonlyMap<string, Candidate>) {
    this.#context = context;
    this.#pseudowires = pseudowires;
  }

  /** What the last one called for: it may be why a pseudowire has no session, however long ago it came. */
  get text(): string | undefined {
    return this.#last?.text;
  }

  /** The same while it needs attention: for ten minutes after the last call, or until `forget`. */
  get note(): string | undefined {
    const isRecent = this.#last !== undefined && this.#context.nowMs - this.#last.atMs < TOLD_MS;
    return isRecent ? this.text : undefined;
  }

  /** The peer called for none of ours; `remoteEndId` is absent where it did not say for which. */
  add(remoteEndId: Uint8Array | undefined): void {
    this.#last = { text: describeUnmatchedCall(remoteEndId), atMs: this.#context.nowMs };
  }

  /**
   * A session is established. Once all pseudowires have one, the peer now means what it called for before, or
   * it calls again for more than there is; while one has none, the call may have been meant for that.
   */
  sessionEstablished(): void {
    if (this.#last === undefined) return;
    for (const { session } of this.#pseudowires.values()) if (session?.state !== "established") return;
    this.forget();
  }

  /** Our pseudowires or the connection are others now. */
  forget(): void {
    this.#last = undefined;
  }
}
