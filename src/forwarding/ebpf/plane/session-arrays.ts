import { memoryOf } from "../../../os/mapped-memory.ts";
import type { SessionCounters } from "../../plane.ts";
import { beginSequences, resumeSequences, SEQUENCE_WORDS, sequenceWords } from "../../sequencing.ts";
import { SessionIndexes } from "../../session-indexes.ts";
import { countersFrom, mapSizes, slotKey } from "../programs/map-layout.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import { Inheritance } from "./warm-restart.ts";

/**
 * The slots of sessions in the arrays of programs, whoever carries them: what they counted and how they numbered. A session keeps its
 * slot, and what is there, while it changes planes; when it is removed and added again; and after a crash of the daemon.
 */
export class SessionSlots implements Disposable {
  readonly #maps: PlaneMaps;
  #sequences: Int32Array;
  readonly #inheritance: Inheritance;
  readonly #places: SessionIndexes;

  constructor(maps: PlaneMaps) {
    this.#maps = maps;
    this.#sequences = new Int32Array(memoryOf(maps.sequences.memory()));
    this.#inheritance = new Inheritance(maps, (slot) => this.#sessionIdAt(slot));
    this.#places = new SessionIndexes(maps.capacity);
    for (const slot of this.#inheritance.slots) this.#places.reserve(slot);
  }

  get capacity(): number {
    return this.#places.capacity;
  }

  /** Gives a session its slot, with its numbers prepared to go on or to begin; undefined when there is no room. */
  take(localSessionId: number): number | undefined {
    const inherited = this.#inheritance.slotOf(localSessionId);
    if (inherited !== undefined) {
      this.#places.adopt(localSessionId, inherited);
      return inherited;
    }
    // What nobody had is empty in maps that we made.
    const untouched = this.#maps.areInherited ? this.capacity : this.#places.end;
    const taken = this.#places.allocate(localSessionId);
    if (taken === undefined) return undefined;
    const { index: slot, isNew } = taken;
    if (isNew) beginSequences(this.#wordsOf(slot), localSessionId);
    else resumeSequences(this.#wordsOf(slot));
    if (slot < untouched)
      this.#maps.counters.update(slotKey(slot), new Uint8Array(mapSizes.counters.valueOctets));
    return slot;
  }

  of(localSessionId: number): number | undefined {
    return this.#places.of(localSessionId);
  }

  give(localSessionId: number): void {
    this.#places.release(localSessionId);
  }

  /** Programs number nothing more in this slot: the userspace plane does, from the next frame on. */
  hold(slot: number | undefined): void {
    if (slot === undefined) return;
    const words = this.#wordsOf(slot);
    if (words.length > 0) Atomics.store(words, sequenceWords.held, 1);
  }

  /** A session is in place: what a former daemon left under its keys goes. `keepsPeer`: the session has the peer's entry. */
  replace(
    circuitKeys: readonly Uint8Array[],
    slot: number | undefined,
    { keepsPeer }: { readonly keepsPeer: boolean },
  ): void {
    for (const freed of this.#inheritance.replace(circuitKeys, slot, keepsPeer)) this.#places.free(freed);
  }

  /** Drops what a former daemon left at no interface that `isKept`. Whether nothing of it is left. */
  dropInherited(isKept: (interfaceIndex: number) => boolean): boolean {
    for (const freed of this.#inheritance.dropUnless(isKept)) this.#places.free(freed);
    return this.#inheritance.isEmpty;
  }

  /** What programs counted for sessions that have a slot, by their local ids. */
  counters(): ReadonlyMap<number, SessionCounters> {
    const ids = new Map<number, number>();
    for (const [localSessionId, slot] of this.#places.allocated) ids.set(slot, localSessionId);
    const found = new Map<number, SessionCounters>();
    let slot = 0;
    for (const values of this.#maps.counters.firstPerCpu(ids.size === 0 ? 0 : this.#places.end)) {
      const id = ids.get(slot);
      if (id !== undefined) found.set(id, countersFrom(id, values));
      slot += 1;
    }
    return found;
  }

  /** The maps are about to be closed: their memory is looked at no more. */
  [Symbol.dispose](): void {
    this.#sequences = new Int32Array(0);
  }

  #wordsOf(slot: number): Int32Array {
    return this.#sequences.subarray(slot * SEQUENCE_WORDS, (slot + 1) * SEQUENCE_WORDS);
  }

  #sessionIdAt(slot: number): number {
    return (this.#wordsOf(slot)[sequenceWords.sessionId] as number) >>> 0;
  }
}
