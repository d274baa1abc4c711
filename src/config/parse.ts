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
  Scalar,
  type YAMLMap,
} from "yaml";
import { buildConfig } from "./build.ts";
import { type Complaint, checkConfig } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configFields, type RawConfig, type RawTunnel } from "./fields.ts";
import { Readings, type RepeatedKey } from "./repeated-keys.ts";
import { complaintsOfKeys, complaintsOfSchema, Gone, soundTunnels } from "./sound-parts.ts";
import { syntaxProblems, TOO_DEEP } from "./syntax.ts";

/** Longest configuration text that is read, in characters: room for some 200 000 pseudowires. */
const LONGEST_TEXT = 64 * 1024 * 1024;
/** Aliases may not grow the file beyond reason. */
const MOST_ALIASES = 100;
/** More problems than anybody reads; the rest is only counted. */
const MOST_PROBLEMS = 100;
/** What is told of a key that is none. */
const LONGEST_KEY = 60;
/** Scalars whose text counts as it was written, though YAML would take it for a number. */
const asWritten: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

/** A complaint with the offset in the text that it is about. */
interface Finding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  /** Offset of another place that it is about as well; its line is told behind the message. */
  readonly otherOffset?: number;
}

/** A configuration, and what tells where in its file something stands, which keeps all of the file; or every problem of the file. */
export type Parsed =
  | ({ readonly config: Config; readonly problems: readonly [] } & FilePlaces)
  | {
      readonly config?: undefined;
      readonly problems: readonly ConfigProblem[];
      /** What of the file is in order, as far as that can be known. */
      readonly rest?: RestOfFile | undefined;
    };

export interface RestOfFile {
  /** Made at the call: tunnels without what is wrong with them, which others stand in for. To be looked at, and not to be run. */
  config(): Config;
  /** As that of `FilePlaces`, but only of what is found about keys that are in order themselves. */
  placed(complaints: readonly Complaint[]): readonly ConfigProblem[];
}

export interface FilePlaces {
  /** Gives what is found about a configuration the place of the key that it is about, in the order of the file. */
  readonly placed: (complaints: readonly Complaint[]) => readonly ConfigProblem[];
  /** The places of keys, which are there or not. */
  readonly placesOf: (paths: readonly (readonly PropertyKey[])[]) => readonly Place[];
}

/**
 * Reads a configuration: all of it, or every problem it has, each with its place in the text. `hostName` is the machine's, for
 * the default. What is wrong between keys is told of every tunnel whose keys are in order on their own.
 */
export function parseConfig(text: string, file: string, context: { readonly hostName: string }): Parsed {
  const found = read(text);
  const problems = (findings: readonly Finding[]) => problemsOf([...findings], text, file);
  if ("found" in found)
    return {
      problems: problems(found.found),
      rest: found.rest && restOf(found.rest, problems, context.hostName),
    };
  const { raw, places } = found;
  return {
    config: buildConfig(raw, context.hostName),
    problems: [],
    placed: (complaints) => problems(findingsOf(complaints, places)),
    placesOf: (paths) => {
      const offsets = paths.map((path) => places.offsetOf({ path, message: "" }));
      const known = placesOf(text, offsets);
      return offsets.map((offset) => known.get(offset) as Place);
    },
  };
}

function restOf(
  { tunnels, told, places, broken }: Rest,
  problems: (found: readonly Finding[]) => readonly ConfigProblem[],
  hostName: string,
): RestOfFile {
  const wrong = new Gone();
  for (const { path } of told) wrong.add(path);
  // What is found about the remote address may follow from the local one.
  const isAtMistake = (path: Complaint["path"]) =>
    wrong.concerns(path) || (path[2] === "remote" && wrong.concerns([...path.slice(0, 2), "local"]));
  const isInOrder = (complaint: Complaint) =>
    !isAtMistake(complaint.path) && (broken === undefined || places.isCompleteBefore(broken, complaint));
  return {
    config: () =>
      buildConfig(
        { ...configFields.parse({ tunnels: {} }), tunnels: Object.fromEntries(tunnels()) },
        hostName,
      ),
    placed: (complaints) => problems(findingsOf(complaints.filter(isInOrder), places)),
  };
}

function problemsOf(found: Finding[], text: string, file: string): readonly ConfigProblem[] {
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
  return problems;
}

/** A place in a text; both count from 1. */
export interface Place {
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

/** What a text has, when all of it is in order. */
interface Sound {
  readonly raw: RawConfig;
  readonly places: KeyPlaces;
}

/** What is wrong with a text, and the rest of it. */
interface Faulty {
  readonly found: readonly Finding[];
  readonly rest?: Rest | undefined;
}

interface Rest {
  /** Those that are in order but for what is told. */
  readonly tunnels: () => readonly [string, RawTunnel][];
  readonly told: readonly Complaint[];
  readonly places: KeyPlaces;
  /** Where the YAML is broken. */
  readonly broken: number | undefined;
}

/** The checked keys of a text, or what is wrong with it. */
function read(text: string): Sound | Faulty {
  const whole = (message: string): Faulty => ({ found: [{ offset: 0, path: "", message }] });
  if (text.length > LONGEST_TEXT) return whole(`longer than ${LONGEST_TEXT} characters`);
  let found: Finding[] = [];
  let rest: Rest | undefined;
  try {
    // The package would compare each key with all before it.
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error", uniqueKeys: false });
    const unresolved = prepare(text, document);
    const readings = new Readings(document.contents);
    const syntax = syntaxProblems(text, document).map((problem) => ({ ...problem, path: "" }));
    found = [...readings.repeated.map(findingOfRepeated), ...unresolved, ...syntax];
    const { contents } = document;
    if (contents === null && found.length === 0) return whole("the file is empty; it needs `tunnels:`");
    if (!isMap(contents)) return found.length > 0 ? { found } : whole("wanted a mapping with `tunnels:`");
    if (found.length === 0) return examine(document, contents);
    // A place of which something is told already: the rest would only follow from that.
    const told = new Set(found.map(({ offset }) => offset));
    const broken = syntax.length === 0 ? undefined : Math.min(...syntax.map(({ offset }) => offset));
    for (let reading = 0; reading < readings.count; reading += 1) {
      readings.show(reading);
      const more = examine(document, contents, readings, broken);
      if (!("found" in more)) continue;
      found.push(...more.found.filter(({ offset }) => !told.has(offset)));
      // Of keys that are there twice nobody knows which one counts.
      if (readings.count === 1) ({ rest } = more);
    }
    return { found: unique(found), rest };
  } catch (error) {
    const last = whole(error instanceof RangeError ? TOO_DEEP : firstLine((error as Error).message));
    return { found: [...found, ...last.found] };
  }
}

/**
 * What one reading of a document has, or what is wrong with its keys. Where the YAML is broken at an offset, only what is complete
 * before it is judged, each key on its own.
 */
function examine(
  document: Document.Parsed,
  contents: YAMLMap,
  readings?: Readings,
  broken?: number,
): Sound | Faulty {
  const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
  readings?.removeHidden(value);
  const parsed = configFields.safeParse(value, { reportInput: true });
  const places = new KeyPlaces(contents);
  const tunnels = () => (parsed.success ? Object.entries(parsed.data.tunnels) : soundTunnels(value));
  if (broken !== undefined) {
    const told = parsed.success ? [] : complaintsOfKeys(parsed.error, value);
    const complete = told.filter((complaint) => places.isCompleteBefore(broken, complaint));
    return { found: findingsOf(complete, places), rest: { tunnels, told, places, broken } };
  }
  const told = parsed.success ? checkConfig(parsed.data) : complaintsOfSchema(parsed.error, value);
  if (parsed.success && told.length === 0) return { raw: parsed.data, places };
  return { found: findingsOf(told, places), rest: { tunnels, told, places, broken } };
}

function findingsOf(complaints: readonly Complaint[], places: KeyPlaces): Finding[] {
  return complaints.map((complaint) => ({
    offset: places.offsetOf(complaint),
    path: complaint.path.map(String).join("."),
    message: complaint.message,
  }));
}

/** Several readings find the same in what they share. */
function unique(found: readonly Finding[]): Finding[] {
  const byText = new Map(found.map((one) => [`${one.offset} ${one.path} ${one.message}`, one]));
  return [...byText.values()];
}

function findingOfRepeated({ key, first }: RepeatedKey): Finding {
  return {
    offset: startOf(key),
    path: "",
    message: "this key is there already,",
    otherOffset: startOf(first),
  };
}

function firstLine(text: string): string {
  return text.replace(/\n.*/s, "");
}

/** Keeps scalars as they were written where that counts; finds aliases of nothing, and puts nothing in their place. */
function prepare(text: string, document: Document.Parsed): readonly Finding[] {
  const anchors = new Set<string>();
  const unresolved: Finding[] = [];
  /** What is to stand in place of a node. */
  const walked = (node: unknown): unknown => {
    if (isAlias(node)) {
      if (anchors.has(node.source)) return node;
      const message = `no anchor &${node.source} stands before`;
      unresolved.push({ offset: startOf(node), path: "", message });
      const nothing = new Scalar(null);
      nothing.range = node.range as Range;
      return nothing;
    }
    if (isPair(node)) {
      keepAsWritten(node);
      // No key of ours is a collection, and the package takes time without bound for keys within keys.
      node.key = isCollection(node.key) ? asText(text, node.key) : walked(node.key);
      node.value = walked(node.value);
    } else if (isNode(node)) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (!isCollection(node)) return node;
      const items: unknown[] = node.items;
      for (const [index, item] of items.entries()) items[index] = walked(item);
    }
    return node;
  };
  walked(document.contents);
  return unresolved;
}

/** What stands for a collection that is a key. */
function asText(text: string, node: Node): Scalar {
  const scalar = new Scalar(text.slice(startOf(node), Math.min(endOf(node), startOf(node) + LONGEST_KEY)));
  scalar.range = node.range as Range;
  return scalar;
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

function endOf(node: Node): number {
  return (node.range as Range)[1];
}

/** Where the keys of a text stand. */
class KeyPlaces {
  readonly #root: Node;
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair<Node>>>();

  constructor(root: Node) {
    this.#root = root;
  }

  /** Where a key, or its value, stands; what is missing is placed at the innermost mapping that should have it. */
  offsetOf(complaint: Complaint): number {
    const { node, key, isKeyMeant } = this.#find(complaint);
    return startOf(key === undefined || !isKeyMeant ? node : key);
  }

  /**
   * Whether what a complaint is about ends before an offset. Nobody knows where a block mapping would have ended, nor what would have
   * stood where nothing stands.
   */
  isCompleteBefore(offset: number, complaint: Complaint): boolean {
    const { node, key } = this.#find(complaint);
    if (complaint.atKey && key !== undefined) return endOf(key) <= offset;
    const isWhole = !isCollection(node) || node.flow === true;
    return isWhole && startOf(node) < endOf(node) && endOf(node) <= offset;
  }

  /** The innermost node on the way that a complaint names, with its key, and whether the place is the key's. */
  #find({ path, atKey = false }: Complaint): { node: Node; key: Node | undefined; isKeyMeant: boolean } {
    let found = { node: this.#root, key: undefined as Node | undefined, isKeyMeant: false };
    for (const [index, step] of path.entries()) {
      if (!isMap(found.node)) break;
      const pair = this.#pairsOf(found.node).get(String(step));
      if (pair === undefined) break;
      const { key, value } = pair;
      const isKeyMeant = !isNode(value) || isMap(value) || (index === path.length - 1 && atKey);
      found = { node: isNode(value) ? value : key, key, isKeyMeant };
    }
    return found;
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
