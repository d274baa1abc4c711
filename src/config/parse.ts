import { isMap, isNode, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { buildConfig } from "./build.ts";
import { type Complaint, checkConfig } from "./check.ts";
import type { Config, ConfigProblem } from "./config.ts";
import { configFields } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** Longest configuration file that is read. */
const MOST_OCTETS = 4 * 1024 * 1024;
/** Aliases may not grow the file beyond reason. */
const MOST_ALIASES = 100;
/** Scalars whose text counts as it was written, though YAML would take it for a number. */
const asWritten: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

type KeyPath = readonly PropertyKey[];

/**
 * Reads a configuration: all of it, or every problem it has, each with its place in the text. `hostName` is the machine's, for
 * the default.
 */
export function parseConfig(
  text: string,
  file: string,
  context: { readonly hostName: string },
): { config: Config; problems: readonly [] } | { config?: undefined; problems: readonly ConfigProblem[] } {
  if (text.length > MOST_OCTETS) {
    return {
      problems: [{ file, line: 1, column: 1, path: "", message: `longer than ${MOST_OCTETS} octets` }],
    };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const place = (offset: number, path: string, message: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), path, message };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) =>
      place(
        error.pos[0],
        "",
        (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, ""),
      ),
    );
    return { problems };
  }
  if (!isMap(document.contents)) {
    const message =
      document.contents === null
        ? "the file is empty; it needs `tunnels:`"
        : "wanted a mapping with `tunnels:`";
    return { problems: [place(0, "", message)] };
  }
  visit(document, { Pair: (_key, pair) => keepAsWritten(pair) });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    return { problems: [place(0, "", error instanceof Error ? error.message : String(error))] };
  }
  const { contents } = document;
  const locate = (path: KeyPath, atKey: boolean): number => offsetOf(contents, path, atKey);
  const parsed = configFields.safeParse(value);
  const complaints = parsed.success ? checkConfig(parsed.data) : parsed.error.issues.flatMap(complaintsOf);
  if (!parsed.success || complaints.length > 0) {
    const problems = complaints.map(({ path, message, atKey }) =>
      place(locate(path, atKey ?? false), path.map(String).join("."), message),
    );
    problems.sort((a, b) => a.line - b.line || a.column - b.column);
    return { problems };
  }
  return { config: buildConfig(parsed.data, context.hostName), problems: [] };
}

/** One line for one problem. */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${message}`;
}

function keepAsWritten({ key, value }: Pair): void {
  if (!isScalar(key) || !isScalar(value) || !asWritten.has(String(key.value))) return;
  if (typeof value.value === "number" && value.source !== undefined) value.value = value.source;
}

/** Where a key, or its value, stands; what is missing is placed at the innermost mapping that should have it. */
function offsetOf(root: Node, path: KeyPath, atKey: boolean): number {
  let node: unknown = root;
  let offset = root.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    if (!isMap(node)) break;
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    if (pair === undefined) break;
    const keyOffset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
    const valueOffset = isNode(pair.value) ? pair.value.range?.[0] : undefined;
    const isLast = index === path.length - 1;
    offset = isMap(pair.value) || (isLast && atKey) ? keyOffset : (valueOffset ?? keyOffset);
    node = pair.value;
  }
  return offset;
}

/** The keys that a mapping at a path may have, for suggestions. */
function keysAt(path: KeyPath): readonly string[] {
  let schema: unknown = configFields;
  for (const step of path) {
    const inner = unwrap(schema);
    const shape = (inner as { shape?: Record<string, unknown> }).shape;
    schema = shape === undefined ? (inner as { valueType?: unknown }).valueType : shape[String(step)];
  }
  return Object.keys((unwrap(schema) as { shape?: object } | undefined)?.shape ?? {});
}

function unwrap(schema: unknown): unknown {
  let inner = schema as { unwrap?: () => unknown; def?: { innerType?: unknown } } | undefined;
  while (inner?.def?.innerType !== undefined) inner = inner.def.innerType as typeof inner;
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
  return [{ path: issue.path, message: wordsOf(issue), atKey: issue.code === "invalid_key" }];
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.message.includes("received undefined") ? "missing" : `wanted ${article(issue.expected)}`;
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
    case "invalid_union":
      return "wanted text or a number in range";
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
