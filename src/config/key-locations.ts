import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Range,
  type YAMLMap,
} from "yaml";
import type { Issue } from "./issues.ts";
import { MERGE_KEY } from "./merge-keys.ts";

/** Line and column in a text; both count from 1. */
export interface Location {
  readonly line: number;
  readonly column: number;
}

/**
 * Lines and columns of offsets, by one walk of the text. The line counter of `yaml` misses lines after a
 * document's end.
 */
export function locationsOf(text: string, offsets: readonly number[]): ReadonlyMap<number, Location> {
  const locations = new Map<number, Location>();
  let line = 1;
  let start = 0;
  let end = text.indexOf("\n");
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; end >= 0 && end < offset; end = text.indexOf("\n", start)) {
      line += 1;
      start = end + 1;
    }
    locations.set(offset, { line, column: Math.min(offset, text.length) - start + 1 });
  }
  return locations;
}

/** The offsets of the keys of a YAML text, by their paths. */
export class KeyLocations {
  readonly #root: Node;
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair<Node>>>();
  #anchored: ReadonlyMap<Alias, Node> | undefined;

  constructor(root: Node) {
    this.#root = root;
  }

  /**
   * The offset of a key or its value; for a missing key, that of the innermost mapping that should have it.
   */
  offsetOf(issue: Issue): number {
    const { node, key, isKeyMeant } = this.#find(issue);
    return startOf(key === undefined || !isKeyMeant ? node : key);
  }

  /**
   * Whether the key and value that an issue is about end before an offset. False for a block mapping, whose
   * end is not known where the YAML is broken, and for an empty value, in whose place anything may have been
   * meant.
   */
  isCompleteBefore(offset: number, issue: Issue): boolean {
    const { node, key } = this.#find(issue);
    if (issue.atKey && key !== undefined) return endOf(key) <= offset;
    const isWhole = !isCollection(node) || node.flow === true;
    return isWhole && startOf(node) < endOf(node) && endOf(node) <= offset;
  }

  /**
   * The innermost node on the path of an issue, its key, and whether the issue is located at the key and not
   * at the value.
   */
  #find({ path, atKey = false }: Issue): { node: Node; key: Node | undefined; isKeyMeant: boolean } {
    let found = { node: this.#root, key: undefined as Node | undefined, isKeyMeant: false };
    for (const [index, step] of path.entries()) {
      if (isSeq(found.node)) {
        const item = found.node.items[Number(step)];
        if (!isNode(item)) break;
        found = { node: item, key: undefined, isKeyMeant: false };
        continue;
      }
      if (!isMap(found.node)) break;
      const pair = this.#pairsOf(found.node).get(String(step));
      if (pair === undefined) break;
      const { key, value } = pair;
      const isKeyMeant = !isNode(value) || isMap(value) || (index === path.length - 1 && atKey);
      found = { node: isNode(value) ? value : key, key, isKeyMeant };
    }
    return found;
  }

  /** The keys of a mapping, and those that it takes by merge keys, where they are written. */
  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair<Node>> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, Pair<Node>>();
    for (const pair of map.items as Pair<Node>[]) {
      // As the value in JavaScript has it: an empty key is the empty text.
      const name = isScalar(pair.key) ? String(pair.key.value ?? "") : undefined;
      if (name !== undefined && !pairs.has(name)) pairs.set(name, pair);
    }
    this.#pairs.set(map, pairs);
    for (const source of this.#mergedBy(pairs.get(MERGE_KEY)?.value)) {
      for (const [name, pair] of this.#pairsOf(source)) if (!pairs.has(name)) pairs.set(name, pair);
    }
    return pairs;
  }

  #mergedBy(value: unknown): readonly YAMLMap[] {
    if (value === undefined || value === null) return [];
    this.#anchored ??= anchoredNodes(this.#root);
    const node = isAlias(value) ? this.#anchored.get(value) : value;
    if (isSeq(node)) return node.items.flatMap((item) => this.#mergedBy(item));
    return isMap(node) ? [node] : [];
  }
}

/** What the aliases of a document stand for: the last node before each that has its anchor. */
function anchoredNodes(root: Node): ReadonlyMap<Alias, Node> {
  const byName = new Map<string, Node>();
  const found = new Map<Alias, Node>();
  const walk = (node: unknown): void => {
    if (isPair(node)) {
      walk(node.key);
      walk(node.value);
    } else if (isAlias(node)) {
      const anchored = byName.get(node.source);
      if (anchored !== undefined) found.set(node, anchored);
    } else if (isNode(node)) {
      if (node.anchor !== undefined) byName.set(node.anchor, node);
      if (isCollection(node)) for (const item of node.items) walk(item);
    }
  };
  walk(root);
  return found;
}

/** The offset at which a parsed node begins; every parsed node has a range. */
export function startOf(node: Node): number {
  return (node.range as Range)[0];
}

/** The offset behind a parsed node. */
export function endOf(node: Node): number {
  return (node.range as Range)[1];
}
