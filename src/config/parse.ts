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
import { checkConfig, type Issue } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configFields, type RawConfig, type RawTunnel } from "./fields.ts";
import { endOf, KeyLocations, type Location, locationsOf, startOf } from "./key-locations.ts";
import { Readings, type RepeatedKey } from "./repeated-keys.ts";
import { syntaxProblems, TOO_DEEP } from "./syntax.ts";
import { keyIssues, RemovedPaths, schemaIssues, validTunnels } from "./valid-parts.ts";

/** Longest configuration text that is read, in characters: room for some 200 000 pseudowires. */
const LONGEST_TEXT = 64 * 1024 * 1024;
/** Aliases may not grow the file beyond reason. */
const MOST_ALIASES = 100;
/** More problems than anybody reads; the others are only counted. */
const MOST_PROBLEMS = 100;
/** Characters that an error shows of a key that is a collection. */
const LONGEST_KEY = 60;
/** Keys whose values keep their text: YAML would take some for a number, and lose leading zeros. */
const textKeys: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

/** An issue at an offset of the text. */
interface LocatedIssue {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  /** Offset of the second key that it is about; the message ends with its line. */
  readonly otherOffset?: number;
}

/**
 * A configuration, with the locations of its keys (which keep the whole text in memory); or every problem of
 * the text.
 */
export type ParsedConfig =
  | ({ readonly config: Config; readonly problems: readonly [] } & FileLocations)
  | {
      readonly config?: undefined;
      readonly problems: readonly ConfigProblem[];
      /** The parts without problems, as far as they can be told apart. */
      readonly validParts?: ValidParts | undefined;
    };

/**
 * The parts of an invalid file that have no problem: `wirespan check` compares them with the machine all the
 * same.
 */
export interface ValidParts {
  /**
   * The tunnels without their invalid keys, with placeholders for missing addresses: to look at, not to run.
   */
  config(): Config;
  /** As that of `FileLocations`, without issues at keys that are invalid themselves. */
  located(issues: readonly Issue[]): readonly ConfigProblem[];
}

export interface FileLocations {
  /** The issues with file, line and column, in the order of the file. */
  readonly located: (issues: readonly Issue[]) => readonly ConfigProblem[];
  /** Locations of keys; of a missing one, that of the mapping that should have it. */
  readonly locationsOf: (paths: readonly (readonly PropertyKey[])[]) => readonly Location[];
}

/**
 * Parses the text of a configuration file: the configuration, or every problem of the text with its location.
 * `hostName` is the machine's, for the default. Checks between keys run for every tunnel whose keys are valid
 * on their own.
 */
export function parseConfig(
  text: string,
  file: string,
  context: { readonly hostName: string },
): ParsedConfig {
  const found = read(text);
  const problems = (issues: readonly LocatedIssue[]) => configProblems([...issues], text, file);
  if ("found" in found)
    return {
      problems: problems(found.found),
      validParts: found.validParts && validPartsOf(found.validParts, problems, context.hostName),
    };
  const { raw, locations } = found;
  return {
    config: buildConfig(raw, context.hostName),
    problems: [],
    located: (issues) => problems(locateIssues(issues, locations)),
    locationsOf: (paths) => {
      const offsets = paths.map((path) => locations.offsetOf({ path, message: "" }));
      const known = locationsOf(text, offsets);
      return offsets.map((offset) => known.get(offset) as Location);
    },
  };
}

/** TABLE: keys beside one, from whose invalid values an issue at that one may follow. */
const dependencies: Readonly<Record<string, readonly string[]>> = {
  remote: ["local"],
  interface: ["vlan", "allow_host_use"],
};

function validPartsOf(
  { tunnels, told, locations, broken }: PartsInOrder,
  problems: (found: readonly LocatedIssue[]) => readonly ConfigProblem[],
  hostName: string,
): ValidParts {
  const wrong = new RemovedPaths();
  for (const { path } of told) wrong.add(path);
  const isAtMistake = (path: Issue["path"]) => {
    const beside = dependencies[String(path.at(-1))] ?? [];
    return [path, ...beside.map((key) => [...path.slice(0, -1), key])].some((one) => wrong.concerns(one));
  };
  const isInOrder = (issue: Issue) =>
    !isAtMistake(issue.path) && (broken === undefined || locations.isCompleteBefore(broken, issue));
  return {
    config: () =>
      buildConfig(
        { ...configFields.parse({ tunnels: {} }), tunnels: Object.fromEntries(tunnels().map(withDevices)) },
        hostName,
      ),
    located: (issues) => problems(locateIssues(issues.filter(isInOrder), locations)),
  };
}

/** A tunnel without the pseudowires whose circuit has no valid device. */
function withDevices([name, tunnel]: [string, RawTunnel]): [string, RawTunnel] {
  const pseudowires = Object.entries(tunnel.pseudowires).filter(
    ([, { circuit }]) => circuit.tap !== undefined || circuit.interface !== undefined,
  );
  return [name, { ...tunnel, pseudowires: Object.fromEntries(pseudowires) }];
}

function configProblems(found: LocatedIssue[], text: string, file: string): readonly ConfigProblem[] {
  found.sort((a, b) => a.offset - b.offset);
  const told = found.slice(0, MOST_PROBLEMS);
  const offsets = told.flatMap(({ offset, otherOffset }) => [offset, otherOffset ?? offset]);
  const locations = locationsOf(text, offsets);
  const problems = told.map(({ offset, path, message, otherOffset }) => {
    const other = otherOffset === undefined ? "" : ` in line ${locations.get(otherOffset)?.line}`;
    return { file, ...(locations.get(offset) as Location), path, message: `${message}${other}` };
  });
  const more = found.length - problems.length;
  const last = problems.at(-1);
  if (more > 0 && last !== undefined) problems.push({ ...last, path: "", message: `and ${more} more` });
  return problems;
}

/** The content of a valid text. */
interface ValidFile {
  readonly raw: RawConfig;
  readonly locations: KeyLocations;
}

/** The issues of an invalid text, and its valid parts. */
interface InvalidFile {
  readonly found: readonly LocatedIssue[];
  readonly validParts?: PartsInOrder | undefined;
}

/** What of an invalid text is valid. */
interface PartsInOrder {
  /** Tunnels that are valid but for `told`. */
  readonly tunnels: () => readonly [string, RawTunnel][];
  readonly told: readonly Issue[];
  readonly locations: KeyLocations;
  /** Offset of the first mistake of YAML. */
  readonly broken: number | undefined;
}

/** Parses and checks a text. */
function read(text: string): ValidFile | InvalidFile {
  const whole = (message: string): InvalidFile => ({ found: [{ offset: 0, path: "", message }] });
  if (text.length > LONGEST_TEXT) return whole(`longer than ${LONGEST_TEXT} characters`);
  let found: LocatedIssue[] = [];
  let validParts: PartsInOrder | undefined;
  try {
    // The package would compare each key with all before it.
    const document = parseDocument(text, { prettyErrors: false, logLevel: "error", uniqueKeys: false });
    const unresolved = prepare(text, document);
    const readings = new Readings(document.contents);
    const syntax = syntaxProblems(text, document).map((problem) => ({ ...problem, path: "" }));
    found = [...readings.repeated.map(repeatedKeyIssue), ...unresolved, ...syntax];
    const { contents } = document;
    if (contents === null && found.length === 0) return whole("the file is empty; it needs `tunnels:`");
    if (!isMap(contents)) return found.length > 0 ? { found } : whole("wanted a mapping with `tunnels:`");
    if (found.length === 0) return examine(document, contents);
    // Further issues at the same offset would only follow from the first.
    const told = new Set(found.map(({ offset }) => offset));
    const broken = syntax.length === 0 ? undefined : Math.min(...syntax.map(({ offset }) => offset));
    for (let reading = 0; reading < readings.count; reading += 1) {
      readings.show(reading);
      const more = examine(document, contents, readings, broken);
      if (!("found" in more)) continue;
      found.push(...more.found.filter(({ offset }) => !told.has(offset)));
      // Of repeated keys it is not known which one was meant.
      if (readings.count === 1) ({ validParts } = more);
    }
    return { found: unique(found), validParts };
  } catch (error) {
    const last = whole(error instanceof RangeError ? TOO_DEEP : firstLine((error as Error).message));
    return { found: [...found, ...last.found] };
  }
}

/**
 * Checks one reading of a document against the schema and between keys. Where the YAML is broken at an
 * offset, only keys that are complete before it are checked, each on its own.
 */
function examine(
  document: Document.Parsed,
  contents: YAMLMap,
  readings?: Readings,
  broken?: number,
): ValidFile | InvalidFile {
  const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
  readings?.removeHidden(value);
  const parsed = configFields.safeParse(value, { reportInput: true });
  const locations = new KeyLocations(contents);
  const tunnels = () => (parsed.success ? Object.entries(parsed.data.tunnels) : validTunnels(value));
  if (broken !== undefined) {
    const told = parsed.success ? [] : keyIssues(parsed.error, value);
    const complete = told.filter((issue) => locations.isCompleteBefore(broken, issue));
    return { found: locateIssues(complete, locations), validParts: { tunnels, told, locations, broken } };
  }
  const told = parsed.success ? checkConfig(parsed.data) : schemaIssues(parsed.error, value);
  if (parsed.success && told.length === 0) return { raw: parsed.data, locations };
  return { found: locateIssues(told, locations), validParts: { tunnels, told, locations, broken } };
}

function locateIssues(issues: readonly Issue[], locations: KeyLocations): LocatedIssue[] {
  return issues.map((issue) => ({
    offset: locations.offsetOf(issue),
    path: issue.path.map(String).join("."),
    message: issue.message,
  }));
}

/** Issues without duplicates: readings that share a part find the same in it. */
function unique(found: readonly LocatedIssue[]): LocatedIssue[] {
  const byText = new Map(found.map((one) => [`${one.offset} ${one.path} ${one.message}`, one]));
  return [...byText.values()];
}

function repeatedKeyIssue({ key, first }: RepeatedKey): LocatedIssue {
  return {
    offset: startOf(key),
    path: "",
    message: `\`${String(key.value).slice(0, LONGEST_KEY)}\` is there already,`,
    otherOffset: startOf(first),
  };
}

function firstLine(text: string): string {
  return text.replace(/\n.*/s, "");
}

/**
 * Preserves the text of scalars where it counts, and reports aliases without an anchor, which become null.
 */
function prepare(text: string, document: Document.Parsed): readonly LocatedIssue[] {
  const anchors = new Set<string>();
  const unresolved: LocatedIssue[] = [];
  /** The replacement of a node, or the node itself. */
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
      preserveScalars(node);
      // No valid key is a collection, and the package takes unbounded time for keys within keys.
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

/** A scalar in place of a collection that is a key. */
function asText(text: string, node: Node): Scalar {
  const scalar = new Scalar(text.slice(startOf(node), Math.min(endOf(node), startOf(node) + LONGEST_KEY)));
  scalar.range = node.range as Range;
  return scalar;
}

/** A problem as one line of text: file:line:column, path of the key, message. */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${message}`;
}

function preserveScalars({ key, value }: Pair): void {
  if (!isScalar(key) || !isScalar(value) || !textKeys.has(String(key.value))) return;
  if (typeof value.value === "number") value.value = value.source;
}
