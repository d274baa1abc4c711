import type { z } from "zod";
import type { Issue } from "./issues.ts";
import { MERGE_KEY, WANTED_MERGED } from "./merge-keys.ts";
import { nearest } from "./nearest.ts";
import { isOurs, nearlyOneOf, type SchemaShape, wantedText, zeroText } from "./value-text.ts";

/** The keys and indexes that lead to a value of the file. */
export type KeyPath = readonly PropertyKey[];

/** Message for a key that has to be there. */
export const MISSING = "missing";
/** A step of the path of a mapping that stands for all names. */
const ANY_NAME = "NAME";

/** What messages about one kind of file need to know of it. */
export interface FileSchema {
  readonly root: z.ZodType;
  /** What a name must be, where the schema has no words of its own. */
  readonly nameRule?: string;
  /** Words for mappings, and their paths with NAME for each name: where a key belongs. */
  readonly mappings: readonly (readonly [words: string, path: readonly string[]])[];
  /** The path at which a mapping is that takes the keys of another one, such as defaults. */
  readonly takerOf?: (path: KeyPath) => KeyPath | undefined;
  /** What to write instead of a key that is unknown for a reason of its own; undefined for any other. */
  readonly unknownKey?: (key: string, path: KeyPath, value: unknown) => string | undefined;
  /** More advice on a value that a key does not take, by the path of the key; empty for most. */
  readonly valueAdvice?: (path: KeyPath, value: unknown) => string;
}

/** An issue of the schema as issues whose messages say what to write instead; `file` is the whole value. */
export function issuesOf(zodIssue: z.core.$ZodIssue, schema: FileSchema, file: unknown): readonly Issue[] {
  const { path } = zodIssue;
  if (zodIssue.code === "unrecognized_keys") return issuesOfUnknownKeys(zodIssue, schema, file);
  if (zodIssue.code === "invalid_union") return issuesOfUnion(zodIssue, schema, file);
  // zod reports the range of safe integers beside that of the key.
  if (zodIssue.code === "too_big" && zodIssue.maximum === Number.MAX_SAFE_INTEGER) return [];
  if (zodIssue.code === "too_small" && zodIssue.minimum === Number.MIN_SAFE_INTEGER) return [];
  const isName = zodIssue.code === "invalid_key";
  const message = isName && path.at(-1) === MERGE_KEY ? WANTED_MERGED : messageOf(zodIssue, schema, file);
  return [{ path, message, atKey: isName }];
}

function messageOf(zodIssue: z.core.$ZodIssue, schema: FileSchema, file: unknown): string {
  const { path, input } = zodIssue;
  if (zodIssue.code === "invalid_type" && input === undefined) return MISSING;
  if (zodIssue.code === "invalid_key")
    return schema.nameRule ?? zodIssue.issues[0]?.message ?? zodIssue.message;
  const advice = schema.valueAdvice?.(path, input) ?? "";
  return wantedText(zodIssue, () => schemaAt(schema.root, path, file)) + advice;
}

function issuesOfUnknownKeys(
  { path, keys, input }: z.core.$ZodIssueUnrecognizedKeys,
  schema: FileSchema,
  file: unknown,
): readonly Issue[] {
  const within = input as Readonly<Record<string, unknown>> | undefined;
  const others = Object.keys(unwrap(schemaAt(schema.root, path, file))?.shape ?? {});
  return keys.map((key) => {
    const { message, like } = unknownKey(key, path, within?.[key], schema, others);
    return {
      path: [...path, key],
      message,
      atKey: true,
      ...(like === undefined ? {} : { meant: [...path, like] }),
    };
  });
}

/** What to say of an unknown key, and which of the `others` of its mapping was meant, if one was. */
function unknownKey(
  key: string,
  path: KeyPath,
  value: unknown,
  schema: FileSchema,
  others: readonly string[],
): { readonly message: string; readonly like?: string } {
  if (key === MERGE_KEY) return { message: WANTED_MERGED };
  const special = schema.unknownKey?.(key, path, value);
  if (special !== undefined) return { message: special };
  const plural = others.find((other) => other === `${key}s` || `${other}s` === key);
  const places = plural === undefined ? placesOf(key, path, schema) : [];
  if (places.length > 0) return { message: `unknown key here: it belongs in ${places.join(" or ")}` };
  const like = plural ?? nearest(key, others);
  if (like !== undefined) return { message: `unknown key; did you mean ${like}?`, like };
  return { message: others.length === 0 ? "unknown key" : `unknown key; there are ${others.join(", ")}` };
}

/**
 * Words for the mappings that have a key: those within the mapping where it stands, else those around that,
 * else all.
 */
function placesOf(key: string, at: KeyPath, { root, mappings, takerOf }: FileSchema): readonly string[] {
  const path = takerOf?.(at) ?? at;
  const having = mappings.filter(([, place]) =>
    Object.hasOwn(unwrap(schemaAt(root, place))?.shape ?? {}, key),
  );
  const within = having.filter(([, place]) => isWithin(place, path));
  const around = having.filter(([, place]) => isWithin(path, place));
  return (within.length > 0 ? within : around.length > 0 ? around : having).map(([words]) => words);
}

function isWithin(inner: KeyPath, outer: KeyPath): boolean {
  return (
    inner.length > outer.length &&
    outer.every((step, index) => step === inner[index] || step === ANY_NAME || inner[index] === ANY_NAME)
  );
}

/** The issues of the alternative that was meant, as far as the value tells it. */
function issuesOfUnion(
  zodIssue: z.core.$ZodIssueInvalidUnion,
  schema: FileSchema,
  file: unknown,
): readonly Issue[] {
  const { path, input, message } = zodIssue;
  if (input === undefined) return [{ path, message: MISSING }];
  const advice = schema.valueAdvice?.(path, input) ?? "";
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
    return [
      {
        path,
        message:
          (isOurs(message) ? message : "neither of the forms that this key takes") +
          (zeroText(input, path.at(-1)) || nearlyOneOf(wordsOf(union), input)) +
          advice,
      },
    ];
  const keys = mappingKeys(input) ?? [];
  const guesses = keys.map((key) => ({ key, like: nearest(key, kinds) }));
  const guess = guesses.find(({ like }) => like !== undefined);
  const wanted = `wanted one of the keys ${kinds.join(", ")}`;
  return guess === undefined
    ? [{ path, message: wanted }]
    : [{ path: [...path, guess.key], message: `${wanted}; did you mean ${guess.like}?`, atKey: true }];
}

/** The words that a key takes, by all its alternatives. */
function wordsOf(schema: SchemaShape | undefined): readonly unknown[] {
  const inner = unwrap(schema);
  return inner?.def.type === "enum"
    ? Object.values(inner.def.entries ?? {})
    : (inner?.options ?? []).flatMap((option) => (typeof option === "object" ? wordsOf(option) : [option]));
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
