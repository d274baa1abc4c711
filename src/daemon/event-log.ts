import type { ReportedEvent } from "../control/effects.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

type ConnectionEvent = ReportedEvent & { readonly event: "control-connection" };

/** Writes what the control plane reports to the log; of what a stranger can cause, a few lines in a while. */
export class EventLog {
  readonly #log: Log;
  readonly #limiter: LogLimiter;

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
        const { peer, isAuthentication, path, detail } = event;
        const fields = { event: isAuthentication ? "authentication-failed" : "refused", peer };
        const level = isAuthentication ? "warn" : "info";
        this.#log[level]({ ...fields, from: path.remoteAddress, detail }, `tunnel ${peer}: ${detail}${more}`);
        return;
      }
      default: {
        const isStranger = event.event === "control-connection" && isHalfOpen(event);
        const more = isStranger ? this.#limiter.admit(`half-open ${event.peer}`, nowMs) : "";
        if (more === undefined) return;
        const subject =
          event.event === "session"
            ? `pseudowire ${event.pseudowire}`
            : `control connection to ${event.peer}`;
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        const change = `${event.from} -> ${event.to} (${event.cause})`;
        this.#log.info({ ...event }, `${subject} ${change}${detail}${more}`);
      }
    }
  }

  #discard({ reason, path }: ReportedEvent & { readonly event: "discard" }, nowMs: number): void {
    const more = this.#limiter.admit(`discard ${reason}`, nowMs);
    if (more === undefined) return;
    const fields = { event: "control-discard", reason, from: path.remoteAddress };
    if (reason !== "unknown-peer") return this.#log.debug(fields, `discarded: ${reason}${more}`);
    this.#log.info(
      fields,
      `SCCRQ from ${path.remoteAddress}, which no tunnel has as its remote: discarded${more}`,
    );
  }
}

/** Whether it began with an SCCRQ, which can be forged or replayed, and did not come up. */
function isHalfOpen({ from, to }: ConnectionEvent): boolean {
  return to === "wait-ctl-conn" || (from === "wait-ctl-conn" && to !== "established");
}
