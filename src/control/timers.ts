/** Something with a deadline of its own. */
export interface Expirable {
  /** Called at or after the deadline it set, which is then forgotten; it sets a new one if it wants more. */
  expire(nowMs: number): void;
}

interface Deadline {
  readonly atMs: number;
  readonly owner: Expirable;
}

/** Fewer stale entries than this are not worth making the heap anew. */
const FEW_STALE = 64;

/**
 * At most one deadline for each owner, in a binary heap. Replaced and withdrawn entries stay in it until they surface, or until they are
 * more than those that count: who makes us set deadlines again and again cannot make it grow.
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

  /** Takes out the owner that is due first; undefined when nobody is due. */
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

  /** Costs as much as there are entries, and comes after as many changes at least. An array in ascending order is a heap. */
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
