/** First-in first-out queue whose operations take amortised constant time. */
export class Queue<Entry> {
  #entries: Entry[] = [];
  /** Index of the front; the entries before it were taken. */
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The entry `index` behind the front; undefined beyond the end. */
  at(index: number): Entry | undefined {
    return this.#entries[this.#head + index];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Takes the front; undefined when there is none. */
  shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head += 1;
    // At least half was taken, so that copying the rest costs no more than the shifts before did.
    if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
  }
}
