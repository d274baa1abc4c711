import type { z } from "zod";
import type { Issue } from "./check.ts";
import { MERGE_KEY, WANTED_MERGED } from "./merge-keys.ts";
import { nearest } from "./nearest.ts";

/** The keys and indexes that lead to a value of the file. */
export type KeyPath = readonly PropertyKey[];

/** The parts of zod's schemas that are read here: keys of mappings, values of records, ranges of numbers. */
export interface SchemaShape {
  readonly def: { readonly type: string; readonly innerType?: SchemaShape };
  readonly shape?: Readonly<Record<string, SchemaShape>>;
  readonly valueType?: SchemaShape;
  /** Items of a list. */
  readonly element?: SchemaShape;
  /** The schemas of a union. */
  readonly options?: readonly SchemaShape[];
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

/** Message for a key that has to be there. */
export const MISSING = "missing";

/** What messages about one kind of file need to know of it. */
export interface FileSchema {
  readonly root: z.ZodType;
  /** What a name must be, where the schema has no words of its own. */
  readonly nameRule?: string;
  /** Mappings, and words for them: where a key belongs that stands elsewhere. */
  readonly mappings: readonly (readonly [string, unknown])[];
  /** What to write instead of a key that is unknown for a reason of its own; undefined for any other. */
  readonly unknownKey?: (key: string, path: KeyPath, value: unknown) => string | undefined;
}

/** An issue of the schema as issues whose messages say what to write instead; `file` is the whole value. */
export function issuesOf(zodIssue: z.core.$ZodIssue, schema: FileSchema, file: unknown): readonly Issue[] {
  const { path } = zodIssue;
  if (zodIssue.code === "unrecognized_keys") {
    const within = zodIssue.input as Readonly<Record<string, unknown>> | undefined;
    const others = () => Object.keys(unwrap(schemaAt(schema.root, path, file))?.shape ?? {});
    return zodIssue.keys.map((key) => {
      const like = nearest(key, others());
      return {
        path: [...path, key],
        message: unknownKey(key, path, within?.[key], schema, like),
        atKey: true,
        ...(like === undefined ? {} : { meant: [...path, like] }),
      };
    });
  }
  if (zodIssue.code === "invalid_union") return issuesOfUnion(zodIssue, schema, file);
  // zod reports the range of safe integers beside that of the key.
  if (zodIssue.code === "too_big" && zodIssue.maximum === Number.MAX_SAFE_INTEGER) return [];
  if (zodIssue.code === "too_small" && zodIssue.minimum === Number.MIN_SAFE_INTEGER) return [];
  const range = () => rangeOf(schemaAt(schema.root, path, file));
  const isMerge = zodIssue.code === "invalid_key" && path.at(-1) === MERGE_KEY;
  const message = isMerge ? WANTED_MERGED : textOf(zodIssue, range, schema.nameRule);
  return [{ path, message, atKey: zodIssue.code === "invalid_key" }];
}

function unknownKey(
  key: string,
  path: KeyPath,
  value: unknown,
  schema: FileSchema,
  like: string | undefined,
): string {
  if (key === MERGE_KEY) return WANTED_MERGED;
  const special = schema.unknownKey?.(key, path, value);
  if (special !== undefined) return special;
  const mappings = schema.mappings
    .filter(([, mapping]) => Object.hasOwn(unwrap(mapping)?.shape ?? {}, key))
    .map(([text]) => text);
  if (mappings.length > 0) return `unknown key here: it belongs in ${mappings.join(" or ")}`;
  return like === undefined ? "unknown key" : `unknown key; did you mean ${like}?`;
}

/** The issues of the alternative that was meant, as far as the value tells it. */
function issuesOfUnion(
  zodIssue: z.core.$ZodIssueInvalidUnion,
  schema: FileSchema,
  file: unknown,
): readonly Issue[] {
  const { path, input, message } = zodIssue;
  if (input === undefined) return [{ path, message: MISSING }];
  const union = schemaAt(schema.root, path, file, false);
  const options = unwrap(union)?.options ?? [];
  const meant = optionMeant(options, input);
  const inner = meant === undefined ? undefined : zodIssue.errors[options.indexOf(meant)];
  if (inner !== undefined && inner.length > 0)
    return inner.flatMap((issue) =>
      issuesOf({ ...issue, path: [...path, ...issue.path] } as z.core.$ZodIssue, schema, file),
    );
  const kinds = options.flatMap((option) => kindOf(option) ?? []);
  if (kinds.length < 2 || mappingKeys(input) === undefined)
    return [{ path, message: isOurs(message) ? message : "neither of the forms that this key takes" }];
  const keys = mappingKeys(input) ?? [];
  const guesses = keys.map((key) => ({ key, like: nearest(key, kinds) }));
  const guess = guesses.find(({ like }) => like !== undefined);
  const wanted = `wanted one of the keys ${kinds.join(", ")}`;
  return guess === undefined
    ? [{ path, message: wanted }]
    : [{ path: [...path, guess.key], message: `${wanted}; did you mean ${guess.like}?`, atKey: true }];
}

/** The key that tells a mapping from the other alternatives: its first. */
function kindOf(schema: SchemaShape): string | undefined {
  return Object.keys(unwrap(schema)?.shape ?? {})[0];
}

function mappingKeys(value: unknown): readonly string[] | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.keys(value)
    : undefined;
}

/** The alternative of a union that a value is meant to be, by its type and the first key of a mapping. */
function optionMeant(options: readonly SchemaShape[], value: unknown): SchemaShape | undefined {
  const types = options.map((option) => ({ option, type: unwrap(option)?.def.type }));
  const ofType = (...wanted: readonly string[]) =>
    types.find(({ type }) => type !== undefined && wanted.includes(type))?.option;
  // An alternative that has alternatives itself.
  const inner = types.find(
    ({ option, type }) => type === "union" && optionMeant(unwrap(option)?.options ?? [], value) !== undefined,
  )?.option;
  if (typeof value === "string") return ofType("string") ?? inner;
  if (Array.isArray(value)) return ofType("array", "tuple") ?? inner;
  const keys = mappingKeys(value);
  if (keys === undefined) return undefined;
  const mappings = types.filter(({ type }) => type === "object").map(({ option }) => option);
  const byKind = mappings.find((option) => keys.includes(kindOf(option) ?? ""));
  const record = ofType("record");
  return byKind ?? record ?? (mappings.length === 1 ? mappings[0] : inner);
}

/**
 * The schema of the value at a path of a file; undefined where there is none. A union on the way is the
 * alternative that the file's value is meant to be, and so is one at the end, unless it is wanted itself.
 */
export function schemaAt(
  root: unknown,
  path: KeyPath,
  file?: unknown,
  isResolved = true,
): SchemaShape | undefined {
  let schema = root as SchemaShape | undefined;
  let value = file;
  for (const step of path) {
    const inner = resolved(schema, value);
    schema =
      inner?.shape === undefined
        ? (inner?.valueType ?? inner?.element)
        : Object.hasOwn(inner.shape, step)
          ? inner.shape[String(step)]
          : undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[step];
  }
  return isResolved ? resolved(schema, value) : unwrap(schema);
}

function resolved(schema: SchemaShape | undefined, value: unknown): SchemaShape | undefined {
  const inner = unwrap(schema);
  if (inner?.options === undefined || inner.def.type !== "union") return inner;
  const meant = optionMeant(inner.options, value);
  return meant === undefined ? inner : resolved(meant, value);
}

/** A schema without its wrappers for optional values and defaults. */
function unwrap(schema: unknown): SchemaShape | undefined {
  let inner = schema as SchemaShape | undefined;
  while (inner?.def.innerType !== undefined) inner = inner.def.innerType;
  return inner;
}

function textOf(zodIssue: z.core.$ZodIssue, range: () => string, nameRule: string | undefined): string {
  switch (zodIssue.code) {
    case "invalid_type":
      if (zodIssue.input === undefined) return MISSING;
      return isOurs(zodIssue.message) ? zodIssue.message : `wanted ${wantedInstead(zodIssue, range)}`;
    case "invalid_value":
      return `wanted one of ${zodIssue.values.join(", ")}${nearly(zodIssue)}`;
    case "too_small":
      if (zodIssue.origin === "array") return listText(zodIssue.message, `at least ${zodIssue.minimum}`);
      return zodIssue.origin === "string" ? "must not be empty" : `wanted at least ${zodIssue.minimum}`;
    case "too_big":
      if (zodIssue.origin === "array") return listText(zodIssue.message, `at most ${zodIssue.maximum}`);
      return zodIssue.origin === "string"
        ? `longer than ${zodIssue.maximum} characters`
        : `wanted at most ${zodIssue.maximum}`;
    case "invalid_key":
      return nameRule ?? zodIssue.issues[0]?.message ?? zodIssue.message;
    default:
      return zodIssue.message;
  }
}

/** Whether a message comes from our tables, and not from the package. */
function isOurs(message: string): boolean {
  return !/^(Invalid input|Too (small|big))/.test(message);
}

function listText(message: string, number: string): string {
  return isOurs(message) ? message : `wanted a list of ${number}`;
}

function wantedInstead({ expected, input, path }: z.core.$ZodIssueInvalidType, range: () => string): string {
  const isMapping = expected === "object" || expected === "record";
  if (isMapping && Array.isArray(input))
    return "a mapping (`name:` and keys under it), not a list: leave out the dashes";
  const text: Readonly<Record<string, string>> = {
    int: "an integer",
    number: "a number",
    string: "text",
    boolean: "true or false",
    object: "a mapping",
    record: "a mapping",
    array: "a list",
    tuple: "a list",
  };
  const isNumber = (expected === "int" || expected === "number") && typeof input === "string";
  const quoted = isNumber && /^[0-9.]+$/.test(input) ? ": leave out the quotes" : "";
  const unit = isNumber ? unitText(input, path.at(-1)) : "";
  return `${text[expected] ?? expected}${range()}${quoted}${unit}`;
}

/** TABLE: units of numbers, by the key. */
const units: readonly (readonly [RegExp, string])[] = [
  [/_ms$/, " (the value is in milliseconds)"],
  [/_s$/, " (the value is in seconds)"],
  [/^(mtu|cookie)$/, " (the value is in octets)"],
];

/** Advice to leave out the unit of a number; empty for text that is no number with a unit. */
function unitText(input: string, key: PropertyKey | undefined): string {
  const unit = /^[0-9.]+ *([a-zµ]+)$/i.exec(input)?.[1];
  if (unit === undefined) return "";
  const known = units.find(([pattern]) => pattern.test(String(key)))?.[1] ?? "";
  return `: leave out the unit ${unit}${known}`;
}

/** Advice where a value is nearly one of those wanted; empty otherwise. */
function nearly({ input, values, path }: z.core.$ZodIssueInvalidValue): string {
  if (typeof input !== "string" || input === "") return "";
  if (values.includes(Number(input))) return ": leave out the quotes";
  if (values.includes(input.toLowerCase())) return ": in small letters";
  if (values.every((value) => typeof value === "number")) return unitText(input, path.at(-1));
  const text = values.filter((value) => typeof value === "string");
  // A longer word with the same beginning, or a misspelt one.
  const like = text.find((word) => input.toLowerCase().startsWith(word)) ?? misspelt(input, text);
  return like === undefined ? "" : `; did you mean ${like}?`;
}

function misspelt(input: string, text: readonly string[]): string | undefined {
  const like = nearest(input, text);
  return like !== undefined && like[0] === input[0]?.toLowerCase() ? like : undefined;
}

function rangeOf(schema: SchemaShape | undefined): string {
  const { minValue, maxValue } = schema ?? {};
  return typeof minValue === "number" && typeof maxValue === "number"
    ? ` from ${minValue} to ${maxValue}`
    : "";
}
