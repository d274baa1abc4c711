import { memoryOf } from "../../../os/mapped-memory.ts";
import type { SessionCounters } from "../../plane.ts";
import { beginSequences, resumeSequences, SEQUENCE_WORDS, sequenceWords } from "../../sequencing.ts";
import { SessionIndexes } from "../../session-indexes.ts";
import { countersFrom, indexKey, mapSizes } from "../programs/map-layout.ts";
import type { PlaneMaps } from "./plane-maps.ts";
import { WarmRestart } from "./warm-restart.ts";

/**
 * The indexs of sessions in the arrays of programs, whoever carries them: what they counted and how they numbered. A session keeps its
 * index, and what is there, while it changes planes; when it is removed and added again; and after a crash of the daemon.
 */
export class SessionArrays implements Disposable {
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

  /** Why a session that got no index is not forwarded by programs. */
  get fullText(): string {
    return `there is room for ${this.#indexes.capacity} sessions; a restart makes more`;
  }

  /** Gives a session its index, with its numbers prepared to go on or to begin; undefined when there is no room. */
  take(localSessionId: number): number | undefined {
    const adopted = this.#warmRestart.indexOf(localSessionId);
    if (adopted !== undefined) {
      this.#indexes.adopt(localSessionId, adopted);
      return adopted;
    }
    // What nobody had is empty in maps that we made.
    const untouched = this.#maps.wereAdopted ? this.#indexes.capacity : this.#indexes.end;
    const taken = this.#indexes.allocate(localSessionId);
    if (taken === undefined) return undefined;
    const { index: sessionIndex, isNew } = taken;
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

  /** Programs number nothing more in this index: the userspace plane does, from the next frame on. */
  hold(sessionIndex: number | undefined): void {
    if (sessionIndex === undefined) return;
    const words = this.#wordsOf(sessionIndex);
    if (words.length > 0) Atomics.store(words, sequenceWords.held, 1);
  }

  /** A session is in place: what a former daemon left under its keys goes. `keepsPeer`: the session has the peer's entry. */
  replaceStale(
    circuitKeys: readonly Uint8Array[],
    sessionIndex: number | undefined,
    { keepsPeer }: { readonly keepsPeer: boolean },
  ): void {
    for (const freed of this.#warmRestart.replace(circuitKeys, sessionIndex, keepsPeer))
      this.#indexes.free(freed);
  }

  /** Drops what a former daemon left at no interface that `isKept`. Whether nothing of it is left. */
  removeStale(isKept: (interfaceIndex: number) => boolean): boolean {
    for (const freed of this.#warmRestart.removeUnless(isKept)) this.#indexes.free(freed);
    return this.#warmRestart.isEmpty;
  }

  /** What programs counted for sessions that have a index, by their local ids. */
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

  /** The maps are about to be closed: their memory is looked at no more. */
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
