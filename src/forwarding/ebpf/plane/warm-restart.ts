import { toHex } from "../../../bytes/hex.ts";
import { circuitKey, circuitValue, peerKey, peerValue } from "../programs/map-layout.ts";
import { decode } from "../programs/struct-layout.ts";
import type { PlaneMaps } from "./plane-maps.ts";

/** What a former daemon's session has in the maps. */
interface Inherited {
  readonly slot: number;
  readonly circuitKeys: Uint8Array[];
  readonly peerKeys: Uint8Array[];
  readonly ids: Set<number>;
  /** Interfaces at which its programs run. */
  readonly interfaces: Set<number>;
}

/** Sessions that a crashed daemon left in the maps: they forward until they are replaced or dropped. */
export class Inheritance {
  readonly #maps: PlaneMaps;
  readonly #sessions = new Map<number, Inherited>();
  /** Of what is in `#sessions`: who has a key of the circuit side, and the place of a session id. */
  readonly #byCircuit = new Map<string, Inherited>();
  readonly #slotsById = new Map<number, number>();

  /** `sessionIdAt` tells whose numbers are in a slot: the circuit's entry alone is there of a session that no program carried. */
  constructor(maps: PlaneMaps, sessionIdAt: (slot: number) => number) {
    this.#maps = maps;
    if (!maps.areInherited) return;
    for (const [key, value] of maps.circuits.entries()) {
      const { slot } = decode(circuitValue, value);
      const session = this.#session(slot);
      if (slot < maps.capacity) this.#name(session, sessionIdAt(slot));
      session.circuitKeys.push(key);
      this.#byCircuit.set(toHex(key), session);
      session.interfaces.add(decode(circuitKey, key).interfaceIndex);
    }
    for (const [key, value] of maps.peers.entries()) {
      const { slot } = decode(peerValue, value);
      const session = this.#session(slot);
      session.peerKeys.push(key);
      this.#name(session, decode(peerKey, key).sessionId);
    }
  }

  /** Places in the arrays that are in use. */
  get slots(): readonly number[] {
    return [...this.#sessions.keys()].filter((slot) => slot < this.#maps.capacity);
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** The place of a session with this id, as static ones keep it: its numbers and counters go on. */
  slotOf(localSessionId: number): number | undefined {
    return this.#slotsById.get(localSessionId);
  }

  /**
   * Drops what has one of these keys; keys stay where new entries are, that of the peer too if the session in `slot` has it. Gives the
   * other places, which are free now.
   */
  replace(
    circuitKeys: readonly Uint8Array[],
    slot: number | undefined,
    keepsPeer: boolean,
  ): readonly number[] {
    const fresh = new Set(circuitKeys.map(toHex));
    const found = [...fresh]
      .map((key) => this.#byCircuit.get(key))
      .filter((session) => session !== undefined);
    const replaced = [...new Set(found)];
    for (const session of replaced) this.#drop(session, fresh, keepsPeer && session.slot === slot);
    return replaced.map((session) => session.slot).filter((other) => other !== slot);
  }

  /** Drops what runs at no interface that `isOurs`. Gives the places that are free now. */
  dropUnless(isOurs: (interfaceIndex: number) => boolean): readonly number[] {
    const stale = [...this.#sessions.values()].filter(({ interfaces }) => ![...interfaces].some(isOurs));
    for (const session of stale) this.#drop(session, new Set(), false);
    return stale.map(({ slot }) => slot);
  }

  #session(slot: number): Inherited {
    const known = this.#sessions.get(slot);
    if (known !== undefined) return known;
    const session = {
      slot,
      circuitKeys: [],
      peerKeys: [],
      ids: new Set<number>(),
      interfaces: new Set<number>(),
    };
    this.#sessions.set(slot, session);
    return session;
  }

  #name(session: Inherited, localSessionId: number): void {
    session.ids.add(localSessionId);
    this.#slotsById.set(localSessionId, session.slot);
  }

  #drop(session: Inherited, kept: ReadonlySet<string>, keepsPeer: boolean): void {
    this.#sessions.delete(session.slot);
    for (const id of session.ids) this.#slotsById.delete(id);
    for (const key of session.circuitKeys) {
      this.#byCircuit.delete(toHex(key));
      if (!kept.has(toHex(key))) this.#maps.circuits.remove(key);
    }
    for (const key of session.peerKeys) {
      if (!keepsPeer) this.#maps.peers.remove(key);
    }
  }
}
