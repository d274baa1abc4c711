import { counted } from "../bytes/counted.ts";
import { durationText } from "../bytes/duration.ts";
import type { Config } from "../config/config.ts";
import type { PeerResult } from "../control/effects.ts";
import {
  ChangeHistory,
  type ChangeStatus,
  type ChangingKind,
  FLAPPING_MS,
  type WentDown,
} from "./change-history.ts";
import { configuredNames, retainNames } from "./configured-names.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

const kindsOfAll: readonly ChangingKind[] = ["tunnel", "pseudowire"];
/** Lines that the log has at most in a window when many go up or down; the rest is counted. */
const MOST_LINES = 20;

/** Why something is down. */
export interface DownCause {
  /** A stable word: the event of its state machine, or which circuit it is. */
  readonly cause: string;
  /** The same for people, with the peer's words. */
  readonly reason: string;
  /** Whether our operator or file wants it so. */
  readonly isPlanned: boolean;
  /** Where the cause is that the control connection ended: the cause of that. */
  readonly connectionCause?: string | undefined;
  /** What the peer gave as its reason. */
  readonly result?: PeerResult | undefined;
}

/** A pseudowire or the control connection of a tunnel, with the tunnel's name of now. */
interface Changing {
  readonly kind: ChangingKind;
  name: string;
  tunnel: string;
  readonly history: ChangeHistory;
  /** When the log said last that it flaps. */
  toldMs: number;
}

/**
 * The ups and downs of all control connections and pseudowires, which live on while connections and sessions
 * come and go. Each is a line of the log, up to a limit for all of them. Those that flap have one line in ten
 * minutes instead, so that they keep no other line out.
 */
export class UpDowns {
  readonly #log: Log;
  readonly #limiter: LogLimiter;
  readonly #all = { tunnel: new Map<string, Changing>(), pseudowire: new Map<string, Changing>() };
  readonly #flapping = new Set<Changing>();

  constructor(log: Log, limiter = new LogLimiter()) {
    this.#log = log;
    this.#limiter = limiter;
  }

  /** Its ups and downs; undefined before the first. */
  history(kind: ChangingKind, name: string): ChangeHistory | undefined {
    return this.#all[kind].get(name)?.history;
  }

  wentUp(kind: ChangingKind, name: string, tunnel: string, nowMs: number): void {
    const changing = this.#of(kind, name, tunnel);
    const wasDownMs = changing.history.wentUp(nowMs);
    const more = this.#admit(changing, "up", nowMs);
    if (more === undefined) return;
    const after = wasDownMs === undefined ? "" : `, was down for ${durationText(wasDownMs)}`;
    const fields = { event: `${kind}-up` as const, ...namesOf(changing), wasDownMs };
    this.#log.info(fields, `${textOf(changing)} is up${after}${more}`);
  }

  /** It is down, or down for another reason than before. */
  isDown(kind: ChangingKind, name: string, tunnel: string, down: DownCause, nowMs: number): void {
    const changing = this.#of(kind, name, tunnel);
    const went = changing.history.wentDown(down.reason, nowMs);
    const more = this.#admit(changing, "down", nowMs);
    if (more !== undefined) {
      const { isPlanned, ...why } = down;
      const { wasUpMs } = went;
      const after = wasUpMs === undefined ? "" : ` (was up for ${durationText(wasUpMs)})`;
      const fields = { event: `${kind}-down` as const, ...namesOf(changing), ...why, wasUpMs };
      const text = `${textOf(changing)} is down: ${down.reason}${after}${more}`;
      this.#log[isPlanned ? "info" : "warn"](fields, text);
    }
    this.#mayFlap(changing, went, nowMs);
  }

  /** A tunnel has another control connection, which took the place of the one that was established. */
  replaced(tunnel: string, cause: string, reason: string, nowMs: number): void {
    const changing = this.#of("tunnel", tunnel, tunnel);
    const went = changing.history.replaced(reason, nowMs);
    const more = this.#admit(changing, "up", nowMs);
    if (more !== undefined) {
      const fields = { event: "tunnel-up" as const, tunnel, cause, reason, wasUpMs: went.wasUpMs };
      const text = `${textOf(changing)} is up by another control connection: ${reason}${more}`;
      this.#log.info(fields, text);
    }
    this.#mayFlap(changing, went, nowMs);
  }

  /** For the status; nothing went up or down yet where nothing is known. */
  status(kind: ChangingKind, name: string, nowMs: number): ChangeStatus {
    return this.#all[kind].get(name)?.history.status(nowMs) ?? { ups: 0, downs: 0 };
  }

  /** That it flaps, as a note; undefined while it does not. */
  flappingNote(kind: ChangingKind, name: string, nowMs: number): string | undefined {
    return this.#all[kind].get(name)?.history.flappingText(nowMs);
  }

  /** Tunnels have other names, by their former ones. */
  rename(newNames: ReadonlyMap<string, string>): void {
    const tunnels = [...this.#all.tunnel];
    this.#all.tunnel.clear();
    for (const [before, changing] of tunnels) {
      changing.name = newNames.get(before) ?? before;
      this.#all.tunnel.set(changing.name, changing);
    }
    for (const changing of [...tunnels.map(([, one]) => one), ...this.#all.pseudowire.values()])
      changing.tunnel = newNames.get(changing.tunnel) ?? changing.tunnel;
  }

  /** Forgets what a configuration does not have. */
  retain(config: Config): void {
    const names = configuredNames(config);
    for (const kind of kindsOfAll) retainNames(this.#all[kind], names[kind]);
    for (const changing of this.#flapping)
      if (!names[changing.kind].has(changing.name)) this.#flapping.delete(changing);
  }

  /** Tells what flaps no more, and how many lines were left out, if there were too many at once. */
  close(nowMs: number): void {
    for (const changing of this.#flapping) {
      this.#settle(changing, nowMs);
      const isDue = changing.history.isFlapping && nowMs - changing.toldMs >= FLAPPING_MS;
      if (isDue) this.#tellFlapping(changing, nowMs);
    }
    for (const kind of kindsOfAll)
      for (const way of ["up", "down"] as const) {
        const more = this.#limiter.takeLeftOut(`${kind}-${way}`, nowMs);
        if (more === 0) continue;
        const text = `${counted(more, `more ${kind}`)} went ${way}; for all see: wirespan status --json`;
        if (way === "up") this.#log.info({ event: `${kind}-${way}`, more }, text);
        else this.#log.warn({ event: `${kind}-${way}`, more }, text);
      }
  }

  #of(kind: ChangingKind, name: string, tunnel: string): Changing {
    const known = this.#all[kind].get(name);
    if (known !== undefined) return Object.assign(known, { tunnel });
    const fresh = { kind, name, tunnel, history: new ChangeHistory(), toldMs: 0 };
    this.#all[kind].set(name, fresh);
    return fresh;
  }

  #admit({ kind, history }: Changing, way: "up" | "down", nowMs: number): string | undefined {
    return history.isFlapping ? undefined : this.#limiter.admit(`${kind}-${way}`, nowMs, MOST_LINES);
  }

  #mayFlap(changing: Changing, { beginsToFlap }: WentDown, nowMs: number): void {
    if (!beginsToFlap) return;
    this.#flapping.add(changing);
    this.#tellFlapping(changing, nowMs);
  }

  #tellFlapping(changing: Changing, nowMs: number): void {
    changing.toldMs = nowMs;
    const more = this.#limiter.admit("flapping", nowMs);
    const text = changing.history.flappingText(nowMs);
    if (more === undefined || text === undefined) return;
    const fields = { event: "flapping" as const, ...namesOf(changing), downs: changing.history.downs };
    this.#log.warn(fields, `${textOf(changing)}: ${text}${more}`);
  }

  #settle(changing: Changing, nowMs: number): void {
    const downs = changing.history.settle(nowMs);
    if (downs === undefined) return;
    this.#flapping.delete(changing);
    const more = this.#limiter.admit("flapping-over", nowMs);
    if (more === undefined) return;
    const stayed = `it stayed ${changing.history.isUp ? "up" : "down"} for ${durationText(FLAPPING_MS)}`;
    const text = `${textOf(changing)} flaps no more: ${stayed}, after ${counted(downs, "time")} down${more}`;
    this.#log.info({ event: "flapping-over", ...namesOf(changing), downs }, text);
  }
}

function namesOf({ kind, name, tunnel }: Changing): {
  readonly tunnel: string;
  readonly pseudowire?: string;
} {
  return kind === "tunnel" ? { tunnel } : { tunnel, pseudowire: name };
}

function textOf({ kind, name, tunnel }: Changing): string {
  return kind === "tunnel" ? `tunnel ${name}` : `pseudowire ${name} of tunnel ${tunnel}`;
}
