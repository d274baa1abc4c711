import { counted } from "../bytes/counted.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";

/** A limit that was reached is over after so long below it: addresses age and are learnt again. */
export const LIMIT_QUIET_MS = 30_000;

/** A bridge that learns so many MAC addresses at most. */
export interface CountedBridge {
  readonly bridge: string;
  readonly learnt: number;
  readonly limit: number;
}

interface Reached {
  readonly limit: number;
  /** When it was reached last. */
  lastMs: number;
  readonly isTold: boolean;
}

/** How far a bridge is with its limit, and what to do, for people. */
export function macLimitText({ learnt, limit }: Omit<CountedBridge, "bridge">): string {
  return (
    `${learnt} of at most ${counted(limit, "MAC address", "MAC addresses")} learnt: frames to others go to ` +
    "all ports; raise mac_limit if these are the hosts that there are"
  );
}

/** Tells the log when a bridge has learnt as many MAC addresses as its limit allows, and when no more so. */
export class MacLimitWatch {
  readonly #log: Pick<Log, "info" | "warn">;
  readonly #limiter: LogLimiter;
  /** The bridges that reached their limit, by name. */
  readonly #reached = new Map<string, Reached>();

  constructor(log: Pick<Log, "info" | "warn">, limiter: LogLimiter) {
    this.#log = log;
    this.#limiter = limiter;
  }

  /** Takes the counts of all bridges with a limit. */
  look(bridges: readonly CountedBridge[], nowMs: number): void {
    const there = new Map(bridges.map((one) => [one.bridge, one]));
    for (const [bridge, reached] of this.#reached) {
      const now = there.get(bridge);
      const isBelow = now === undefined || now.learnt < now.limit;
      if (!isBelow && now.limit === reached.limit) reached.lastMs = nowMs;
      else if (now?.limit !== reached.limit || nowMs - reached.lastMs >= LIMIT_QUIET_MS)
        this.#end(bridge, reached, now);
    }
    for (const one of bridges)
      if (one.learnt >= one.limit && !this.#reached.has(one.bridge)) this.#begin(one, nowMs);
  }

  #begin(one: CountedBridge, nowMs: number): void {
    const { bridge, learnt, limit } = one;
    const more = this.#limiter.admit("mac-limit", nowMs);
    this.#reached.set(bridge, { limit, lastMs: nowMs, isTold: more !== undefined });
    if (more === undefined) return;
    const fields = { event: "mac-limit" as const, bridge, learnt, limit };
    this.#log.warn(fields, `bridge ${bridge}: ${macLimitText(one)}${more}`);
  }

  /** What was not told as it began is not told as it ends. */
  #end(bridge: string, { limit, isTold }: Reached, now: CountedBridge | undefined): void {
    this.#reached.delete(bridge);
    if (!isTold) return;
    const most = counted(limit, "MAC address", "MAC addresses");
    const why =
      now === undefined || now.limit !== limit
        ? `its limit of ${most} is gone`
        : `${now.learnt} of at most ${most} learnt: below its limit again`;
    const fields = { event: "mac-limit-over" as const, bridge, learnt: now?.learnt, limit };
    this.#log.info(fields, `bridge ${bridge}: ${why}`);
  }
}
