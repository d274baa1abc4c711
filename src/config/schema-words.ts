import type { z } from "zod";
import type { Complaint } from "./check.ts";
import { configFields, secretFields, WANTED_ONE_VLAN, WANTED_SECRET } from "./fields.ts";
import { nearest } from "./nearest.ts";
import { replacementOf } from "./renamed-keys.ts";

type KeyPath = readonly PropertyKey[];

/** What the schemas of mappings look like from inside: fixed keys, or values under names; and those of numbers. */
interface Inside {
  readonly def: { readonly innerType?: Inside };
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly valueType?: unknown;
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

/** What the schema found wrong, in words that say what to write instead. */
export function complaintsOf(issue: z.core.$ZodIssue): readonly Complaint[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: unknownKey(
        key,
        issue.path,
        (issue.input as Readonly<Record<string, unknown>> | undefined)?.[key],
      ),
      atKey: true,
    }));
  }
  // Integers have the range of their key, told beside that of all safe integers.
  if (issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER) return [];
  if (issue.code === "too_small" && issue.minimum === Number.MIN_SAFE_INTEGER) return [];
  return [{ path: issue.path, message: wordsOf(issue), atKey: issue.code === "invalid_key" }];
}

function unknownKey(key: string, path: KeyPath, value: unknown): string {
  if (key === "<<")
    return "merge keys are not taken: write the keys out, or repeat a whole mapping by an alias (*name)";
  const replacement = replacementOf(key, path, value);
  if (replacement !== undefined) return `this key was renamed: write \`${replacement}\``;
  // In braces a comma ends the value: what is behind it is a key.
  if (/^\d+( *- *\d+)?$/.test(key) && path.at(-1) === "circuit") return WANTED_ONE_VLAN;
  if (isSecretItself(key, path))
    return path.length === 2 ? `unknown key; write \`secret\`: ${WANTED_SECRET}` : WANTED_SECRET;
  const places = placesOfKey(key);
  if (places.length > 0) return `unknown key here: it belongs into ${places.join(" or ")}`;
  const like = nearest(key, keysAt(path));
  return like === undefined ? "unknown key" : `unknown key; did you mean ${like}?`;
}

/** Keys by which others have the secret in their files. */
const secretKeys =
  /^(password|passwd|passphrase|pass|psk|key|preshared_?key|shared_?secret|secret_?key|secret_?value)$/i;

/** Whether a key is meant to hold the secret: one of a name such as that in a tunnel, or any but a place within `secret`. */
function isSecretItself(key: string, path: KeyPath): boolean {
  const [, , within] = path;
  if (path.length === 3 && (within === "secret" || within === "next_secret"))
    return nearestPlace(key) === undefined;
  return path.length === 2 && path[0] === "tunnels" && secretKeys.test(key);
}

function nearestPlace(key: string): string | undefined {
  const like = nearest(key, Object.keys(secretFields.shape));
  return like !== undefined && key[0]?.toLowerCase() === like[0] ? like : undefined;
}

/** Where a key belongs, in words; empty for one that is nowhere. */
function placesOfKey(key: string): readonly string[] {
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
    .map(([words]) => words);
}

/** The keys that a mapping at a path may have, for suggestions. */
function keysAt(path: KeyPath): readonly string[] {
  return Object.keys(schemaAt(path)?.shape ?? {});
}

/** The schema of what a path leads to; undefined where the table has none. */
function schemaAt(path: KeyPath): Inside | undefined {
  let schema: unknown = configFields;
  for (const step of path) {
    if (schema === undefined) return undefined;
    const inner = unwrap(schema);
    schema = inner.shape === undefined ? inner.valueType : inner.shape[String(step)];
  }
  return schema === undefined ? undefined : unwrap(schema);
}

/** The schema without what makes it optional or gives it a default. */
function unwrap(schema: unknown): Inside {
  let inner = schema as Inside;
  while (inner.def.innerType !== undefined) inner = inner.def.innerType;
  return inner;
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "missing";
      return isOurs(issue.message) ? issue.message : `wanted ${wantedInstead(issue)}`;
    case "invalid_value":
      return `wanted one of ${issue.values.join(", ")}${nearly(issue.input, issue.values, issue.path.at(-1))}`;
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

/** Whether a message is one of our table, and not that of the package. */
function isOurs(message: string): boolean {
  return !message.startsWith("Invalid input");
}

function wantedInstead({ expected, input, path }: z.core.$ZodIssueInvalidType): string {
  const isMapping = expected === "object" || expected === "record";
  if (isMapping && Array.isArray(input))
    return "a mapping (`name:` and keys under it), not a list: leave out the dashes";
  const words: Readonly<Record<string, string>> = {
    int: "an integer",
    number: "a number",
    string: "text",
    boolean: "true or false",
    object: "a mapping",
    record: "a mapping",
  };
  const isNumber = (expected === "int" || expected === "number") && typeof input === "string";
  const quoted = isNumber && /^[0-9.]+$/.test(input) ? ": leave out the quotes" : "";
  const unit = isNumber ? unitWords(input, path.at(-1)) : "";
  return `${words[expected] ?? expected}${rangeOf(schemaAt(path))}${quoted}${unit}`;
}

/** TABLE: units of keys, by their ends; numbers of other keys are octets, or have none. */
const units: readonly (readonly [RegExp, string])[] = [
  [/_ms$/, " (the value is in milliseconds)"],
  [/_s$/, " (the value is in seconds)"],
  [/^(mtu|cookie)$/, " (the value is in octets)"],
];

/** Of a number with a unit behind it, that the unit is to go; empty for others. */
function unitWords(input: string, key: PropertyKey | undefined): string {
  const unit = /^[0-9.]+ *([a-zµ]+)$/i.exec(input)?.[1];
  if (unit === undefined) return "";
  const known = units.find(([pattern]) => pattern.test(String(key)))?.[1] ?? "";
  return `: leave out the unit ${unit}${known}`;
}

/** What keeps a value that is nearly one of those wanted from being it. */
function nearly(input: unknown, values: readonly unknown[], key: PropertyKey | undefined): string {
  if (typeof input !== "string" || input === "") return "";
  if (values.includes(Number(input))) return ": leave out the quotes";
  if (values.includes(input.toLowerCase())) return ": in small letters";
  if (values.every((value) => typeof value === "number")) return unitWords(input, key);
  const words = values.filter((value) => typeof value === "string");
  // A word that begins as one of them, and goes on; or one with a mistake in it.
  const like = words.find((word) => input.toLowerCase().startsWith(word)) ?? misspelt(input, words);
  return like === undefined ? "" : `; did you mean ${like}?`;
}

function misspelt(input: string, words: readonly string[]): string | undefined {
  const like = nearest(input, words);
  return like !== undefined && like[0] === input[0]?.toLowerCase() ? like : undefined;
}

function rangeOf(schema: Inside | undefined): string {
  const { minValue, maxValue } = schema ?? {};
  return typeof minValue === "number" && typeof maxValue === "number"
    ? ` from ${minValue} to ${maxValue}`
    : "";
}
