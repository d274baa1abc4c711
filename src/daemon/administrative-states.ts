import type { Config } from "../config/config.ts";
import { configuredNames, retainNames } from "./configured-names.ts";

/** What an operator can close and open. */
export type AdministeredKind = "tunnel" | "pseudowire";

/** What an operator wants done: `bounce` closes and opens again. */
export type AdministrativeAction = "down" | "up" | "bounce";

/** TABLE: what can be done to tunnels and pseudowires by hand. */
export const administrativeActions: readonly AdministrativeAction[] = ["down", "up", "bounce"];

/** What an operator asks for by hand. */
export interface AdministrativeRequest {
  readonly kind: AdministeredKind;
  readonly action: AdministrativeAction;
  readonly name: string;
}

/** What came of it. */
export interface AdministrativeReport {
  /** Whether it was otherwise before. */
  readonly changed: boolean;
  /** Why it does not open although it may: what its tunnel waits for. */
  readonly problem?: string | undefined;
}

/**
 * Which tunnels and pseudowires an operator closed, and when, in ms of the monotonic clock. It lasts until
 * they are opened by hand or leave the configuration, whatever a reload replaces, but no longer than the
 * daemon.
 */
export class AdministrativeStates {
  readonly #down: Record<AdministeredKind, Map<string, number>> = {
    tunnel: new Map(),
    pseudowire: new Map(),
  };

  /** Since when it is closed; undefined while it is not. */
  downMs(kind: AdministeredKind, name: string): number | undefined {
    return this.#down[kind].get(name);
  }

  isDown(kind: AdministeredKind, name: string): boolean {
    return this.#down[kind].has(name);
  }

  /** What was closed already keeps its time. */
  close(kind: AdministeredKind, name: string, nowMs: number): void {
    if (!this.isDown(kind, name)) this.#down[kind].set(name, nowMs);
  }

  open(kind: AdministeredKind, name: string): void {
    this.#down[kind].delete(name);
  }

  /** Renames tunnels, by their present names. */
  rename(newNames: ReadonlyMap<string, string>): void {
    this.#down.tunnel = new Map(
      [...this.#down.tunnel].map(([name, sinceMs]) => [newNames.get(name) ?? name, sinceMs]),
    );
  }

  /** Forgets what a configuration does not have. */
  retain(config: Config): void {
    const names = configuredNames(config);
    for (const kind of ["tunnel", "pseudowire"] as const) retainNames(this.#down[kind], names[kind]);
  }
}
