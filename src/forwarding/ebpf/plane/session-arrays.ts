import type { MappedMemory } from "../../../environment.ts";
import { memoryOf } from "../../../os/mapped-memory.ts";
import type { SharedSequences } from "../../exception-path.ts";
import type { SessionCounters } from "../../plane.ts";
import { beginSequences, resumeSequences, SEQUENCE_WORDS, sequenceWords } from "../../sequencing.ts";
import { SessionIndexes } from "../../session-indexes.ts";
import { indexKey, mapSizes } from "../programs/map-layout.ts";
import { countersFrom } from "../programs/session-counters.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import { WarmRestart } from "./warm-restart.ts";

/**
 * The sessions' elements in the arrays that programs use, counters and sequence numbers, whichever plane
 * carries a session. A session keeps its index, and the contents there, when it changes planes, when it is
 * removed and added again, and after a crash of the daemon.
 */
export class SessionArrays implements SharedSequences, Disposable {
  readonly #maps: PlaneMaps;
  #sequences: Int32Array;
  readonly #warmRestart: WarmRestart;
  readonly #indexes: SessionIndexes;

  constructor(maps: PlaneMaps) {
    this.#maps = maps;
    this.#sequences = new Int32Array(memoryOf(maps.sequences.memory()));
    this.#warmRestart = new WarmRestart(maps, (sessionIndex) => this.#sessionIdAt(sessionIndex));
    this.#indexes = new SessionIndexes(maps.capacity);
    for (const sessionIndex of this.#warmRestart.indexes) this.#indexes.reserve(sessionIndex);
  }

  /** How many sessions of a former daemon its maps have, until they are replaced or removed. */
  get adoptedSessions(): number {
    return this.#warmRestart.indexes.length;
  }

  /** Indexes of the interfaces whose frames those sessions carry. */
  get adoptedInterfaces(): ReadonlySet<number> {
    return this.#warmRestart.interfaces;
  }

  get memory(): MappedMemory {
    return this.#maps.sequences.memory();
  }

  /** Why a session that got no index is not carried by programs. */
  get fullText(): string {
    return `there is room for ${this.#indexes.capacity} sessions; a restart makes more`;
  }

  /**
   * Gives a session its index, and prepares its sequence numbers to continue or to begin; undefined when
   * there is no room.
   */
  allocate(localSessionId: number): number | undefined {
    const adopted = this.#warmRestart.indexOf(localSessionId);
    if (adopted !== undefined) {
      this.#indexes.adopt(localSessionId, adopted);
      return adopted;
    }
    // In maps that we created, an element that no session had yet is zero.
    const untouched = this.#maps.wereAdopted ? this.#indexes.capacity : this.#indexes.end;
    const allocated = this.#indexes.allocate(localSessionId);
    if (allocated === undefined) return undefined;
    const { index: sessionIndex, isNew } = allocated;
    if (isNew) beginSequences(this.#wordsOf(sessionIndex), localSessionId);
    else resumeSequences(this.#wordsOf(sessionIndex));
    if (sessionIndex < untouched)
      this.#maps.counters.update(indexKey(sessionIndex), new Uint8Array(mapSizes.counters.valueOctets));
    return sessionIndex;
  }

  of(localSessionId: number): number | undefined {
    return this.#indexes.of(localSessionId);
  }

  release(localSessionId: number): void {
    this.#indexes.release(localSessionId);
  }

  /**
   * From the next frame on the userspace plane, and not programs, numbers the frames of the session with this
   * index.
   */
  hold(sessionIndex: number | undefined): void {
    if (sessionIndex === undefined) return;
    const words = this.#wordsOf(sessionIndex);
    if (words.length > 0) Atomics.store(words, sequenceWords.heldByUserspace, 1);
  }

  /**
   * Removes the state of a former daemon that a new install replaces: entries under its keys. `keepsPeer`:
   * the new install has an entry for the same peer key.
   */
  replaceStale(
    circuitKeys: readonly Uint8Array[],
    sessionIndex: number | undefined,
    { keepsPeer }: { readonly keepsPeer: boolean },
  ): void {
    for (const freed of this.#warmRestart.replace(circuitKeys, sessionIndex, keepsPeer))
      this.#indexes.free(freed);
  }

  /** Removes stale state at interfaces that are not kept. Whether none is left. */
  removeStale(isKept: (interfaceIndex: number) => boolean): boolean {
    for (const freed of this.#warmRestart.removeUnless(isKept)) this.#indexes.free(freed);
    return this.#warmRestart.isEmpty;
  }

  /** What programs counted for sessions that have an index, by local session id. */
  counters(): ReadonlyMap<number, SessionCounters> {
    const ids = new Map<number, number>();
    for (const [localSessionId, sessionIndex] of this.#indexes.allocated)
      ids.set(sessionIndex, localSessionId);
    const found = new Map<number, SessionCounters>();
    let sessionIndex = 0;
    for (const values of this.#maps.counters.firstPerCpu(ids.size === 0 ? 0 : this.#indexes.end)) {
      const id = ids.get(sessionIndex);
      if (id !== undefined) found.set(id, countersFrom(id, values));
      sessionIndex += 1;
    }
    return found;
  }

  /** What programs counted for one session; undefined for one that has no index. */
  sessionCounters(localSessionId: number): SessionCounters | undefined {
    const sessionIndex = this.#indexes.of(localSessionId);
    if (sessionIndex === undefined) return undefined;
    return countersFrom(localSessionId, this.#maps.counters.lookUpPerCpu(indexKey(sessionIndex)) ?? []);
  }

  /** Stops access to the maps' memory, before the maps are closed. */
  [Symbol.dispose](): void {
    this.#sequences = new Int32Array(0);
  }

  #wordsOf(sessionIndex: number): Int32Array {
    return this.#sequences.subarray(sessionIndex * SEQUENCE_WORDS, (sessionIndex + 1) * SEQUENCE_WORDS);
  }

  #sessionIdAt(sessionIndex: number): number {
    return (this.#wordsOf(sessionIndex)[sequenceWords.sessionId] as number) >>> 0;
  }
}
