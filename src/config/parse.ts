import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Pair,
  parseDocument,
  type Range,
  type YAMLMap,
} from "yaml";
import { buildConfig } from "./build.ts";
import { checkConfig } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configFields, type RawConfig } from "./fields.ts";
import { complaintsOfSchema } from "./sound-parts.ts";
import { syntaxProblems, TOO_DEEP } from "./syntax.ts";

/** Longest configuration text that is read, in characters: room for some 200 000 pseudowires. */
const LONGEST_TEXT = 64 * 1024 * 1024;
/** Aliases may not grow the file beyond reason. */
const MOST_ALIASES = 100;
/** More problems than anybody reads; the rest is only counted. */
const MOST_PROBLEMS = 100;
/** Scalars whose text counts as it was written, though YAML would take it for a number. */
const asWritten: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

type KeyPath = readonly PropertyKey[];

/** A complaint with the offset in the text that it is about. */
interface Finding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  /** Offset of another place that it is about as well; its line is told behind the message. */
  readonly otherOffset?: number;
}

/**
 * Reads a configuration: all of it, or every problem it has, each with its place in the text. `hostName` is the machine's, for
 * the default. What is wrong between keys is told of every tunnel whose keys are in order on their own.
 */
export function parseConfig(
  text: string,
  file: string,
  context: { readonly hostName: string },
): { config: Config; problems: readonly [] } | { config?: undefined; problems: readonly ConfigProblem[] } {
  const found = read(text);
  if (!Array.isArray(found)) return { config: buildConfig(found, context.hostName), problems: [] };
  found.sort((a, b) => a.offset - b.offset);
  const told = found.slice(0, MOST_PROBLEMS);
  const offsets = told.flatMap(({ offset, otherOffset }) => [offset, otherOffset ?? offset]);
  const places = placesOf(text, offsets);
  const problems = told.map(({ offset, path, message, otherOffset }) => {
    const other = otherOffset === undefined ? "" : ` in line ${places.get(otherOffset)?.line}`;
    return { file, ...(places.get(offset) as Place), path, message: `${message}${other}` };
  });
  const more = found.length - problems.length;
  const last = problems.at(-1);
  if (more > 0 && last !== undefined) problems.push({ ...last, path: "", message: `and ${more} more` });
  return { problems };
}

/** A place in a text; both count from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** Places of offsets, by one walk of the text. The line counter of `yaml` misses lines after a document's end. */
function placesOf(text: string, offsets: readonly number[]): ReadonlyMap<number, Place> {
  const places = new Map<number, Place>();
  let line = 1;
  let start = 0;
  let end = text.indexOf("\n");
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; end >= 0 && end < offset; end = text.indexOf("\n", start)) {
      line += 1;
      start = end + 1;
    }
    places.set(offset, { line, column: Math.min(offset, text.length) - start + 1 });
  }
  return places;
}

/** The checked keys of a text, or what is wrong with it. */
function read(text: string): RawConfig | Finding[] {
  const whole = (message: string): Finding[] => [{ offset: 0, path: "", message }];
  if (text.length > LONGEST_TEXT) return whole(`longer than ${LONGEST_TEXT} characters`);
  let contents: Document.Parsed["contents"];
  let value: unknown;
  try {
    // The package would compare each key with all before it.
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error", uniqueKeys: false });
    contents = document.contents;
    const { twice, unresolved } = prepare(document);
    const broken = [...twice, ...syntaxProblems(text, document).map((problem) => ({ ...problem, path: "" }))];
    if (broken.length > 0) return broken;
    if (unresolved.length > 0) return unresolved;
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    return whole(error instanceof RangeError ? TOO_DEEP : firstLine((error as Error).message));
  }
  if (contents === null) return whole("the file is empty; it needs `tunnels:`");
  if (!isMap(contents)) return whole("wanted a mapping with `tunnels:`");
  const parsed = configFields.safeParse(value, { reportInput: true });
  const complaints = parsed.success ? checkConfig(parsed.data) : complaintsOfSchema(parsed.error, value);
  if (parsed.success && complaints.length === 0) return parsed.data;
  const places = new KeyPlaces(contents);
  return complaints.map(({ path, message, atKey }) => ({
    offset: places.offsetOf(path, atKey ?? false),
    path: path.map(String).join("."),
    message,
  }));
}

function firstLine(text: string): string {
  return text.replace(/\n.*/s, "");
}

/** Keeps scalars as they were written where that counts, and finds keys that are there twice and aliases of nothing. */
function prepare(document: Document.Parsed): { readonly twice: Finding[]; readonly unresolved: Finding[] } {
  const anchors = new Set<string>();
  const twice: Finding[] = [];
  const unresolved: Finding[] = [];
  const walk = (node: unknown): void => {
    if (isAlias(node)) {
      if (anchors.has(node.source)) return;
      unresolved.push({
        offset: startOf(node),
        path: "",
        message: `no anchor &${node.source} stands before`,
      });
    } else if (isPair(node)) {
      keepAsWritten(node);
      walk(node.key);
      walk(node.value);
    } else if (isNode(node)) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (!isCollection(node)) return;
      if (isMap(node)) twice.push(...keysTwice(node));
      for (const item of node.items) walk(item);
    }
  };
  walk(document.contents);
  return { twice, unresolved };
}

/** Keys of a mapping that stand in it before; only scalars can be equal. */
function keysTwice(map: YAMLMap): readonly Finding[] {
  const seen = new Map<unknown, Node>();
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    const first = seen.get(key.value);
    if (first === undefined) {
      seen.set(key.value, key);
      return [];
    }
    const message = "this key is there already,";
    return [{ offset: startOf(key), path: "", message, otherOffset: startOf(first) }];
  });
}

/** One line for one problem. */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${message}`;
}

function keepAsWritten({ key, value }: Pair): void {
  if (!isScalar(key) || !isScalar(value) || !asWritten.has(String(key.value))) return;
  if (typeof value.value === "number") value.value = value.source;
}

/** Where a node of a text stands; all of them have a range. */
function startOf(node: Node): number {
  return (node.range as Range)[0];
}

/** Where the keys of a text stand. */
class KeyPlaces {
  readonly #root: Node;
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair<Node>>>();

  constructor(root: Node) {
    this.#root = root;
  }

  /** Where a key, or its value, stands; what is missing is placed at the innermost mapping that should have it. */
  offsetOf(path: KeyPath, atKey: boolean): number {
    let node: unknown = this.#root;
    let offset = startOf(this.#root);
    for (const [index, step] of path.entries()) {
      if (!isMap(node)) break;
      const pair = this.#pairsOf(node).get(String(step));
      if (pair === undefined) break;
      const { key, value } = pair;
      const isKeyMeant = isMap(value) || (index === path.length - 1 && atKey);
      offset = startOf(isNode(value) && !isKeyMeant ? value : key);
      node = value;
    }
    return offset;
  }

  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair<Node>> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, Pair<Node>>();
    for (const pair of map.items as Pair<Node>[]) {
      const name = isScalar(pair.key) ? String(pair.key.value) : undefined;
      if (name !== undefined && !pairs.has(name)) pairs.set(name, pair);
    }
    this.#pairs.set(map, pairs);
    return pairs;
  }
}
