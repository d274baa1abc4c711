/** The owner of a deadline. */
export interface Expirable {
  /** Called once, at or after its deadline, which is then removed. */
  expire(nowMs: number): void;
}

interface Deadline {
  readonly atMs: number;
  readonly owner: Expirable;
}

/** Up to this many stale entries the heap is not rebuilt. */
const FEW_STALE = 64;

/**
 * Deadlines in a binary heap, at most one for each owner. Replaced and withdrawn entries stay in the heap
 * until they reach its top, or until they outnumber the valid ones, when it is rebuilt: so its size is
 * bounded by the number of owners.
 */
export class Timers {
  readonly #current = new Map<Expirable, Deadline>();
  #heap: Deadline[] = [];

  /** Entries in the heap, stale ones among them. */
  get size(): number {
    return this.#heap.length;
  }

  /** Sets, replaces or (with undefined) withdraws the deadline of an owner, in ms of the injected clock. */
  set(owner: Expirable, atMs: number | undefined): void {
    if (this.#current.get(owner)?.atMs === atMs) return;
    if (atMs === undefined) {
      this.#current.delete(owner);
    } else {
      const deadline = { atMs, owner };
      this.#current.set(owner, deadline);
      this.#heap.push(deadline);
      this.#siftUp(this.#heap.length - 1);
    }
    if (this.#heap.length > 2 * this.#current.size + FEW_STALE) this.#rebuild();
  }

  /** The earliest deadline; undefined when there is none. */
  get nextMs(): number | undefined {
    this.#skipStale();
    return this.#heap[0]?.atMs;
  }

  /** Removes and returns the owner that is due first; undefined when none is due. */
  takeDue(nowMs: number): Expirable | undefined {
    this.#skipStale();
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#pop();
    this.#current.delete(first.owner);
    return first.owner;
  }

  #skipStale(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#current.get(first.owner) === first) return;
      this.#pop();
    }
  }

  /** Rebuilds the heap, in amortised constant time for each change. An array in ascending order is a heap. */
  #rebuild(): void {
    this.#heap = [...this.#current.values()].sort((a, b) => a.atMs - b.atMs);
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  #siftDown(start: number): void {
    let index = start;
    for (;;) {
      const left = index * 2 + 1;
      const right = left + 1;
      const child = this.#isEarlier(right, left) ? right : left;
      if (!this.#swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const first = this.#heap[a];
    const second = this.#heap[b];
    return first !== undefined && second !== undefined && first.atMs < second.atMs;
  }

  #swapIfEarlier(a: number, b: number): boolean {
    const first = this.#heap[a];
    const second = this.#heap[b];
    if (first === undefined || second === undefined || first.atMs >= second.atMs) return false;
    this.#heap[a] = second;
    this.#heap[b] = first;
    return true;
  }
}
