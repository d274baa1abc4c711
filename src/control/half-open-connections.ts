import type { Random } from "../ports.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import type { ControlConnection } from "./control-connection.ts";
import { randomFraction } from "./identifiers.ts";
import { limits } from "./settings.ts";
import { compareTieBreakers } from "./tie-breaker.ts";

/** The connections that one peer began and that wait for its SCCCN, the oldest first; a bounded number, for SCCRQs can be forged. */
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

  /** Connections that lose the tie to ours: they go when ours comes up, or each end might keep another one. */
  losersTo(ours: ControlConnection): readonly ControlConnection[] {
    return [...this].filter(({ sccrq }) => compareTieBreakers(ours.tieBreaker, sccrq?.tieBreaker) === "won");
  }

  /** What the peer began before this connection of its: it holds one at most, the newest. */
  before(connection: ControlConnection): readonly ControlConnection[] {
    const all = [...this];
    return all.slice(0, Math.max(0, all.indexOf(connection)));
  }

  /**
   * Makes room for a connection that begins from `path`; false when it is that one which has to go. The source with most of the places
   * gives one up: a source is a UDP port, and that of `configured` the last to. Which of its own goes, the newcomer among them, is left
   * to chance, so that neither who comes first nor who comes last can count on it.
   */
  makeRoom(path: PsnPath, configured: PsnPath): boolean {
    if (this.#connections.size < limits.halfOpenConnections) return true;
    const places = new Map<string, (ControlConnection | undefined)[]>([[pathKey(path), [undefined]]]);
    for (const connection of this) {
      const source = pathKey(connection.path);
      places.set(source, [...(places.get(source) ?? []), connection]);
    }
    const most = Math.max(...[...places.values()].map((held) => held.length));
    const largest = [...places].filter(([, held]) => held.length === most);
    const others = largest.filter(([source]) => source !== pathKey(configured));
    const candidates = (others.length > 0 ? others : largest).flatMap(([, held]) => held);
    const loser = candidates[Math.floor(randomFraction(this.#random) * candidates.length)];
    loser?.end("retire", "too many connections wait for an SCCCN");
    return loser !== undefined;
  }
}
