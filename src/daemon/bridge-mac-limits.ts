import { ignoreOperational } from "../bytes/errors.ts";
import type { BridgeConfig } from "../config/config.ts";
import { bridgeValuesIn } from "../os/bridge-attributes.ts";
import { monotonicClock } from "../os/clock.ts";
import { readLinkStates } from "../os/links.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { type CountedBridge, MacLimitWatch } from "./mac-limit-watch.ts";
import { pauseAfter } from "./peer-activity.ts";

/** Pause between looks at the counts, at least: the kernel tells nobody that a limit is reached. */
const LEAST_PAUSE_MS = 5000;

/** Looks at how many MAC addresses the bridges with a limit have learnt. */
export class BridgeMacLimits {
  readonly #watch: MacLimitWatch;
  #names: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor({ log, limiter }: { readonly log: Pick<Log, "info" | "warn">; readonly limiter: LogLimiter }) {
    this.#watch = new MacLimitWatch(log, limiter);
  }

  /** Takes the bridges of the file; those with a limit are looked at from now on. */
  set(bridges: readonly Pick<BridgeConfig, "name" | "macLimit">[]): void {
    const limited = bridges.filter(({ macLimit = 0 }) => macLimit > 0);
    this.#names = new Set(limited.map(({ name }) => name));
    if (this.#timer === undefined) this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#names.size === 0) return this.#watch.look([], monotonicClock.nowMs());
    const begunMs = monotonicClock.nowMs();
    this.#watch.look(this.#limited(), begunMs);
    const pauseMs = Math.max(LEAST_PAUSE_MS, pauseAfter(monotonicClock.nowMs() - begunMs));
    this.#timer = setTimeout(() => this.#look(), pauseMs);
  }

  #limited(): readonly CountedBridge[] {
    try {
      return readLinkStates().flatMap((state) => {
        if (state.kind !== "bridge" || !this.#names.has(state.name)) return [];
        const { fdbLearned: learnt = 0, fdbMostLearned: limit = 0 } = bridgeValuesIn(state);
        return limit === 0 ? [] : [{ bridge: state.name, learnt, limit }];
      });
    } catch (error) {
      ignoreOperational(error);
      return [];
    }
  }
}
