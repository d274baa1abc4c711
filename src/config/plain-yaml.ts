/**
 * The plain part of YAML, which long files that programs write are made of: mappings in blocks, and mappings of one line without
 * others in them, of scalars that cannot be mistaken. It is read many times faster than all of YAML, without any place.
 */

const NAME = "[A-Za-z][A-Za-z0-9_.-]{0,63}";
const SCALAR = `(?:"[ !#-\\[\\]-~]*"|'[ -&(-~]*'|[A-Za-z0-9/](?:[A-Za-z0-9_./:-]*[A-Za-z0-9_./-])?)`;
const PAIR = `${NAME}: +${SCALAR}`;
/** Indentation, key, then nothing, a scalar, or a mapping of one line. */
const KEY_LINE = new RegExp(
  `^( *)(${NAME}):(?: +(?:(${SCALAR})|\\{ *(${PAIR}(?:, *${PAIR})*) *\\}))?(?: +#.*)?$|^ *(?:#.*)?$`,
);
const EACH_PAIR = new RegExp(`(${NAME}): +(${SCALAR})`, "g");

const INTEGER = /^(?:0|[1-9][0-9]{0,14})$/;
const DIGITS = /^[0-9a-fA-F]+$/;
/** IPv4 and IPv6 addresses, and what looks like them, are text. */
const ADDRESS = /^[0-9]+(?:\.[0-9]+){3}$|^[0-9a-fA-F]*:[0-9a-fA-F:]*$/;
/** What YAML takes for null or a boolean. */
const WORD = /^(?:null|true|false)$/i;

type Scalar = string | number | boolean;
export interface PlainMapping {
  [key: string]: Scalar | PlainMapping;
}

/** A mapping that is being read. */
interface Level {
  readonly indent: number;
  readonly mapping: PlainMapping;
}

/**
 * The value of a text that keeps to the plain part; undefined for any other, be it in order or not. Values of the keys in
 * `asWritten` are text even where they look like numbers.
 */
export function readPlain(text: string, asWritten: ReadonlySet<string>): PlainMapping | undefined {
  const root: PlainMapping = {};
  const levels: Level[] = [{ indent: 0, mapping: root }];
  /** The key whose mapping is to begin on the next line. */
  let opened: { readonly key: string; readonly indent: number } | undefined;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const match = KEY_LINE.exec(text.slice(start, end));
    start = end + 1;
    if (match === null) return undefined;
    const [, spaces, key, scalar, pairs] = match;
    if (spaces === undefined || key === undefined) continue;
    const indent = spaces.length;
    const above = levels.at(-1) as Level;
    if (opened !== undefined) {
      if (indent <= opened.indent) return undefined;
      const mapping: PlainMapping = {};
      above.mapping[opened.key] = mapping;
      levels.push({ indent, mapping });
      opened = undefined;
    }
    while (levels.length > 1 && indent < (levels.at(-1) as Level).indent) levels.pop();
    const level = levels.at(-1) as Level;
    if (indent !== level.indent || WORD.test(key) || Object.hasOwn(level.mapping, key)) return undefined;
    if (scalar === undefined && pairs === undefined) opened = { key, indent };
    const value =
      scalar !== undefined
        ? scalarOf(key, scalar, asWritten)
        : pairs !== undefined
          ? mappingOf(pairs, asWritten)
          : {};
    if (value === undefined) return undefined;
    level.mapping[key] = value;
  }
  return opened === undefined && Object.keys(root).length > 0 ? root : undefined;
}

function mappingOf(pairs: string, asWritten: ReadonlySet<string>): PlainMapping | undefined {
  const mapping: PlainMapping = {};
  for (const [, key = "", scalar = ""] of pairs.matchAll(EACH_PAIR)) {
    const value = scalarOf(key, scalar, asWritten);
    if (value === undefined || WORD.test(key) || Object.hasOwn(mapping, key)) return undefined;
    mapping[key] = value;
  }
  return mapping;
}

/** Undefined for what might be something else. */
function scalarOf(key: string, scalar: string, asWritten: ReadonlySet<string>): Scalar | undefined {
  if (scalar.startsWith('"') || scalar.startsWith("'")) return scalar.slice(1, -1);
  if (asWritten.has(key) && DIGITS.test(scalar)) return scalar;
  if (INTEGER.test(scalar)) return Number(scalar);
  if (scalar === "true" || scalar === "false") return scalar === "true";
  if (ADDRESS.test(scalar)) return scalar;
  return WORD.test(scalar) || /^[0-9]/.test(scalar) ? undefined : scalar;
}
