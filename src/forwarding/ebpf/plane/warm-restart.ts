import { toHex } from "../../../bytes/hex.ts";
import { circuitKey, circuitValue, peerKey, peerValue } from "../programs/map-layout.ts";
import { decode } from "../programs/struct-layout.ts";
import type { PlaneMaps } from "./plane-maps.ts";

/** What a former daemon's session has in the maps. */
interface AdoptedSession {
  readonly sessionIndex: number;
  readonly circuitKeys: Uint8Array[];
  readonly peerKeys: Uint8Array[];
  readonly ids: Set<number>;
  /** Interfaces at which its programs run. */
  readonly interfaces: Set<number>;
}

/** Sessions that a crashed daemon left in the maps: they forward until they are replaced or dropped. */
export class WarmRestart {
  readonly #maps: PlaneMaps;
  readonly #sessions = new Map<number, AdoptedSession>();
  /** Of what is in `#sessions`: who has a key of the circuit side, and the place of a session id. */
  readonly #byCircuit = new Map<string, AdoptedSession>();
  readonly #indexesById = new Map<number, number>();

  /** `sessionIdAt` tells whose numbers are in a index: the circuit's entry alone is there of a session that no program carried. */
  constructor(maps: PlaneMaps, sessionIdAt: (sessionIndex: number) => number) {
    this.#maps = maps;
    if (!maps.wereAdopted) return;
    for (const [key, value] of maps.circuits.entries()) {
      const { sessionIndex } = decode(circuitValue, value);
      const session = this.#session(sessionIndex);
      if (sessionIndex < maps.capacity) this.#addId(session, sessionIdAt(sessionIndex));
      session.circuitKeys.push(key);
      this.#byCircuit.set(toHex(key), session);
      session.interfaces.add(decode(circuitKey, key).interfaceIndex);
    }
    for (const [key, value] of maps.peers.entries()) {
      const { sessionIndex } = decode(peerValue, value);
      const session = this.#session(sessionIndex);
      session.peerKeys.push(key);
      this.#addId(session, decode(peerKey, key).sessionId);
    }
  }

  /** Places in the arrays that are in use. */
  get indexes(): readonly number[] {
    return [...this.#sessions.keys()].filter((sessionIndex) => sessionIndex < this.#maps.capacity);
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** The place of a session with this id, as static ones keep it: its numbers and counters go on. */
  indexOf(localSessionId: number): number | undefined {
    return this.#indexesById.get(localSessionId);
  }

  /**
   * Drops what has one of these keys; keys stay where new entries are, that of the peer too if the session in `index` has it. Gives the
   * other places, which are free now.
   */
  replace(
    circuitKeys: readonly Uint8Array[],
    sessionIndex: number | undefined,
    keepsPeer: boolean,
  ): readonly number[] {
    const fresh = new Set(circuitKeys.map(toHex));
    const found = [...fresh]
      .map((key) => this.#byCircuit.get(key))
      .filter((session) => session !== undefined);
    const replaced = [...new Set(found)];
    for (const session of replaced)
      this.#remove(session, fresh, keepsPeer && session.sessionIndex === sessionIndex);
    return replaced.map((session) => session.sessionIndex).filter((other) => other !== sessionIndex);
  }

  /** Drops what runs at no interface that `isOurs`. Gives the places that are free now. */
  removeUnless(isOurs: (interfaceIndex: number) => boolean): readonly number[] {
    const stale = [...this.#sessions.values()].filter(({ interfaces }) => ![...interfaces].some(isOurs));
    for (const session of stale) this.#remove(session, new Set(), false);
    return stale.map(({ sessionIndex }) => sessionIndex);
  }

  #session(sessionIndex: number): AdoptedSession {
    const existing = this.#sessions.get(sessionIndex);
    if (existing !== undefined) return existing;
    const session = {
      sessionIndex,
      circuitKeys: [],
      peerKeys: [],
      ids: new Set<number>(),
      interfaces: new Set<number>(),
    };
    this.#sessions.set(sessionIndex, session);
    return session;
  }

  #addId(session: AdoptedSession, localSessionId: number): void {
    session.ids.add(localSessionId);
    this.#indexesById.set(localSessionId, session.sessionIndex);
  }

  #remove(session: AdoptedSession, kept: ReadonlySet<string>, keepsPeer: boolean): void {
    this.#sessions.delete(session.sessionIndex);
    for (const id of session.ids) this.#indexesById.delete(id);
    for (const key of session.circuitKeys) {
      this.#byCircuit.delete(toHex(key));
      if (!kept.has(toHex(key))) this.#maps.circuits.remove(key);
    }
    for (const key of session.peerKeys) {
      if (!keepsPeer) this.#maps.peers.remove(key);
    }
  }
}
