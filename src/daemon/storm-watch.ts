import { counted } from "../bytes/counted.ts";
import {
  type StormDiscards,
  type StormKind,
  type StormLimits,
  type StormReason,
  stormKinds,
} from "../forwarding/storm-kinds.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";

/** A storm is over after so long without a dropped frame: one that comes and goes is one. */
export const STORM_QUIET_MS = 30_000;

/** A port with limits, and what was dropped there so far. */
export interface StormPort {
  readonly bridge: string;
  readonly device: string;
  readonly index: number;
  readonly limits: StormLimits;
  readonly discards: StormDiscards;
}

/** A storm that goes on: frames that were dropped since it began. */
export interface Storm {
  readonly reason: StormReason;
  /** Frames a second. */
  readonly limit: number;
  readonly frames: number;
  readonly forMs: number;
}

interface Begun {
  readonly sinceMs: number;
  /** When frames were dropped last. */
  lastMs: number;
  /** The count before it began. */
  readonly before: number;
  readonly isTold: boolean;
}

interface Watched {
  port: StormPort;
  readonly storms: Map<StormReason, Begun>;
}

/** Finds storms by the counts of dropped frames, and tells the log when one begins and ends, with figures. */
export class StormWatch {
  readonly #log: Pick<Log, "info" | "warn">;
  readonly #limiter: LogLimiter;
  readonly #ports = new Map<number, Watched>();

  constructor(log: Pick<Log, "info" | "warn">, limiter: LogLimiter) {
    this.#log = log;
    this.#limiter = limiter;
  }

  /**
   * Takes the counts of all ports with limits. Of one that is new, what was dropped before is no storm of
   * now.
   */
  look(ports: readonly StormPort[], nowMs: number): void {
    const indexes = new Set(ports.map(({ index }) => index));
    for (const [index, watched] of this.#ports) {
      if (indexes.has(index)) continue;
      for (const reason of [...watched.storms.keys()]) this.#end(watched, reason, false);
      this.#ports.delete(index);
    }
    for (const port of ports) {
      const known = this.#ports.get(port.index);
      if (known === undefined) this.#ports.set(port.index, { port, storms: new Map() });
      else this.#compare(known, port, nowMs);
    }
    const more = this.#limiter.takeLeftOut("storm", nowMs);
    if (more > 0)
      this.#log.warn(
        { event: "storm", more },
        `${counted(more, "more storm")} at ports of bridges; see: wirespan status`,
      );
  }

  /** The storms at a port. */
  at(index: number, nowMs: number): readonly Storm[] {
    const watched = this.#ports.get(index);
    if (watched === undefined) return [];
    const { port, storms } = watched;
    return stormKinds.flatMap(({ kind, reason }) => {
      const storm = storms.get(reason);
      if (storm === undefined) return [];
      const frames = port.discards[reason] - storm.before;
      return [{ reason, limit: port.limits[kind] ?? 0, frames, forMs: nowMs - storm.sinceMs }];
    });
  }

  #compare(watched: Watched, port: StormPort, nowMs: number): void {
    const before = watched.port;
    watched.port = port;
    for (const { kind, reason } of stormKinds) {
      const storm = watched.storms.get(reason);
      const count = port.discards[reason];
      if (count > before.discards[reason]) {
        if (storm === undefined) this.#begin(watched, kind, reason, before.discards[reason], nowMs);
        else storm.lastMs = nowMs;
      } else if (storm !== undefined) {
        const isLimited = port.limits[kind] !== undefined;
        if (!isLimited || count < before.discards[reason] || nowMs - storm.lastMs >= STORM_QUIET_MS)
          this.#end(watched, reason, isLimited);
      }
    }
  }

  #begin(
    { port, storms }: Watched,
    kind: StormKind,
    reason: StormReason,
    before: number,
    nowMs: number,
  ): void {
    const more = this.#limiter.admit("storm", nowMs);
    storms.set(reason, { sinceMs: nowMs, lastMs: nowMs, before, isTold: more !== undefined });
    if (more === undefined) return;
    const { bridge, device, limits, discards } = port;
    const frames = discards[reason] - before;
    const limit = limits[kind];
    this.#log.warn(
      { event: "storm", bridge, device, reason, frames, limit },
      `bridge ${bridge}: port ${device}: a storm: ${counted(frames, "frame")} beyond ${limit} a second ` +
        `dropped so far: ${reason}${more}`,
    );
  }

  /** What was not told as it began is not told as it ends. */
  #end({ port, storms }: Watched, reason: StormReason, isLimited: boolean): void {
    const storm = storms.get(reason);
    storms.delete(reason);
    if (storm?.isTold !== true) return;
    const { bridge, device, discards } = port;
    const frames = Math.max(0, discards[reason] - storm.before);
    const forMs = storm.lastMs - storm.sinceMs;
    const seconds = Math.max(1, Math.round(forMs / 1000));
    const why = isLimited ? "the storm is over" : "its limit is gone";
    this.#log.info(
      { event: "storm-over", bridge, device, reason, frames, forMs },
      `bridge ${bridge}: port ${device}: ${why}: ` +
        `${counted(frames, "frame")} dropped in ${seconds} s: ${reason}`,
    );
  }
}
