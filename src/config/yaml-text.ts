import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Range,
  Scalar,
  YAMLMap,
} from "yaml";
import { printableExcerpt, printableLine } from "../bytes/printable-text.ts";
import type { ConfigProblem } from "./config.ts";
import type { Issue } from "./issues.ts";
import { endOf, type KeyLocations, startOf } from "./key-locations.ts";
import { MERGE_KEY, withMergeKeys } from "./merge-keys.ts";
import { Readings, type RepeatedKey } from "./repeated-keys.ts";
import type { FileLocation, SourceTexts } from "./source-texts.ts";
import { syntaxProblems, TOO_DEEP } from "./syntax.ts";

/**
 * Files that are a YAML mapping, as their reader and their problems' readers want them: every problem at
 * once, each with its place. Configurations and topologies of labs are such files.
 */

/** Longest text that is read, in characters: room for some 200 000 pseudowires. */
export const LONGEST_TEXT = 64 * 1024 * 1024;
/** Most aliases of a file; the package looks through all of them for each. */
const MOST_ALIASES = 20_000;
/** Keys and items that aliases and merge keys may add to those of a file, each repetition counted. */
const MOST_REPEATED = 1_000_000;
/** More problems than anybody reads; the others are only counted. */
const MOST_PROBLEMS = 100;
/** Characters that an error shows of a key that is a collection. */
const LONGEST_KEY = 60;

/** The package would compare each key with all before it, and make buffers, sets and dates of tagged ones. */
const parseOptions = {
  prettyErrors: false,
  logLevel: "error",
  uniqueKeys: false,
  resolveKnownTags: false,
} as const;

/** What the tags of YAML's own begin with; a file has it as `!!`. */
const YAML_TAG = "tag:yaml.org,2002:";
/** TABLE: tags that say what a value is here; others, such as !!binary, mean nothing. */
const takenTags: ReadonlySet<string> = new Set([
  "!",
  ...["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `${YAML_TAG}${name}`),
]);

/** An issue at an offset of the text. */
export interface LocatedIssue {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  /** Offset of the second key that it is about; the message ends with its line. */
  readonly otherOffset?: number;
  /** Offset of the other one of two that clash; the message ends with its place if that is another file. */
  readonly clashOffset?: number;
}

/** One reading of a text: its value in JavaScript, and where the YAML is broken, if it is. */
export interface Reading {
  readonly value: unknown;
  readonly contents: YAMLMap;
  /** Offset of the first mistake of YAML. */
  readonly broken?: number | undefined;
}

/** The content of a valid text. */
interface ValidMapping<Valid> {
  readonly valid: Valid;
}

/** The issues of an invalid text, and its valid parts. */
export interface InvalidMapping<Parts> {
  readonly found: readonly LocatedIssue[];
  /** Not known where keys are repeated, or the YAML is no mapping. */
  readonly parts?: Parts | undefined;
}

/** What there is to know of a kind of file. */
export interface MappingRules<Valid, Parts> {
  /** What to write into an empty file, and instead of anything but a mapping; undefined: it may be empty. */
  readonly empty: string | undefined;
  readonly noMapping: string;
  /** Keys whose values keep their text: YAML would take some for a number, and lose leading zeros. */
  readonly textKeys: ReadonlySet<string>;
  /**
   * Checks one reading. Where the YAML is broken at an offset, only keys that are complete before it are to
   * be checked, each on its own.
   */
  readonly examine: (reading: Reading) => ValidMapping<Valid> | InvalidMapping<Parts>;
}

/** Parses and checks a text; what it reports is all there is to report. */
export function readMapping<Valid, Parts>(
  text: string,
  { empty, noMapping, textKeys, examine }: MappingRules<Valid, Parts>,
): ValidMapping<Valid> | InvalidMapping<Parts> {
  const whole = (message: string) => ({ found: [{ offset: 0, path: "", message }] });
  if (text.length > LONGEST_TEXT) return whole(`longer than ${LONGEST_TEXT} characters`);
  let found: LocatedIssue[] = [];
  let parts: Parts | undefined;
  try {
    const document = parseDocument(text, parseOptions);
    const { unresolved, aliases } = prepare(text, document, textKeys);
    if (aliases > MOST_ALIASES) return whole(`more than ${MOST_ALIASES} aliases`);
    const readings = new Readings(document.contents);
    const versions = versionIssues(text, document);
    const syntax = syntaxProblems(text, document).map((problem) => ({ ...problem, path: "" }));
    found = [...readings.repeated.map(repeatedKeyIssue), ...unresolved, ...versions, ...syntax];
    const { contents } = document;
    if (contents === null && found.length === 0)
      return empty === undefined ? examine({ value: {}, contents: nothing() }) : whole(empty);
    if (!isMap(contents)) return found.length > 0 ? { found } : whole(noMapping);
    // What aliases add is counted with what merge keys add.
    const toValue = (): unknown => document.toJS({ maxAliasCount: -1 });
    const isPlain = aliases === 0 && !text.includes(MERGE_KEY);
    const merged = (value: unknown): unknown =>
      isPlain ? value : withMergeKeys(value, text.length + MOST_REPEATED);
    if (found.length === 0) return examine({ value: merged(toValue()), contents });
    // Further issues at the same offset would only follow from the first.
    const told = new Set(found.map(({ offset }) => offset));
    const broken = syntax.length === 0 ? undefined : Math.min(...syntax.map(({ offset }) => offset));
    for (let reading = 0; reading < readings.count; reading += 1) {
      readings.show(reading);
      const value = toValue();
      readings.removeHidden(value);
      const more = examine({ value: merged(value), contents, broken });
      if (!("found" in more)) continue;
      found.push(...more.found.filter(({ offset }) => !told.has(offset)));
      // Of repeated keys it is not known which one was meant.
      if (readings.count === 1) ({ parts } = more);
    }
    return { found: unique(found), parts };
  } catch (error) {
    const last = whole(error instanceof RangeError ? TOO_DEEP : firstLine((error as Error).message));
    return { found: [...found, ...last.found] };
  }
}

/** Issues as problems with file, line and column, in the order of the files; each is one printable line. */
export function locatedProblems(
  issues: readonly LocatedIssue[],
  texts: SourceTexts,
): readonly ConfigProblem[] {
  const found = issues.toSorted((a, b) => a.offset - b.offset);
  const told = found.slice(0, MOST_PROBLEMS);
  const offsets = told.flatMap(({ offset, otherOffset, clashOffset }) => [
    offset,
    otherOffset ?? offset,
    clashOffset ?? offset,
  ]);
  const locations = texts.locationsOf(offsets);
  const problems = told.map(({ offset, path, message, otherOffset, clashOffset }) => {
    const place = locations.get(offset) as FileLocation;
    const other = otherText(place, otherOffset === undefined ? undefined : locations.get(otherOffset));
    const clash = clashText(place, clashOffset === undefined ? undefined : locations.get(clashOffset));
    const words = { path: printableLine(path), message: `${printableLine(message)}${other}${clash}` };
    return { ...place, ...words };
  });
  const more = found.length - problems.length;
  const last = problems.at(-1);
  if (more > 0 && last !== undefined) problems.push({ ...last, path: "", message: `and ${more} more` });
  return problems;
}

/** Where the first of two keys is. */
function otherText({ file }: FileLocation, first: FileLocation | undefined): string {
  if (first === undefined) return "";
  return first.file === file ? ` in line ${first.line}` : ` in ${first.file}:${first.line}`;
}

/** Where the other one of two that clash is: in the same file its name says enough. */
function clashText({ file }: FileLocation, other: FileLocation | undefined): string {
  return other === undefined || other.file === file ? "" : ` (in ${other.file}:${other.line})`;
}

/** The mapping of a text without any key. */
function nothing(): YAMLMap {
  const map = new YAMLMap();
  map.range = [0, 0, 0];
  return map;
}

/** Issues at their offsets. One of a key that several mappings take by merge keys is told once. */
export function locateIssues(
  issues: readonly Issue[],
  locations: Pick<KeyLocations, "offsetOf">,
): LocatedIssue[] {
  const located = new Map<string, LocatedIssue>();
  for (const issue of issues) {
    const offset = locations.offsetOf(issue);
    const { message, other } = issue;
    const clashOffset = other && locations.offsetOf({ path: other, message: "", atKey: true });
    const key = `${offset} ${String(issue.path.at(-1))} ${message}`;
    if (!located.has(key))
      located.set(key, {
        ...{ offset, path: pathText(issue.path), message },
        ...(clashOffset === undefined ? {} : { clashOffset }),
      });
  }
  return [...located.values()];
}

/** A path as text: keys with dots between them, the places in lists in brackets. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      return `${index === 0 ? "" : "."}${step === "" ? '""' : String(step)}`;
    })
    .join("");
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

/** Another version of YAML, in which other texts are numbers and booleans. */
function versionIssues(text: string, { directives }: Document.Parsed): readonly LocatedIssue[] {
  if (directives.yaml.version === "1.2") return [];
  const message =
    `YAML ${directives.yaml.version} takes other texts, such as yes and 010, for booleans and numbers: ` +
    "leave this line out";
  return [{ offset: Math.max(0, text.search(/^%YAML/m)), path: "", message }];
}

/** A key that objects of JavaScript have a meaning for: it would be lost without a word. */
const LOST_KEY = "__proto__";

/**
 * Preserves the text of scalars where it counts, reports aliases without an anchor, which become null, tags
 * that mean nothing here, and keys that would be lost, and counts the aliases.
 */
function prepare(
  text: string,
  document: Document.Parsed,
  textKeys: ReadonlySet<string>,
): { readonly unresolved: readonly LocatedIssue[]; readonly aliases: number } {
  const anchors = new Set<string>();
  const unresolved: LocatedIssue[] = [];
  let aliases = 0;
  /** The replacement of a node, or the node itself. */
  const walked = (node: unknown, isMerged = false): unknown => {
    if (isAlias(node)) {
      aliases += 1;
      if (anchors.has(node.source)) return node;
      const message = `no anchor &${node.source} stands before`;
      unresolved.push({ offset: startOf(node), path: "", message });
      const nothing = isMerged ? new YAMLMap() : new Scalar(null);
      nothing.range = node.range as Range;
      return nothing;
    }
    if (isPair(node)) {
      preserveScalars(node, textKeys);
      // No valid key is a collection, and the package takes unbounded time for keys within keys.
      node.key = isCollection(node.key) ? asText(text, node.key) : walked(node.key);
      node.value = walked(node.value, isScalar(node.key) && node.key.value === MERGE_KEY);
      if (isScalar(node.key) && String(node.key.value) === LOST_KEY)
        unresolved.push({
          offset: startOf(node.key),
          path: "",
          message: `${LOST_KEY} can be no key and no name: write another one`,
        });
    } else if (isNode(node)) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (node.tag !== undefined && !takenTags.has(node.tag)) unresolved.push(tagIssue(node, node.tag));
      if (!isCollection(node)) return node;
      const items: unknown[] = node.items;
      for (const [index, item] of items.entries()) items[index] = walked(item, isMerged && isSeq(node));
    }
    return node;
  };
  walked(document.contents);
  return { unresolved, aliases };
}

function tagIssue(node: Node, tag: string): LocatedIssue {
  const shown = printableExcerpt(tag.startsWith(YAML_TAG) ? `!!${tag.slice(YAML_TAG.length)}` : tag);
  return { offset: startOf(node), path: "", message: `the tag ${shown} means nothing here: leave it out` };
}

/** A scalar in place of a collection that is a key. */
function asText(text: string, node: Node): Scalar {
  const scalar = new Scalar(text.slice(startOf(node), Math.min(endOf(node), startOf(node) + LONGEST_KEY)));
  scalar.range = node.range as Range;
  return scalar;
}

function preserveScalars({ key, value }: Pair, textKeys: ReadonlySet<string>): void {
  if (!isScalar(key) || !isScalar(value) || !textKeys.has(String(key.value))) return;
  if (typeof value.value === "number") value.value = value.source;
}
