import { hexId } from "../bytes/hex.ts";
import type { ReportedEvent } from "../control/effects.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

/** Causes by which a connection ends because of another one of the same tunnel. */
const supersededBy: ReadonlySet<string> = new Set(["retire", "tie-lost", "tie-equal"]);

type ConnectionEvent = ReportedEvent & { readonly event: "control-connection" };

/**
 * Writes the events of the control plane to the log; those that a stranger can cause are limited in number.
 */
export class EventLog {
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  /** The connection of each tunnel that is established, by its id. */
  readonly #inUse = new Map<string, number>();

  constructor(log: Log, limiter = new LogLimiter()) {
    this.#log = log;
    this.#limiter = limiter;
  }

  report(event: ReportedEvent, nowMs: number): void {
    switch (event.event) {
      case "discard":
        return this.#discard(event, nowMs);
      case "refused": {
        const more = this.#limiter.admit(`refused ${event.peer} ${event.isAuthentication}`, nowMs);
        if (more === undefined) return;
        const { peer: tunnel, isAuthentication, path, detail } = event;
        const fields = { event: isAuthentication ? "authentication-failed" : "refused", tunnel };
        const level = isAuthentication ? "warn" : "info";
        this.#log[level](
          { ...fields, from: path.remoteAddress, detail },
          `tunnel ${tunnel}: ${detail}${more}`,
        );
        return;
      }
      default: {
        const isStranger = event.event === "control-connection" && isHalfOpen(event);
        const more = isStranger ? this.#limiter.admit(`half-open ${event.peer}`, nowMs) : "";
        if (more === undefined) return;
        const { peer: tunnel, ...fields } = event;
        const subject =
          event.event === "session"
            ? `pseudowire ${event.pseudowire} of tunnel ${tunnel}`
            : `tunnel ${tunnel}${this.#connectionText(event)}`;
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        const change = `${event.from} -> ${event.to} (${event.cause})`;
        this.#log.info({ ...fields, tunnel }, `${subject}: ${change}${detail}${more}`);
      }
    }
  }

  /** Names a connection where the tunnel has, or may have, another one that is in use. */
  #connectionText({ peer, localControlConnectionId: id, cause, to }: ConnectionEvent): string {
    const inUse = this.#inUse.get(peer);
    if (to === "established") this.#inUse.set(peer, id);
    else if (inUse === id) this.#inUse.delete(peer);
    const isOther = inUse !== undefined && inUse !== id && to !== "established";
    return isOther || supersededBy.has(cause) ? `, control connection ${hexId(id)}` : "";
  }

  #discard({ reason, path }: ReportedEvent & { readonly event: "discard" }, nowMs: number): void {
    const more = this.#limiter.admit(`discard ${reason}`, nowMs);
    if (more === undefined) return;
    const fields = { event: "control-discard", reason, from: path.remoteAddress };
    if (reason !== "unknown-peer")
      return this.#log.debug(
        fields,
        `discarded control message from ${path.remoteAddress}: ${reason}${more}`,
      );
    this.#log.info(
      fields,
      `discarded SCCRQ from ${path.remoteAddress}: no tunnel has this remote address${more}`,
    );
  }
}

/**
 * Whether the connection was opened by an SCCRQ, which can be forged or replayed, and did not get
 * established.
 */
function isHalfOpen({ from, to }: ConnectionEvent): boolean {
  return to === "wait-ctl-conn" || (from === "wait-ctl-conn" && to !== "established");
}
