/** Places of sessions in the maps that are arrays: numbers from 0 on, each given to one at a time, the lowest free ones first. */
export class Slots {
  readonly #capacity: number;
  readonly #taken = new Set<number>();
  readonly #free: number[] = [];
  #next = 0;
  #end = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** One more than the greatest that was ever in use. */
  get end(): number {
    return this.#end;
  }

  /** Marks one that is in use already. */
  occupy(slot: number): void {
    this.#taken.add(slot);
    this.#end = Math.max(this.#end, slot + 1);
  }

  /** One that nobody has; undefined when there is none. */
  take(): number | undefined {
    const slot = this.#free.pop() ?? this.#unused();
    if (slot !== undefined) this.occupy(slot);
    return slot;
  }

  give(slot: number): void {
    if (this.#taken.delete(slot)) this.#free.push(slot);
  }

  #unused(): number | undefined {
    while (this.#taken.has(this.#next)) this.#next += 1;
    return this.#next < this.#capacity ? this.#next++ : undefined;
  }
}
