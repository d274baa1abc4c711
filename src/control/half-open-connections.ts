import type { Random } from "../environment.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import type { ControlConnection } from "./control-connection.ts";
import { randomFraction } from "./identifiers.ts";
import { limits } from "./settings.ts";
import { compareTieBreakers } from "./tie-breaker.ts";

/**
 * Connections opened by one peer that wait for its SCCCN, the oldest first; their number is bounded, as
 * SCCRQs can be forged.
 */
export class HalfOpenConnections implements Iterable<ControlConnection> {
  readonly #random: Random;
  readonly #connections = new Set<ControlConnection>();

  constructor(random: Random) {
    this.#random = random;
  }

  [Symbol.iterator](): Iterator<ControlConnection> {
    return this.#connections.values();
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0;
  }

  add(connection: ControlConnection): void {
    this.#connections.add(connection);
  }

  delete(connection: ControlConnection): void {
    this.#connections.delete(connection);
  }

  /**
   * Connections that lose the tie against ours: they are retired when ours is established, or each end might
   * keep a different one.
   */
  losersTo(ours: ControlConnection): readonly ControlConnection[] {
    return [...this].filter(({ sccrq }) => compareTieBreakers(ours.tieBreaker, sccrq?.tieBreaker) === "won");
  }

  /** Connections that the peer opened before this one: it keeps only the newest. */
  before(connection: ControlConnection): readonly ControlConnection[] {
    const all = [...this];
    return all.slice(0, Math.max(0, all.indexOf(connection)));
  }

  /**
   * Makes room for a connection from `path`; false when the new one itself is dropped. The source (UDP port)
   * with most connections loses one, that of `usual` last. Which of its connections is dropped, the new
   * one among them, is random, so that an attacker cannot push out the others by being first or last.
   */
  makeRoom(path: PsnPath, usual: PsnPath): boolean {
    if (this.#connections.size < limits.halfOpenConnections) return true;
    const bySource = new Map<string, (ControlConnection | undefined)[]>([[pathKey(path), [undefined]]]);
    for (const connection of this) {
      const source = pathKey(connection.path);
      bySource.set(source, [...(bySource.get(source) ?? []), connection]);
    }
    const most = Math.max(...[...bySource.values()].map((held) => held.length));
    const largest = [...bySource].filter(([, held]) => held.length === most);
    const others = largest.filter(([source]) => source !== pathKey(usual));
    const candidates = (others.length > 0 ? others : largest).flatMap(([, held]) => held);
    const loser = candidates[Math.floor(randomFraction(this.#random) * candidates.length)];
    loser?.end("retire", "too many connections wait for an SCCCN");
    return loser !== undefined;
  }
}
