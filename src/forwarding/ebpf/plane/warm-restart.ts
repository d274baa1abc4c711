import { toHex } from "../../../bytes/hex.ts";
import { circuitKey, circuitValue, peerKey, peerValue } from "../programs/map-layout.ts";
import { decodeStruct } from "../programs/struct-layout.ts";
import type { PlaneMaps } from "./plane-maps.ts";

/** The map entries of a former daemon's session. */
interface AdoptedSession {
  readonly sessionIndex: number;
  readonly circuitKeys: Uint8Array[];
  readonly peerKeys: Uint8Array[];
  readonly ids: Set<number>;
  /** Interfaces at which its programs run. */
  readonly interfaces: Set<number>;
}

/**
 * The state that a crashed daemon left in the maps: its sessions go on forwarding until they are replaced or
 * removed.
 */
export class WarmRestart {
  readonly #maps: PlaneMaps;
  readonly #sessions = new Map<number, AdoptedSession>();
  /** The sessions by their keys in the circuit map, and their indexes by session id. */
  readonly #byCircuit = new Map<string, AdoptedSession>();
  readonly #indexesById = new Map<number, number>();

  /**
   * `sessionIdAt` tells whose numbers are at an index: a session that no program carried has only a circuit
   * entry.
   */
  constructor(maps: PlaneMaps, sessionIdAt: (sessionIndex: number) => number) {
    this.#maps = maps;
    if (!maps.wereAdopted) return;
    for (const [key, value] of maps.circuits.entries()) {
      const { sessionIndex } = decodeStruct(circuitValue, value);
      const session = this.#session(sessionIndex);
      if (sessionIndex < maps.capacity) this.#addId(session, sessionIdAt(sessionIndex));
      session.circuitKeys.push(key);
      this.#byCircuit.set(toHex(key), session);
      session.interfaces.add(decodeStruct(circuitKey, key).interfaceIndex);
    }
    for (const [key, value] of maps.peers.entries()) {
      const { sessionIndex } = decodeStruct(peerValue, value);
      const session = this.#session(sessionIndex);
      session.peerKeys.push(key);
      this.#addId(session, decodeStruct(peerKey, key).sessionId);
    }
  }

  /** Indexes in the arrays that are in use. */
  get indexes(): readonly number[] {
    return [...this.#sessions.keys()].filter((sessionIndex) => sessionIndex < this.#maps.capacity);
  }

  /** Indexes of the interfaces at which programs of its sessions run. */
  get interfaces(): ReadonlySet<number> {
    return new Set([...this.#sessions.values()].flatMap(({ interfaces }) => [...interfaces]));
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /**
   * The index of a session with this id. Static sessions keep their ids, so their numbers and counters
   * continue.
   */
  indexOf(localSessionId: number): number | undefined {
    return this.#indexesById.get(localSessionId);
  }

  /**
   * Removes the sessions that have one of these keys. Keys stay where new entries are, and that of the peer
   * if the session at `sessionIndex` has it. Returns the other indexes, which are free now.
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

  /** Removes the sessions that run at no interface that `isOurs`. Returns the indexes that are free now. */
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
