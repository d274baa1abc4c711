import { OperationalError } from "../bytes/errors.ts";
import type { BridgeConfig, PortConfig } from "../config/config.ts";
import { StormLimiter } from "../forwarding/ebpf/plane/storm-limiter.ts";
import type { StormDiscards, StormLimits } from "../forwarding/storm-kinds.ts";
import { bridgeValuesIn } from "../os/bridge-attributes.ts";
import type { LinkState } from "../os/links.ts";

/** What the file says of a port; undefined for one that it does not name. */
type PortOf = (bridge: BridgeConfig, device: string) => PortConfig | undefined;

/** Storm limits of a port in frames a second, and what was dropped since; absent until they hold. */
export interface StormStatus {
  readonly limits: StormLimits;
  readonly discards?: StormDiscards | undefined;
}

/** Of a bridge that does not say, as the kernel has it. */
const AGEING_MS = 300_000;

/** The storm limits of the ports of bridges. */
export class BridgeStorms {
  readonly #limiter: StormLimiter;
  readonly #links: { all(): readonly LinkState[] };
  readonly #portOf: PortOf;

  constructor(owner: string, links: { all(): readonly LinkState[] }, portOf: PortOf) {
    this.#limiter = new StormLimiter(owner);
    this.#links = links;
    this.#portOf = portOf;
  }

  /** Has the ports that are there limited as the file says. Rejects with OperationalError. */
  set(config: BridgeConfig, bridge: LinkState): Promise<void> {
    const ports = this.#links.all().filter(({ master }) => master === bridge.index);
    const { ageingTime } = bridgeValuesIn(bridge);
    return this.#limiter.set(config.name, {
      ports: ports.map(({ name, index }) => ({ index, limits: limitsOf(this.#portOf(config, name)) })),
      ageingMs: ageingTime === undefined ? AGEING_MS : ageingTime * 10,
      ownAddresses: [bridge, ...ports].flatMap(({ address }) => address ?? []),
    });
  }

  /** Ends the limits of all bridges but these; `told` gets why some could not be ended. */
  async keep(bridges: ReadonlyMap<string, unknown>, told: (problem: string) => void): Promise<void> {
    for (const name of this.#limiter.bridges) {
      if (bridges.has(name)) continue;
      try {
        await this.#limiter.set(name, undefined);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        told(error.message);
      }
    }
  }

  /** The limits of a port, and what was dropped there; undefined for one without. Throws OperationalError. */
  status(config: BridgeConfig, { name, index }: LinkState): StormStatus | undefined {
    const limits = limitsOf(this.#portOf(config, name));
    if (Object.keys(limits).length === 0) return undefined;
    return { limits, discards: this.#limiter.discards(index) };
  }
}

/** The limits that the file has for a port. */
export function limitsOf(port: PortConfig | undefined): StormLimits {
  return port?.stormLimits ?? {};
}
