/** Indexes that stay reserved for the sessions that released them, as long as there are unused ones. */
const MOST_RELEASED = 1024;

/**
 * Allocates indexes of sessions in arrays, from `first` on, by the sessions' local ids. A session that was
 * removed and is added again, as when its circuit's interface went and came back, gets its former index with
 * what is kept there, unless another session needed it.
 */
export class SessionIndexes {
  readonly #capacity: number;
  readonly #allocated = new Map<number, number>();
  /** Released indexes by the session that had them, the oldest first. */
  readonly #released = new Map<number, number>();
  /** Indexes that a former daemon had in use; they are not allocated as unused ones. */
  readonly #preexisting = new Set<number>();
  /** Those of them that no session has adopted yet, and that were not freed. */
  readonly #reserved = new Set<number>();
  /** Those of them that were freed, and can be allocated. */
  readonly #freed: number[] = [];
  /** The least index that was never allocated, but for preexisting ones. */
  #next: number;
  #end: number;

  constructor(capacity: number, first = 0) {
    this.#capacity = capacity;
    this.#next = first;
    this.#end = first;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** One more than the greatest index that was ever in use. */
  get end(): number {
    return this.#end;
  }

  /** The session's index, and whether it is new to this session; undefined when there is no room. */
  allocate(localSessionId: number): { readonly index: number; readonly isNew: boolean } | undefined {
    const own = this.#allocated.get(localSessionId) ?? this.#released.get(localSessionId);
    const index = own ?? this.#newIndex();
    if (index === undefined) return undefined;
    this.#released.delete(localSessionId);
    this.#allocated.set(localSessionId, index);
    this.#end = Math.max(this.#end, index + 1);
    return { index, isNew: own === undefined };
  }

  /** Sessions that have an index, by their local ids. */
  get allocated(): Iterable<readonly [localSessionId: number, index: number]> {
    return this.#allocated;
  }

  /** The index of a session that has one. */
  of(localSessionId: number): number | undefined {
    return this.#allocated.get(localSessionId);
  }

  /** Releases the session's index. */
  release(localSessionId: number): void {
    const index = this.#allocated.get(localSessionId);
    if (index === undefined) return;
    this.#allocated.delete(localSessionId);
    this.#released.set(localSessionId, index);
  }

  /** Marks an index that is in use already. */
  reserve(index: number): void {
    this.#preexisting.add(index);
    this.#reserved.add(index);
    this.#end = Math.max(this.#end, index + 1);
  }

  /** Gives the session an index that was in use already. */
  adopt(localSessionId: number, index: number): void {
    this.#reserved.delete(index);
    this.#allocated.set(localSessionId, index);
  }

  /** Frees an index that was in use already, unless a session has it now. */
  free(index: number): void {
    if (this.#reserved.delete(index)) this.#freed.push(index);
  }

  #newIndex(): number | undefined {
    if (this.#released.size > MOST_RELEASED) return this.#oldestReleased();
    return this.#freed.pop() ?? this.#unused() ?? this.#oldestReleased();
  }

  #oldestReleased(): number | undefined {
    for (const [localSessionId, index] of this.#released) {
      this.#released.delete(localSessionId);
      return index;
    }
    return undefined;
  }

  #unused(): number | undefined {
    while (this.#preexisting.has(this.#next)) this.#next += 1;
    return this.#next < this.#capacity ? this.#next++ : undefined;
  }
}
