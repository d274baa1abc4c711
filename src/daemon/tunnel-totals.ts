import type { Config } from "../config/config.ts";
import { sumOfDiscards } from "../forwarding/counters-table.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import { configuredNames, retainNames } from "./configured-names.ts";

/** What passed in all sessions of a tunnel, those that ended included. */
export interface Totals {
  receivedFrames: number;
  receivedOctets: number;
  transmittedFrames: number;
  transmittedOctets: number;
  discards: number;
}

type Count = "receivedFrames" | "receivedOctets" | "transmittedFrames" | "transmittedOctets";
const counts: readonly Count[] = [
  "receivedFrames",
  "receivedOctets",
  "transmittedFrames",
  "transmittedOctets",
];

/**
 * Sums of the counters of each tunnel's sessions that never go back. The counters of a session begin at 0
 * with the next one: a sum of those that are there would fall, which readers take for a restart of the
 * daemon. What a session counted since the last reading is lost where it ends before the next one.
 */
export class TunnelTotals {
  readonly #totals = new Map<string, Totals>();
  /** What each pseudowire had at the last reading. */
  readonly #seen = new Map<string, SessionCounters>();
  /** The configuration whose names were retained. */
  #config: Config | undefined;

  /** Adds what a pseudowire counted since the last time. */
  add(tunnel: string, pseudowire: string, counted: SessionCounters): void {
    const totals = this.of(tunnel);
    const before = this.#seen.get(pseudowire);
    this.#seen.set(pseudowire, counted);
    const isSame = before !== undefined && isContinued(before, counted);
    for (const name of counts) totals[name] += counted[name] - (isSame ? before[name] : 0);
    totals.discards += sumOfDiscards(counted.discards) - (isSame ? sumOfDiscards(before.discards) : 0);
  }

  /** The totals of a tunnel, which go on. */
  of(tunnel: string): Totals {
    const known = this.#totals.get(tunnel);
    if (known !== undefined) return known;
    const fresh: Totals = {
      ...{ receivedFrames: 0, receivedOctets: 0, transmittedFrames: 0, transmittedOctets: 0 },
      discards: 0,
    };
    this.#totals.set(tunnel, fresh);
    return fresh;
  }

  /** Forgets what a configuration does not have. */
  retain(config: Config): void {
    if (config === this.#config) return;
    this.#config = config;
    const names = configuredNames(config);
    retainNames(this.#totals, names.tunnel);
    retainNames(this.#seen, names.pseudowire);
  }
}

/** Whether one session had both counts: the same id, and none that went back. */
function isContinued(before: SessionCounters, after: SessionCounters): boolean {
  return (
    before.localSessionId === after.localSessionId && counts.every((name) => after[name] >= before[name])
  );
}
