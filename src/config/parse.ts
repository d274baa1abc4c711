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
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { z } from "zod";
import { buildConfig } from "./build.ts";
import { type Complaint, checkConfig, checkLcce, checkTunnels } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configFields, type RawConfig, type RawTunnel, tunnelFields } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** Longest configuration text that is read, in characters: room for some 200 000 pseudowires. */
const LONGEST_TEXT = 64 * 1024 * 1024;
/** Aliases may not grow the file beyond reason. */
const MOST_ALIASES = 100;
/** More problems than anybody reads; the rest is only counted. */
const MOST_PROBLEMS = 100;
/** Where the recursion of `yaml` meets the end of the stack. */
const TOO_DEEP = "nested too deeply";
/** Scalars whose text counts as it was written, though YAML would take it for a number. */
const asWritten: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

type KeyPath = readonly PropertyKey[];

/** A complaint with the offset in the text that it is about. */
interface Finding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
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
  const places = placesOf(
    text,
    told.map(({ offset }) => offset),
  );
  const problems = told.map(({ path, message }, index) => ({
    file,
    ...(places[index] as Place),
    path,
    message,
  }));
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

/** Places of offsets in rising order. The line counter of `yaml` misses lines after a document's end. */
function placesOf(text: string, offsets: readonly number[]): readonly Place[] {
  let line = 1;
  let start = 0;
  let end = text.indexOf("\n");
  return offsets.map((offset) => {
    for (; end >= 0 && end < offset; end = text.indexOf("\n", start)) {
      line += 1;
      start = end + 1;
    }
    return { line, column: Math.min(offset, text.length) - start + 1 };
  });
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
    const broken = [...twice, ...document.errors.map(syntaxFinding)];
    if (broken.length > 0) return broken;
    if (unresolved.length > 0) return unresolved;
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    return whole(error instanceof RangeError ? TOO_DEEP : firstLine((error as Error).message));
  }
  if (contents === null) return whole("the file is empty; it needs `tunnels:`");
  if (!isMap(contents)) return whole("wanted a mapping with `tunnels:`");
  const parsed = configFields.safeParse(value, { reportInput: true });
  const complaints = parsed.success
    ? checkConfig(parsed.data)
    : [...parsed.error.issues.flatMap(complaintsOf), ...checkSound(value)];
  if (parsed.success && complaints.length === 0) return parsed.data;
  const places = new KeyPlaces(contents);
  return complaints.map(({ path, message, atKey }) => ({
    offset: places.offsetOf(path, atKey ?? false),
    path: path.map(String).join("."),
    message,
  }));
}

function syntaxFinding({ code, pos, message }: YAMLError): Finding {
  const messages: Readonly<Record<string, string>> = {
    MULTIPLE_DOCS: "a second document begins here; one is all there may be",
    RESOURCE_EXHAUSTION: TOO_DEEP,
  };
  return { offset: pos[0], path: "", message: messages[code] ?? firstLine(message) };
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
      const keys = isMap(node) ? keysTwice(node) : [];
      for (const key of keys)
        twice.push({ offset: startOf(key), path: "", message: "this key is there already" });
      for (const item of node.items) walk(item);
    }
  };
  walk(document.contents);
  return { twice, unresolved };
}

/** Keys of a mapping that stand in it before; only scalars can be equal. */
function keysTwice(map: YAMLMap): readonly Node[] {
  const seen = new Set<unknown>();
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    if (seen.has(key.value)) return [key];
    seen.add(key.value);
    return [];
  });
}

/** What is wrong between keys where they are in order on their own, while others are not. */
function checkSound(value: unknown): readonly Complaint[] {
  const { lcce: rawLcce, tunnels: rawTunnels } = value as { lcce?: unknown; tunnels?: unknown };
  const lcce = configFields.shape.lcce.safeParse(rawLcce);
  const tunnels: [string, RawTunnel][] = [];
  for (const [name, tunnel] of Object.entries(rawTunnels ?? {})) {
    const parsed = tunnelFields.safeParse(tunnel);
    if (parsed.success) tunnels.push([name, parsed.data]);
  }
  return [...(lcce.success ? checkLcce(lcce.data) : []), ...checkTunnels(tunnels)];
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

/** The keys that a mapping at a path may have, for suggestions. */
function keysAt(path: KeyPath): readonly string[] {
  let schema: unknown = configFields;
  for (const step of path) {
    const inner = unwrap(schema);
    schema = inner.shape === undefined ? inner.valueType : inner.shape[String(step)];
  }
  return Object.keys(unwrap(schema).shape as object);
}

/** What the schemas of mappings look like from inside: fixed keys, or values under names. */
interface Inside {
  readonly def: { readonly innerType?: Inside };
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly valueType?: unknown;
}

/** The schema without what makes it optional or gives it a default. */
function unwrap(schema: unknown): Inside {
  let inner = schema as Inside;
  while (inner.def.innerType !== undefined) inner = inner.def.innerType;
  return inner;
}

/** What the schema found wrong, in our words. */
function complaintsOf(issue: z.core.$ZodIssue): readonly Complaint[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const like = nearest(key, keysAt(issue.path));
      const message = like === undefined ? "unknown key" : `unknown key; did you mean ${like}?`;
      return { path: [...issue.path, key], message, atKey: true };
    });
  }
  // Integers have the range of their key, told beside that of all safe integers.
  if (issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER) return [];
  if (issue.code === "too_small" && issue.minimum === Number.MIN_SAFE_INTEGER) return [];
  return [{ path: issue.path, message: wordsOf(issue), atKey: issue.code === "invalid_key" }];
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "missing" : `wanted ${article(issue.expected)}`;
    case "invalid_value":
      return `wanted one of ${issue.values.join(", ")}`;
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `wanted at least ${issue.minimum}`;
    case "too_big":
      return issue.origin === "string"
        ? `longer than ${issue.maximum} characters`
        : `wanted at most ${issue.maximum}`;
    case "invalid_key":
      return "a name starts with a letter or digit and has up to 63 letters, digits, dots, dashes and underscores";
    default:
      return issue.message;
  }
}

function article(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    int: "an integer",
    number: "a number",
    string: "text",
    boolean: "true or false",
    object: "a mapping",
    record: "a mapping",
  };
  return words[expected] ?? expected;
}
