/** Entries in order, taken from the front: each in constant time on average, however long it is, as a spliced array's is not. */
export class Queue<Entry> {
  #entries: Entry[] = [];
  /** Where the front is: what stands before it was taken. */
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The entry that stands `index` places behind the front; undefined beyond the end. */
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
    // At least half of it was taken, so that moving the rest costs no more than the taking did.
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
