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
  return [...open, ...others.map(problemOf)];
}

function tabsOf(errors: readonly YAMLError[]): readonly number[] {
  return errors.filter(({ code }) => code === "TAB_AS_INDENT").map(({ pos }) => pos[0]);
}

function problemOf({ code, pos, message }: YAMLError): SyntaxProblem {
  const known = /same column/.test(message)
    ? "not indented as the keys beside it: they all start at one column"
    : messages[code];
  return { offset: pos[0], message: known ?? message.replace(/\n.*/s, "") };
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
