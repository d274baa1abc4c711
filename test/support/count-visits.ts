type Method = (this: unknown, ...parameters: never[]) => unknown;

/**
 * Array methods that look at elements until they have an answer, and those that move them: each counts as all
 * elements.
 */
const scans = [
  ...["every", "filter", "find", "findIndex", "flatMap", "forEach", "map", "some"],
  ...["slice", "splice", "shift"],
];

/** What holds fewer is not counted: it does not grow. */
const FEW = 32;

/**
 * How many elements of arrays, maps and sets are gone over while `run` does its work: by loops and spreading,
 * by methods that scan, and by those that move the rest when something is removed from the front. It grows as
 * the time does, and is the same on every machine.
 */
export function countVisits(run: () => void): number {
  let visits = 0;
  const originals: [object, PropertyKey, PropertyDescriptor][] = [];
  const replace = (prototype: object, name: PropertyKey, make: (original: Method) => Method) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (descriptor === undefined) throw new Error(`no method ${String(name)} to count`);
    originals.push([prototype, name, descriptor]);
    Object.defineProperty(prototype, name, { ...descriptor, value: make(descriptor.value as Method) });
  };
  const iterates = (original: Method): Method =>
    function (this: unknown, ...parameters) {
      const iterator = original.apply(this, parameters) as IterableIterator<unknown>;
      const { size, length } = this as { readonly size?: number; readonly length?: number };
      if ((size ?? length ?? 0) < FEW) return iterator;
      return counted(iterator, () => {
        visits += 1;
      });
    };
  for (const name of [Symbol.iterator, "values", "keys", "entries"]) {
    for (const prototype of [Map.prototype, Set.prototype, Array.prototype])
      replace(prototype, name, iterates);
  }
  for (const name of scans) {
    replace(Array.prototype, name, (original) => {
      return function (this: unknown, ...parameters) {
        const { length } = this as { readonly length: number };
        if (length >= FEW) visits += length;
        return original.apply(this, parameters);
      };
    });
  }
  try {
    run();
  } finally {
    for (const [prototype, name, descriptor] of originals) Object.defineProperty(prototype, name, descriptor);
  }
  return visits;
}

function counted(iterator: IterableIterator<unknown>, visit: () => void): IterableIterator<unknown> {
  return {
    next() {
      visit();
      return iterator.next();
    },
    return: (value) => iterator.return?.(value) ?? { done: true, value },
    [Symbol.iterator]() {
      return this;
    },
  };
}
