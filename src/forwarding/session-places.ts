/** So many places that sessions left stay theirs before another session gets one, while there are places that nobody had. */
const KEPT = 1024;

/**
 * Places of sessions in arrays: numbers from `first` on, each given to one session at a time, by its local id. A session that was
 * removed and is added again, as when its circuit's interface went and came back, finds its place and what is kept there, unless
 * another needed it.
 */
export class SessionPlaces {
  readonly #capacity: number;
  readonly #taken = new Map<number, number>();
  /** Places that sessions left, by whose they were, the oldest first. */
  readonly #left = new Map<number, number>();
  /** Places that were in use before any session of ours: all of them, those that still are nobody's of ours, and those that are free. */
  readonly #found = new Set<number>();
  readonly #occupied = new Set<number>();
  readonly #vacant: number[] = [];
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

  /** One more than the greatest that was ever in use. */
  get end(): number {
    return this.#end;
  }

  /** The session's place and whether what is kept there is another's; undefined when there is no room. */
  take(localSessionId: number): { readonly place: number; readonly isNew: boolean } | undefined {
    const own = this.#taken.get(localSessionId) ?? this.#left.get(localSessionId);
    const place = own ?? this.#another();
    if (place === undefined) return undefined;
    this.#left.delete(localSessionId);
    this.#taken.set(localSessionId, place);
    this.#end = Math.max(this.#end, place + 1);
    return { place, isNew: own === undefined };
  }

  /** Sessions that have places, by their local ids. */
  get taken(): Iterable<readonly [localSessionId: number, place: number]> {
    return this.#taken;
  }

  /** The place of a session that has one. */
  of(localSessionId: number): number | undefined {
    return this.#taken.get(localSessionId);
  }

  /** The session leaves its place. */
  give(localSessionId: number): void {
    const place = this.#taken.get(localSessionId);
    if (place === undefined) return;
    this.#taken.delete(localSessionId);
    this.#left.set(localSessionId, place);
  }

  /** Marks a place that is in use already. */
  occupy(place: number): void {
    this.#found.add(place);
    this.#occupied.add(place);
    this.#end = Math.max(this.#end, place + 1);
  }

  /** A place that was in use already is this session's from now on. */
  adopt(localSessionId: number, place: number): void {
    this.#occupied.delete(place);
    this.#taken.set(localSessionId, place);
  }

  /** A place that was in use already is free, unless a session has it now. */
  vacate(place: number): void {
    if (this.#occupied.delete(place)) this.#vacant.push(place);
  }

  #another(): number | undefined {
    if (this.#left.size > KEPT) return this.#oldestLeft();
    return this.#vacant.pop() ?? this.#unused() ?? this.#oldestLeft();
  }

  #oldestLeft(): number | undefined {
    for (const [localSessionId, place] of this.#left) {
      this.#left.delete(localSessionId);
      return place;
    }
    return undefined;
  }

  #unused(): number | undefined {
    while (this.#found.has(this.#next)) this.#next += 1;
    return this.#next < this.#capacity ? this.#next++ : undefined;
  }
}
