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

/** A mistake of YAML: the offset in the text that it is about, and what to do about it. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

/** Where the recursion of `yaml` meets the end of the stack. */
export const TOO_DEEP = "nested too deeply";

/** What errors of the package mean to who wrote the file, by their code; others are told in the package's words. */
const messages: Readonly<Record<string, string>> = {
  BAD_ALIAS: "an alias is written *name; text that begins with * needs quotes",
  BAD_SCALAR_START: "text that begins with this character needs quotes",
  MULTIPLE_DOCS: "a second document begins here; one is all there may be",
  MULTILINE_IMPLICIT_KEY: "wanted `key: value`: the colon or the blank behind it is missing",
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: "a tab: indent with blanks",
  UNEXPECTED_TOKEN: "nothing was opened that this could close, or a quote or comma is missing before it",
};

/** More octets than the text of any address has. */
const LONGEST_ADDRESS = 64;

/** Codes of errors that only follow from another one before them. */
const followers: ReadonlySet<string> = new Set(["BLOCK_AS_IMPLICIT_KEY", "MULTILINE_IMPLICIT_KEY"]);

/**
 * The mistakes of YAML in a text, each told once, where it was made: an open bracket or quote at its beginning, and not where
 * the text went on otherwise than it should.
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

/** Whether the package took for a mapping what was to be a value. */
function isMisread({ code }: YAMLError): boolean {
  return code === "BLOCK_AS_IMPLICIT_KEY" || code === "BLOCK_IN_FLOW";
}

/** Why a value was taken for a mapping: its colons, those of the next line, which is indented too far, or a second key in its line. */
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
  return { offset: at, message: tooDeepWords(indent.length, indentAt(text, offset)) };
}

function tooDeepWords(indent: number, before: number): string {
  return `indented too far: it starts in column ${indent + 1}, and the key before it in column ${before + 1}`;
}

/** How far the first key of the line of an offset is indented; dashes of a list count. */
function indentAt(text: string, offset: number): number {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ -]*/.exec(text.slice(start))?.[0].length ?? 0;
}

/** A key whose column is not that of those beside it. */
function misalignment(text: string, offset: number): SyntaxProblem {
  const indent = indentAt(text, offset);
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  // Back over empty lines and comments.
  let before = start;
  do before = text.lastIndexOf("\n", before - 2) + 1;
  while (before > 0 && /^[ \t]*(#|\r?\n)/.test(text.slice(before, start)));
  const wanted = indentAt(text, before);
  return indent > wanted
    ? { offset: start + indent, message: tooDeepWords(indent, wanted) }
    : { offset, message: "not indented as the keys beside it: they all start at one column" };
}

function problemOf(text: string, error: YAMLError): SyntaxProblem {
  const { code, pos, message } = error;
  if (isMisread(error)) return misreading(text, error);
  if (/same column/.test(message)) return misalignment(text, pos[0]);
  return { offset: pos[0], message: messages[code] ?? firstLine(message) };
}

/** Brackets and quotes that are opened and never closed; of those within each other the outermost. */
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

/** What is wrong with a node that opens and does not close; undefined for any other. */
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
