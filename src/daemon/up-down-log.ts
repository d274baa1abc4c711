import type { Config } from "../config/config.ts";
import type { Effect, Input, ReportedEvent } from "../control/effects.ts";
import type { ChangeHistory, ChangeStatus, Changes, ChangingKind } from "./change-history.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { PseudowireLog, type PseudowireSources } from "./pseudowire-log.ts";
import { UpDowns } from "./up-downs.ts";

type ConnectionChange = ReportedEvent & { readonly event: "control-connection" };

/** Sees by what the control plane is told and asks when control connections and pseudowires go up or down. */
export class UpDownLog implements Changes {
  readonly #upDowns: UpDowns;
  readonly #pseudowires: PseudowireLog;
  /** Tunnels whose established connection just gave way to another one, and why; that is reported next. */
  readonly #retired = new Map<string, string>();

  constructor(log: Log, sources: PseudowireSources, limiter?: LogLimiter) {
    this.#upDowns = new UpDowns(log, limiter);
    this.#pseudowires = new PseudowireLog(this.#upDowns, sources);
  }

  /** Looks at what the control plane was told, after it has handled that. */
  handled(input: Input, nowMs: number): void {
    if (input.kind === "circuit-status" || input.kind === "pseudowire-standby")
      this.#pseudowires.localChanged(input.pseudowire, nowMs);
    if (input.kind === "rename-connections") this.#upDowns.rename(input.newNames);
  }

  /** Looks at what the control plane asks, once it is done. */
  performed(effect: Effect, nowMs: number): void {
    if (effect.kind === "report" && effect.event.event === "control-connection")
      this.#connectionChanged(effect.event, nowMs);
    this.#pseudowires.performed(effect, nowMs);
  }

  /** The static session of a pseudowire was closed, by us. */
  staticClosed(pseudowire: string, nowMs: number): void {
    this.#pseudowires.staticClosed(pseudowire, nowMs);
  }

  /** Forgets what a configuration does not have. */
  retain(config: Config): void {
    this.#upDowns.retain(config);
  }

  downMs(pseudowire: string): number | undefined {
    return this.#pseudowires.downMs(pseudowire);
  }

  /** How many pseudowires of the present configuration are up. */
  countUp(): number {
    return this.#pseudowires.countUp();
  }

  changes(kind: ChangingKind, name: string, nowMs: number): ChangeStatus {
    return this.#upDowns.status(kind, name, nowMs);
  }

  /** The ups and downs of a tunnel or pseudowire; undefined before the first. */
  history(kind: ChangingKind, name: string): ChangeHistory | undefined {
    return this.#upDowns.history(kind, name);
  }

  flappingNote(kind: ChangingKind, name: string, nowMs: number): string | undefined {
    return this.#upDowns.flappingNote(kind, name, nowMs);
  }

  /** Tells what flaps no more, and how many lines were left out, if there were too many at once. */
  close(nowMs: number): void {
    this.#upDowns.close(nowMs);
  }

  #connectionChanged(
    { peer, from, to, cause, detail = cause, result }: ConnectionChange,
    nowMs: number,
  ): void {
    if (to === "established") {
      const retired = this.#retired.get(peer);
      this.#retired.delete(peer);
      if (retired === undefined) this.#upDowns.wentUp("tunnel", peer, peer, nowMs);
      else this.#upDowns.replaced(peer, "retire", retired, nowMs);
    } else if (from === "established") {
      // The one in use ends by this alone: another one is reported as established next.
      if (cause === "retire") this.#retired.set(peer, detail);
      else {
        const down = { cause, reason: detail, isPlanned: cause === "close", result };
        this.#upDowns.isDown("tunnel", peer, peer, down, nowMs);
      }
    }
  }
}
