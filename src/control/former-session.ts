import type { Expirable } from "../bytes/timers.ts";
import type { Flushable, LcceContext } from "./context.ts";
import type { Session } from "./session.ts";
import { limits } from "./settings.ts";

/**
 * A session of a control connection that gave way to a newer one of the same peer: it forwards until the
 * pseudowire has a session on that, and for a bounded time.
 */
export class FormerSession implements Expirable, Flushable {
  readonly session: Session;
  /** When it ended; undefined while it forwards. */
  endedMs: number | undefined;
  readonly #context: LcceContext;

  constructor(context: LcceContext, session: Session) {
    this.session = session;
    this.#context = context;
    context.timers.set(this, context.nowMs + limits.formerSessionMs);
  }

  /** The newer session forwards: this one ends with the input that brought that up. */
  replaced(): void {
    this.#context.markDirty(this);
  }

  flush(): void {
    this.end("a session of the newer control connection took over");
  }

  expire(): void {
    this.end("the newer control connection brought no session in its place");
  }

  end(why: string): void {
    this.#context.timers.set(this, undefined);
    this.endedMs ??= this.#context.nowMs;
    if (this.session.state === "established")
      this.session.apply({ kind: "connection-lost", by: "retire", why });
  }
}
