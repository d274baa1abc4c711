import type { Effect, Input } from "../control/effects.ts";
import { monotonicClock } from "../os/clock.ts";
import { ControlTrace, type FindTunnel } from "./control-trace.ts";
import { EventLog } from "./event-log.ts";
import type { OpenLog } from "./log.ts";
import type { PseudowireSources } from "./pseudowire-log.ts";
import { UpDownLog } from "./up-down-log.ts";

/** What the lines are made of, beside what the control plane is told and asks. */
export interface ControlLogSources extends PseudowireSources {
  readonly tunnelOf: FindTunnel;
}

/** All that the log has of the control plane, by what that is told and what it asks. */
export class ControlLog {
  readonly events: EventLog;
  readonly upDowns: UpDownLog;
  readonly #trace: ControlTrace;

  constructor({ log, feed, limiter }: OpenLog, sources: ControlLogSources) {
    feed.names = sources.pseudowires;
    this.events = new EventLog(log, limiter);
    this.upDowns = new UpDownLog(log, sources, limiter);
    this.#trace = new ControlTrace(feed, monotonicClock, sources.tunnelOf);
  }

  /** Looks at what the control plane is about to be told. */
  told(input: Input): void {
    if (input.kind === "datagram") this.#trace.tell("received", input.path, input.octets);
  }

  /** Looks at what the control plane was told, after it has handled that. */
  handled(input: Input, nowMs: number): void {
    this.upDowns.handled(input, nowMs);
  }

  /** Looks at what the control plane asks, before it is done. */
  asked(effect: Effect, nowMs: number): void {
    if (effect.kind === "transmit") this.#trace.tell("sent", effect.path, effect.octets);
    if (effect.kind === "report") this.events.report(effect.event, nowMs);
  }

  /** The same, once it is done. */
  performed(effect: Effect, nowMs: number): void {
    this.upDowns.performed(effect, nowMs);
  }
}
