import type { z } from "zod";
import { printableExcerpt } from "../bytes/printable-text.ts";
import { nearest } from "./nearest.ts";

/** What is said of a value that a key does not take, and what to write instead. */

/** The parts of zod's schemas that are read here: keys of mappings, values of records, ranges of numbers. */
export interface SchemaShape {
  readonly def: {
    readonly type: string;
    readonly innerType?: SchemaShape;
    readonly entries?: Readonly<Record<string, unknown>>;
  };
  readonly shape?: Readonly<Record<string, SchemaShape>>;
  readonly valueType?: SchemaShape;
  /** Items of a list. */
  readonly element?: SchemaShape;
  /** The schemas of a union. */
  readonly options?: readonly SchemaShape[];
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

/** The message for a value that a key does not take; `schemaOf` gives the key's schema. */
export function wantedText(zodIssue: z.core.$ZodIssue, schemaOf: () => SchemaShape | undefined): string {
  switch (zodIssue.code) {
    case "invalid_type":
      return isOurs(zodIssue.message) ? zodIssue.message : `wanted ${wantedInstead(zodIssue, schemaOf)}`;
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
    default:
      return zodIssue.message;
  }
}

/** Whether a message comes from our tables, and not from the package. */
export function isOurs(message: string): boolean {
  return !/^(Invalid input|Too (small|big))/.test(message);
}

function listText(message: string, number: string): string {
  return isOurs(message) ? message : `wanted a list of ${number}`;
}

/** TABLE: words for what the package expects. */
const kinds: Readonly<Record<string, string>> = {
  int: "an integer",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  tuple: "a list",
};

function wantedInstead(
  { expected, input, path }: z.core.$ZodIssueInvalidType,
  schemaOf: () => SchemaShape | undefined,
): string {
  const kind = kinds[expected] ?? expected;
  if (expected === "record") return `${kind}${namesInstead(input, schemaOf()?.valueType)}`;
  if (expected === "object") return `${kind}${Array.isArray(input) ? NO_LIST : keysNeeded(schemaOf())}`;
  if (expected === "array" || expected === "tuple") return `${kind}${isScalar(input) ? asList(input) : ""}`;
  const isNumber = expected === "int" || expected === "number";
  const range = isNumber ? rangeOf(schemaOf()) : "";
  const single = withoutBrackets(input);
  if (expected === "boolean") return `${kind}${single}${nearlyOneOf([true, false], input)}`;
  const isText = isNumber && typeof input === "string";
  const number = isText && /^[0-9.]+$/.test(input) ? ": leave out the quotes" : "";
  const unit = (isNumber && zeroText(input, path.at(-1))) || (isText ? unitText(input, path.at(-1)) : "");
  return `${kind}${range}${single}${number}${unit}`;
}

const NO_LIST = " (`name:` and keys under it), not a list: leave out the dashes";
/** Most names that an example repeats. */
const MOST_NAMES = 3;
/** Longest value that an example repeats. */
const LONGEST_VALUE = 40;

/** What to write for a mapping of names, where it is a name, a list of names, or nothing. */
function namesInstead(input: unknown, valueType: SchemaShape | undefined): string {
  const names = input === null ? ["NAME"] : Array.isArray(input) ? input : [input];
  if (names.length === 0 || !names.every(isScalar)) return Array.isArray(input) ? NO_LIST : "";
  const keys = requiredKeys(valueType);
  const value = keys.length === 0 ? "{}" : `{ ${keys.map((key) => `${key}: ...`).join(", ")} }`;
  const shown = names.slice(0, MOST_NAMES).map((name) => `${textOfValue(name)}: ${value}`);
  return `: write { ${shown.join(", ")}${names.length > MOST_NAMES ? ", ..." : ""} }`;
}

/** The keys that a mapping needs, for the message about something else in its place. */
function keysNeeded(schema: SchemaShape | undefined): string {
  const keys = requiredKeys(schema);
  return keys.length === 0 ? "" : ` with ${keys.map(quoted).join(" and ")}`;
}

const quoted = (key: string) => `\`${key}\``;

function requiredKeys(schema: SchemaShape | undefined): readonly string[] {
  const { error } = (schema as z.ZodType | undefined)?.safeParse({}, { reportInput: true }) ?? {};
  return (error?.issues ?? []).flatMap(({ path: [key, ...more], input }) =>
    key !== undefined && more.length === 0 && input === undefined ? [String(key)] : [],
  );
}

function isScalar(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value) && String(value).length <= LONGEST_VALUE;
}

function textOfValue(value: unknown): string {
  return printableExcerpt(String(value));
}

function asList(value: unknown): string {
  return `: write [${textOfValue(value)}]`;
}

/** Advice where a list of one value stands for that value. */
function withoutBrackets(value: unknown): string {
  return Array.isArray(value) && value.length === 1 && isScalar(value[0]) ? ": leave out the brackets" : "";
}

/** TABLE: units of numbers, by the key. */
const units: readonly (readonly [RegExp, string])[] = [
  [/_ms$/, " (the value is in milliseconds)"],
  [/_s$/, " (the value is in seconds)"],
  [/^(mtu|cookie)$/, " (the value is in octets)"],
];

/** TABLE: units that stand for a factor, such as 10k. */
const factors: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

/** Words for nothing or for no limit. */
const zeroWords: ReadonlySet<string> = new Set([
  ...["unlimited", "infinite", "infinity"],
  ...["none", "off", "no", "false", "disabled", "never"],
]);

/** TABLE: keys whose 0 stands for such a word, with what it means there. */
const zeroMeans: ReadonlyMap<PropertyKey, string> = new Map([
  ["mac_limit", "no limit"],
  ["silence_limit_s", "no limit"],
  ["hello_interval_s", "none"],
  ["nat_keepalive_s", "none"],
  ["cookie", "none"],
  ["pvid", "none"],
  ["dscp", "no mark"],
  ["control_dscp", "no mark"],
]);

/** Advice on a word for nothing, of a key that has a number for it; empty otherwise. */
export function zeroText(input: unknown, key: PropertyKey = ""): string {
  const meaning = zeroMeans.get(key);
  return meaning === undefined || !zeroWords.has(String(input).toLowerCase())
    ? ""
    : `: write 0 for ${meaning}`;
}

/** Advice on a number with a unit; empty for other text. */
function unitText(input: string, key: PropertyKey = ""): string {
  const [, number = "", unit] = /^([0-9.]+) *([a-zµ]+)$/i.exec(input) ?? [];
  if (unit === undefined) return "";
  const whole = Number(number) * (factors[unit] ?? Number.NaN);
  if (Number.isFinite(whole)) return `: write ${Math.round(whole)}`;
  const known = units.find(([pattern]) => pattern.test(String(key)))?.[1] ?? "";
  return `: leave out the unit ${unit}${known}`;
}

/** Advice where a value is nearly one of those wanted; empty otherwise. */
function nearly({ input, values, path }: z.core.$ZodIssueInvalidValue): string {
  if (typeof input === "string" && values.includes(Number(input)) && input !== "")
    return ": leave out the quotes";
  const zero = zeroText(input, path.at(-1));
  if (zero !== "") return zero;
  if (typeof input === "string" && values.every((value) => typeof value === "number"))
    return unitText(input, path.at(-1));
  return withoutBrackets(input) || nearlyOneOf(values, input);
}

/** TABLE: words that are booleans in other versions of YAML and other files, with what they mean. */
const booleanWords: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  enabled: true,
  false: false,
  no: false,
  off: false,
  n: false,
  disabled: false,
};

/** TABLE: values of keys that switch something off. */
const offValues: ReadonlySet<unknown> = new Set(["off", "none", false]);

/** Advice where a value is nearly one of some words or booleans; empty otherwise. */
export function nearlyOneOf(values: readonly unknown[], input: unknown): string {
  if (typeof input !== "string" && typeof input !== "boolean") return "";
  const given = String(input).toLowerCase();
  if (given === "") return "";
  if (values.includes(given)) return ": in small letters";
  const switched = switchedBy(values, booleanWords[given]);
  if (switched.length > 0) return `; did you mean ${switched.join(" or ")}?`;
  const text = values.filter((value) => typeof value === "string");
  // A longer word with the same beginning, or a misspelt one.
  const like = text.find((word) => given.startsWith(word)) ?? misspelt(given, text);
  return like === undefined ? "" : `; did you mean ${like}?`;
}

/** The values that mean the same as a boolean, where some of the values are for off. */
function switchedBy(values: readonly unknown[], isOn: boolean | undefined): readonly unknown[] {
  if (isOn === undefined || !values.some((value) => offValues.has(value))) return [];
  return values.filter((value) => offValues.has(value) !== isOn);
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
