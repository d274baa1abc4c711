import {
  type Document,
  isCollection,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Range,
  type YAMLError,
} from "yaml";

/** A syntax error of YAML: its offset in the text, and what to do about it. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

/** Message where the recursion of `yaml` exceeds the stack. */
export const TOO_DEEP = "nested too deeply";

/** TABLE: messages by the package's error codes; other errors have the package's message. */
const messages: Readonly<Record<string, string>> = {
  BAD_ALIAS: "an alias is written *name; text that begins with * needs quotes",
  BAD_SCALAR_START: "text that begins with this character needs quotes",
  MULTIPLE_DOCS: "a second document begins here; one is all there may be",
  MULTILINE_IMPLICIT_KEY: "wanted `key: value`: the colon or the blank behind it is missing",
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: "a tab: indent with spaces",
  UNEXPECTED_TOKEN: "nothing was opened that this could close, or a quote or comma is missing before it",
};

/** Ours: longer than the text of any address. */
const LONGEST_ADDRESS = 64;

/** Codes of errors that only follow from an earlier one. */
const followers: ReadonlySet<string> = new Set(["BLOCK_AS_IMPLICIT_KEY", "MULTILINE_IMPLICIT_KEY"]);

/**
 * The syntax errors of a text, each once and where it was made: an unclosed bracket or quote where it was
 * opened, and not where the parser stumbled over what follows.
 */
export function syntaxProblems(text: string, document: Document.Parsed): readonly SyntaxProblem[] {
  if (document.errors.length === 0) return [];
  const open = openOnes(text, document.contents);
  const first = Math.min(...open.map(({ offset }) => offset), ...tabsOf(document.errors));
  const others = document.errors.filter(({ code, pos }) => {
    if (code === "TAB_AS_INDENT") return true;
    if (open.length > 0 && (code === "BAD_INDENT" || code === "MISSING_CHAR")) return false;
    return !followers.has(code) || pos[0] < first;
  });
  const misread = new Set(others.filter(isMisread).map(({ pos }) => pos[0]));
  return [
    ...open,
    ...others
      .filter((error) => isMisread(error) || !followers.has(error.code) || !misread.has(error.pos[0]))
      .map((error) => problemOf(text, error)),
  ];
}

function tabsOf(errors: readonly YAMLError[]): readonly number[] {
  return errors.filter(({ code }) => code === "TAB_AS_INDENT").map(({ pos }) => pos[0]);
}

function firstLine(text: string): string {
  return text.replace(/\n.*/s, "");
}

/** Whether the package took a value for a mapping. */
function isMisread({ code }: YAMLError): boolean {
  return code === "BLOCK_AS_IMPLICIT_KEY" || code === "BLOCK_IN_FLOW";
}

/**
 * Why a value was taken for a mapping: its own colons, a next line that is indented too far, or a second key
 * in its line.
 */
function misreading(text: string, { code, pos, message }: YAMLError): SyntaxProblem {
  const [offset] = pos;
  const address = /^[0-9a-f]*:[0-9a-f:]*:(?=[\s,}\]]|$)/i.exec(
    text.slice(offset, offset + LONGEST_ADDRESS),
  )?.[0];
  if (address !== undefined)
    return { offset, message: `a colon at the end makes a key of this address: quote it, as "${address}"` };
  if (code === "BLOCK_IN_FLOW") return { offset, message: firstLine(message) };
  const end = text.indexOf("\n", offset);
  const next =
    end < 0 ? null : /^(?:[ \t]*(?:#.*)?\r?\n)*([ ]*)[^\s:#][^\n:#]*:(?=\s)/.exec(text.slice(end + 1));
  const isOfOneLine = / [^\s:#]+:\s/.test(text.slice(offset, end < 0 ? undefined : end + 1));
  const indent = next?.[1];
  if (next === null || indent === undefined || isOfOneLine)
    return {
      offset,
      message: "a second key in one line: each has a line of its own, and text with `: ` needs quotes",
    };
  const at = end + 1 + next[0].lastIndexOf("\n") + 1 + indent.length;
  return { offset: at, message: tooDeepText(indent.length, indentAt(text, offset)) };
}

function tooDeepText(indent: number, before: number): string {
  return `indented too far: it starts in column ${indent + 1}, and the key before it in column ${before + 1}`;
}

/** Indentation of the first key in the line of an offset; dashes of a list count. */
function indentAt(text: string, offset: number): number {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ -]*/.exec(text.slice(start))?.[0].length ?? 0;
}

/** The problem of a key whose column differs from that of the keys beside it. */
function misalignment(text: string, offset: number): SyntaxProblem {
  const indent = indentAt(text, offset);
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  // Skip empty lines and comments backwards.
  let before = start;
  do before = text.lastIndexOf("\n", before - 2) + 1;
  while (before > 0 && /^[ \t]*(#|\r?\n)/.test(text.slice(before, start)));
  const wanted = indentAt(text, before);
  return indent > wanted
    ? { offset: start + indent, message: tooDeepText(indent, wanted) }
    : { offset, message: "not indented as the keys beside it: they all start at one column" };
}

function problemOf(text: string, error: YAMLError): SyntaxProblem {
  const { code, pos, message } = error;
  if (isMisread(error)) return misreading(text, error);
  if (/same column/.test(message)) return misalignment(text, pos[0]);
  return { offset: pos[0], message: messages[code] ?? firstLine(message) };
}

/** Unclosed brackets and quotes; of nested ones the outermost. */
function openOnes(text: string, contents: Node | null): readonly SyntaxProblem[] {
  const found: SyntaxProblem[] = [];
  const walk = (node: unknown): void => {
    if (isPair(node)) {
      walk(node.key);
      walk(node.value);
    } else if (isNode(node)) {
      const opening = openingOf(text, node);
      if (opening !== undefined) found.push({ offset: (node.range as Range)[0], message: opening });
      else if (isCollection(node)) for (const item of node.items) walk(item);
    }
  };
  walk(contents);
  return found;
}

const closing: Readonly<Record<string, string>> = { "[": "]", "{": "}", '"': '"', "'": "'" };

/** The message for an unclosed bracket or quote; undefined for any other node. */
function openingOf(text: string, node: Node): string | undefined {
  const isOpening =
    (isCollection(node) && node.flow === true) || (isScalar(node) && /^QUOTE/.test(String(node.type)));
  if (!isOpening || node.range == null) return undefined;
  const [start, end] = node.range;
  const opened = text[start] ?? "";
  const wanted = closing[opened];
  if (wanted === undefined || (end - start > 1 && text[end - 1] === wanted)) return undefined;
  return `this ${opened} is not closed: a ${wanted} is missing`;
}
