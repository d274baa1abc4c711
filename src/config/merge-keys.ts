/**
 * Merge keys of YAML (`<<: *name`, https://yaml.org/type/merge.html): a mapping takes the keys of others that
 * it does not have itself. Of several, the first that has a key gives its value; mappings below are not
 * merged.
 */

export const MERGE_KEY = "<<";

/** Message for a merge key with anything else. */
export const WANTED_MERGED =
  "a merge key takes the keys of a mapping by an alias (*name), or of several, as [*name, *other]";

/** Aliases and merge keys make more of a text than is read. */
export class TooManyCopies extends Error {}

/** A mapping of a file, as JavaScript has it. */
export type Mapping = Readonly<Record<PropertyKey, unknown>>;

/**
 * A value of YAML with its merge keys taken out, and the keys that they stand for put in. A merge key with a
 * wrong value stays, for the schema to refuse. Mappings that aliases repeat stay shared.
 *
 * Throws `TooManyCopies` where the value, each repetition counted, has more than `most` keys and items, or a
 * mapping is within itself.
 */
export function withMergeKeys(value: unknown, most: number): unknown {
  return new Merging(most).of(value).value;
}

/** A value, and its keys and items with all that is below them. */
interface Counted {
  readonly value: unknown;
  readonly size: number;
}

class Merging {
  readonly #most: number;
  readonly #known = new Map<object, Counted | undefined>();
  #copied = 0;

  constructor(most: number) {
    this.#most = most;
  }

  of(value: unknown): Counted {
    if (typeof value !== "object" || value === null) return { value, size: 1 };
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (this.#known.has(value))
      throw new TooManyCopies("an alias stands within the mapping or list it repeats");
    this.#known.set(value, undefined);
    const counted = Array.isArray(value) ? this.#list(value) : this.#mapping(value as Mapping);
    this.#known.set(value, counted);
    return counted;
  }

  #list(items: readonly unknown[]): Counted {
    const counted = items.map((item) => this.of(item));
    return { value: counted.map(({ value }) => value), size: this.#sizeOf(counted) };
  }

  #mapping(mapping: Mapping): Counted {
    const keys = new Map<string, Counted>();
    for (const [key, value] of Object.entries(mapping)) keys.set(key, this.of(value));
    const merged = Object.hasOwn(mapping, MERGE_KEY) ? keys.get(MERGE_KEY)?.value : undefined;
    const sources = Array.isArray(merged) ? merged : [merged];
    if (sources.length > 0 && sources.every(isMapping)) {
      keys.delete(MERGE_KEY);
      for (const source of sources) this.#merge(source, keys);
    }
    const value = Object.fromEntries([...keys].map(([key, counted]) => [key, counted.value]));
    return { value, size: this.#sizeOf([...keys.values()]) };
  }

  #merge(source: Mapping, keys: Map<string, Counted>): void {
    for (const [key, value] of Object.entries(source)) {
      if (keys.has(key) || key === MERGE_KEY) continue;
      this.#copied += 1;
      this.#check(this.#copied);
      keys.set(key, this.of(value));
    }
  }

  #sizeOf(parts: readonly Counted[]): number {
    const size = parts.reduce((sum, part) => sum + part.size, 1);
    this.#check(size);
    return size;
  }

  #check(size: number): void {
    if (size > this.#most)
      throw new TooManyCopies("aliases and merge keys repeat too much: write less of it by them");
  }
}

/** Whether a value is a mapping of the file. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
