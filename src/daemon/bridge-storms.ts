import { ignoreOperational, OperationalError } from "../bytes/errors.ts";
import type { BridgeConfig, PortConfig } from "../config/config.ts";
import { StormLimiter } from "../forwarding/ebpf/plane/storm-limiter.ts";
import type { StormDiscards, StormLimits } from "../forwarding/storm-kinds.ts";
import { bridgeValuesIn, portStates, portValuesIn } from "../os/bridge-attributes.ts";
import { monotonicClock } from "../os/clock.ts";
import type { LinkState } from "../os/links.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { pauseAfter } from "./peer-activity.ts";
import { type Storm, type StormPort, StormWatch } from "./storm-watch.ts";

/** What the file says of a port; undefined for one that it does not name. */
type PortOf = (bridge: BridgeConfig, device: string) => PortConfig | undefined;

/** Storm limits of a port in frames a second, and what was dropped since; absent until they hold. */
export interface StormStatus {
  readonly limits: StormLimits;
  readonly discards?: StormDiscards | undefined;
  /** Storms that go on. */
  readonly current?: readonly Storm[] | undefined;
}

/** What storm limits need of the daemon. */
interface BridgeStormsContext {
  readonly owner: string;
  readonly links: { all(): readonly LinkState[] };
  readonly log: Pick<Log, "info" | "warn">;
  readonly limiter: LogLimiter;
}

/** Of a bridge that does not say, as the kernel has it. */
const AGEING_MS = 300_000;
/** Pause between looks at the counts, at least. */
const LEAST_PAUSE_MS = 1000;

/** The storm limits of the ports of bridges, and what was dropped there. */
export class BridgeStorms {
  readonly #limiter: StormLimiter;
  readonly #links: { all(): readonly LinkState[] };
  readonly #portOf: PortOf;
  readonly #watch: StormWatch;
  /** The ports with limits, by their bridges. */
  readonly #ports = new Map<string, readonly Omit<StormPort, "discards">[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ owner, links, log, limiter }: BridgeStormsContext, portOf: PortOf) {
    this.#limiter = new StormLimiter(owner);
    this.#links = links;
    this.#portOf = portOf;
    this.#watch = new StormWatch(log, limiter);
  }

  /** Has the ports that are there limited as the file says. Rejects with OperationalError. */
  async set(config: BridgeConfig, bridge: LinkState): Promise<void> {
    const { name } = config;
    const ports = this.#links.all().filter(({ master }) => master === bridge.index);
    const { ageingTime } = bridgeValuesIn(bridge);
    const limited = ports.map((port) => {
      const { name: device, index } = port;
      const state = portStates[portValuesIn(port).state ?? 0];
      // One without carrier will learn.
      const isLearning = state !== "listening" && state !== "blocking";
      return { bridge: name, device, index, limits: limitsOf(this.#portOf(config, device)), isLearning };
    });
    this.#ports.set(
      name,
      limited.filter(({ limits }) => Object.keys(limits).length > 0),
    );
    await this.#limiter.set(name, {
      index: bridge.index,
      ports: limited,
      ageingMs: ageingTime === undefined ? AGEING_MS : ageingTime * 10,
      ownAddresses: [bridge, ...ports].flatMap(({ address }) => address ?? []),
    });
    // What is dropped from now on is news.
    this.#look();
  }

  /** Reads no more counts. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** Reads the counts of all ports with limits, now and again while there are any. */
  #look(): void {
    clearTimeout(this.#timer);
    const begunMs = monotonicClock.nowMs();
    const ports = [...this.#ports.values()].flat();
    this.#watch.look(
      ports.flatMap((port) => this.#counted(port)),
      begunMs,
    );
    if (ports.length === 0) return;
    const pauseMs = Math.max(LEAST_PAUSE_MS, pauseAfter(monotonicClock.nowMs() - begunMs));
    this.#timer = setTimeout(() => this.#look(), pauseMs);
  }

  #counted(port: Omit<StormPort, "discards">): readonly StormPort[] {
    try {
      const discards = this.#limiter.discards(port.index);
      return discards === undefined ? [] : [{ ...port, discards }];
    } catch (error) {
      ignoreOperational(error);
      return [];
    }
  }

  /**
   * Ends the limits of all bridges but these, and what a former daemon left; `told` gets why some could not
   * be ended.
   */
  async keep(bridges: ReadonlyMap<string, unknown>, told: (problem: string) => void): Promise<void> {
    const attempt = async (act: () => Promise<void>) => {
      try {
        await act();
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        told(error.message);
      }
    };
    for (const name of this.#limiter.bridges) {
      if (bridges.has(name)) continue;
      this.#ports.delete(name);
      await attempt(() => this.#limiter.set(name, undefined));
    }
    await attempt(() => this.#limiter.settle(this.#links.all().map(({ index }) => index)));
    this.#look();
  }

  /** The limits of a port, and what was dropped there; undefined for one without. Throws OperationalError. */
  status(config: BridgeConfig, { name, index }: LinkState): StormStatus | undefined {
    const limits = limitsOf(this.#portOf(config, name));
    if (Object.keys(limits).length === 0) return undefined;
    const current = this.#watch.at(index, monotonicClock.nowMs());
    return { limits, discards: this.#limiter.discards(index), current };
  }
}

/** The limits that the file has for a port. */
export function limitsOf(port: PortConfig | undefined): StormLimits {
  return port?.stormLimits ?? {};
}
