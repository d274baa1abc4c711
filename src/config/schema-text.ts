import type { z } from "zod";
import type { Issue } from "./check.ts";
import { configFields } from "./fields.ts";
import { nearest } from "./nearest.ts";
import { replacementOf } from "./renamed-keys.ts";
import { secretFields, WANTED_ONE_VLAN, WANTED_SECRET } from "./value-schemas.ts";

/** The keys and indexes that lead to a value of the file. */
export type KeyPath = readonly PropertyKey[];

/** The parts of zod's schemas that are read here: keys of mappings, values of records, ranges of numbers. */
interface SchemaShape {
  readonly def: { readonly innerType?: SchemaShape };
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly valueType?: unknown;
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

/** An issue of the schema as issues whose messages say what to write instead. */
export function issuesOf(zodIssue: z.core.$ZodIssue): readonly Issue[] {
  if (zodIssue.code === "unrecognized_keys") {
    return zodIssue.keys.map((key) => ({
      path: [...zodIssue.path, key],
      message: unknownKey(
        key,
        zodIssue.path,
        (zodIssue.input as Readonly<Record<string, unknown>> | undefined)?.[key],
      ),
      atKey: true,
    }));
  }
  // zod reports the range of safe integers beside that of the key.
  if (zodIssue.code === "too_big" && zodIssue.maximum === Number.MAX_SAFE_INTEGER) return [];
  if (zodIssue.code === "too_small" && zodIssue.minimum === Number.MIN_SAFE_INTEGER) return [];
  return [{ path: zodIssue.path, message: textOf(zodIssue), atKey: zodIssue.code === "invalid_key" }];
}

function unknownKey(key: string, path: KeyPath, value: unknown): string {
  if (key === "<<")
    return "merge keys are not taken: write the keys out, or repeat a whole mapping by an alias (*name)";
  const replacement = replacementOf(key, path, value);
  if (replacement !== undefined) return `this key was renamed: write ${replacement}`;
  // In braces a comma ends the value, so that the second VLAN ID is read as a key.
  if (/^\d+( *- *\d+)?$/.test(key) && path.at(-1) === "circuit") return WANTED_ONE_VLAN;
  if (isSecretItself(key, path))
    return path.length === 2 ? `unknown key; write \`secret\`: ${WANTED_SECRET}` : WANTED_SECRET;
  const mappings = mappingsWithKey(key);
  if (mappings.length > 0) return `unknown key here: it belongs in ${mappings.join(" or ")}`;
  const like = nearest(key, keysAt(path));
  return like === undefined ? "unknown key" : `unknown key; did you mean ${like}?`;
}

/** Names that other programs have for the secret in their files. */
const secretKeys =
  /^(password|passwd|passphrase|pass|psk|key|preshared_?key|shared_?secret|secret_?key|secret_?value)$/i;

/**
 * Whether an unknown key was meant to hold the secret itself: by its name in a tunnel, or any within
 * `secret`.
 */
function isSecretItself(key: string, path: KeyPath): boolean {
  const [, , within] = path;
  if (path.length === 3 && (within === "secret" || within === "next_secret"))
    return nearestSecretKey(key) === undefined;
  return path.length === 2 && path[0] === "tunnels" && secretKeys.test(key);
}

function nearestSecretKey(key: string): string | undefined {
  const like = nearest(key, Object.keys(secretFields.shape));
  return like !== undefined && key[0]?.toLowerCase() === like[0] ? like : undefined;
}

/** The mappings that have a key, as text; empty for a key that none has. */
function mappingsWithKey(key: string): readonly string[] {
  const tunnel = unwrap(configFields.shape.tunnels).valueType;
  const pseudowire = unwrap(unwrap(tunnel).shape?.["pseudowires"]).valueType;
  const mappings: readonly (readonly [string, unknown])[] = [
    ["the top of the file", configFields],
    ["`lcce`", configFields.shape.lcce],
    ["`log`", configFields.shape.log],
    ["a tunnel", tunnel],
    ["a pseudowire", pseudowire],
    ["the `circuit` of a pseudowire", unwrap(pseudowire).shape?.["circuit"]],
    ["the `static` of a pseudowire", unwrap(pseudowire).shape?.["static"]],
  ];
  return mappings
    .filter(([, schema]) => Object.hasOwn(unwrap(schema).shape ?? {}, key))
    .map(([text]) => text);
}

/** Keys that the mapping at a path may have, for suggestions. */
function keysAt(path: KeyPath): readonly string[] {
  return Object.keys(schemaAt(path)?.shape ?? {});
}

/** The schema of the value at a path; undefined where there is none. */
function schemaAt(path: KeyPath): SchemaShape | undefined {
  let schema: unknown = configFields;
  for (const step of path) {
    if (schema === undefined) return undefined;
    const inner = unwrap(schema);
    schema = inner.shape === undefined ? inner.valueType : inner.shape[String(step)];
  }
  return schema === undefined ? undefined : unwrap(schema);
}

/** A schema without its wrappers for optional values and defaults. */
function unwrap(schema: unknown): SchemaShape {
  let inner = schema as SchemaShape;
  while (inner.def.innerType !== undefined) inner = inner.def.innerType;
  return inner;
}

function textOf(zodIssue: z.core.$ZodIssue): string {
  switch (zodIssue.code) {
    case "invalid_type":
      if (zodIssue.input === undefined) return "missing";
      return isOurs(zodIssue.message) ? zodIssue.message : `wanted ${wantedInstead(zodIssue)}`;
    case "invalid_value":
      return `wanted one of ${zodIssue.values.join(", ")}${nearly(zodIssue)}`;
    case "too_small":
      return zodIssue.origin === "string" ? "must not be empty" : `wanted at least ${zodIssue.minimum}`;
    case "too_big":
      return zodIssue.origin === "string"
        ? `longer than ${zodIssue.maximum} characters`
        : `wanted at most ${zodIssue.maximum}`;
    case "invalid_key":
      return (
        "a name starts with a letter or digit and has up to 63 letters, digits, dots, dashes and " +
        "underscores"
      );
    default:
      return zodIssue.message;
  }
}

/** Whether a message comes from our rows, and not from the package. */
function isOurs(message: string): boolean {
  return !message.startsWith("Invalid input");
}

function wantedInstead({ expected, input, path }: z.core.$ZodIssueInvalidType): string {
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
  };
  const isNumber = (expected === "int" || expected === "number") && typeof input === "string";
  const quoted = isNumber && /^[0-9.]+$/.test(input) ? ": leave out the quotes" : "";
  const unit = isNumber ? unitText(input, path.at(-1)) : "";
  return `${text[expected] ?? expected}${rangeOf(schemaAt(path))}${quoted}${unit}`;
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
