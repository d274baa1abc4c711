import type { Config, PseudowireConfig } from "../config/config.ts";

/** A pseudowire of the configuration, and the name of its tunnel. */
export interface PseudowireOfTunnel {
  readonly config: PseudowireConfig;
  readonly tunnel: string;
}

/** Finds pseudowires of the present configuration by their names, which are unique in a file. */
export class PseudowireIndex {
  readonly #present: () => Config;
  #config: Config | undefined;
  #byName: ReadonlyMap<string, PseudowireOfTunnel> = new Map();

  /** `present` returns the configuration in use, another object after each reload. */
  constructor(present: () => Config) {
    this.#present = present;
  }

  /** The names of all tunnels, and of all pseudowires. */
  get tunnels(): readonly string[] {
    return this.#present().tunnels.map(({ name }) => name);
  }

  get pseudowires(): readonly string[] {
    return this.#present().tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ name }) => name));
  }

  find(pseudowire: string): PseudowireOfTunnel | undefined {
    const config = this.#present();
    if (config !== this.#config) {
      this.#config = config;
      this.#byName = new Map(
        config.tunnels.flatMap(({ name: tunnel, pseudowires }) =>
          pseudowires.map((one) => [one.name, { config: one, tunnel }] as const),
        ),
      );
    }
    return this.#byName.get(pseudowire);
  }
}
