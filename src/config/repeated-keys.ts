import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";

/**
 * Repeated keys of a YAML mapping. It is not known which one was meant, so each is checked in turn: a
 * *reading* of the file has one of them, and the others are hidden.
 */

/** A key of a mapping that has it already, and the first one. */
export interface RepeatedKey {
  readonly key: Scalar;
  readonly first: Scalar;
}

/** Prefix of hidden keys; no written key begins with it. */
const HIDDEN = "\0";
/** Ours: limit on readings, each of which costs the time of a whole check. */
const MOST_READINGS = 8;

/** The repeated keys of a mapping, each with all its values. */
type Groups = readonly (readonly { readonly key: Scalar; readonly value: unknown }[])[];

/** The readings of a document, shown one at a time in the document itself. */
export class Readings {
  readonly #root: Node | null;
  /** Repeated keys of each mapping, and how many readings a node needs to show each of its values once. */
  readonly #groups = new Map<YAMLMap, Groups>();
  readonly #needed = new Map<unknown, number>();
  readonly #hidden = new Map<Scalar, unknown>();
  readonly repeated: readonly RepeatedKey[];

  constructor(root: Node | null) {
    this.#root = root;
    const repeated: RepeatedKey[] = [];
    this.#count(root, repeated);
    this.repeated = repeated;
  }

  /** Number of readings: 1 where no key is repeated. */
  get count(): number {
    return Math.min(this.#needed.get(this.#root) ?? 1, MOST_READINGS);
  }

  /** Shows one reading: hides the keys that it does not have, until another one or all are shown. */
  show(reading: number): void {
    this.showAll();
    this.#choose(this.#root, reading);
  }

  showAll(): void {
    for (const [key, value] of this.#hidden) key.value = value;
    this.#hidden.clear();
  }

  /** Removes hidden keys from a JavaScript value made of the document. */
  removeHidden(value: unknown, seen = new Set<unknown>()): void {
    if (this.#hidden.size === 0 || typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    const mapping = value as Record<string, unknown>;
    for (const key of Object.keys(mapping)) {
      if (key.startsWith(HIDDEN)) delete mapping[key];
      else this.removeHidden(mapping[key], seen);
    }
  }

  #count(node: unknown, repeated: RepeatedKey[]): number {
    if (isPair(node)) return this.#count(node.value, repeated);
    if (!isNode(node) || isAlias(node) || !isCollection(node)) return 1;
    const groups = isMap(node) ? this.#group(node, repeated) : [];
    const needs = node.items.map((item) => this.#count(item, repeated));
    for (const group of groups)
      needs.push(group.reduce((sum, { value }) => sum + (this.#needed.get(value) ?? 1), 0));
    const most = needs.reduce((one, other) => Math.max(one, other), 1);
    if (most > 1) this.#needed.set(node, most);
    return most;
  }

  #group(map: YAMLMap, repeated: RepeatedKey[]): Groups {
    const byKey = new Map<string, { key: Scalar; value: unknown }[]>();
    for (const { key, value } of map.items) {
      // Only scalar keys can repeat.
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const group = byKey.get(name);
      if (group === undefined) byKey.set(name, [{ key, value }]);
      else {
        repeated.push({ key, first: (group[0] as { key: Scalar }).key });
        group.push({ key, value });
      }
    }
    const groups = [...byKey.values()].filter(({ length }) => length > 1);
    if (groups.length > 0) this.#groups.set(map, groups);
    return groups;
  }

  #choose(node: unknown, reading: number): void {
    if (isPair(node)) return this.#choose(node.value, reading);
    if (!this.#needed.has(node) || !isCollection(node)) return;
    const within = new Map<unknown, number>();
    for (const group of (isMap(node) ? this.#groups.get(node) : undefined) ?? []) {
      const needs = group.map(({ value }) => this.#needed.get(value) ?? 1);
      let left = reading % needs.reduce((sum, each) => sum + each, 0);
      group.forEach(({ key, value }, index) => {
        const need = needs[index] as number;
        if (left >= 0 && left < need) within.set(value, left);
        else this.#hide(key, index);
        left -= need;
      });
    }
    for (const item of node.items) {
      const value = isPair(item) ? item.value : item;
      this.#choose(value, within.get(value) ?? reading);
    }
  }

  #hide(key: Scalar, index: number): void {
    this.#hidden.set(key, key.value);
    key.value = `${HIDDEN}${index} ${String(key.value)}`;
  }
}
