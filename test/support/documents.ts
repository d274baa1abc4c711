import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** A Markdown document, by its path from the root of the repository. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

const root = new URL("../../", import.meta.url);
/** Folders of the root that are not sources: made by a build, fetched, or Git's own. */
const notOurs: ReadonlySet<string> = new Set([
  ".git",
  ".lab",
  ".packages",
  "coverage",
  "dist",
  "node_modules",
]);

/** All files and folders of the repository, by their paths from its root. */
export function readTree(): ReadonlySet<string> {
  const paths: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(new URL(folder, root), { withFileTypes: true })) {
      if (folder === "" && notOurs.has(entry.name)) continue;
      paths.push(`${folder}${entry.name}`);
      if (entry.isDirectory()) walk(`${folder}${entry.name}/`);
    }
  };
  walk("");
  return new Set(paths);
}

/** The documents that a reader is sent to: those at the root and those of docs/. */
export function readDocuments(): readonly Document[] {
  const paths = ["", "docs/", "docs/adr/"].flatMap((folder) =>
    readdirSync(new URL(folder, root)).flatMap((name) => (name.endsWith(".md") ? [`${folder}${name}`] : [])),
  );
  return paths.map((path) => ({ path, text: readFileSync(new URL(path, root), "utf8") }));
}

const FENCE = /^```[\s\S]*?^```/gm;
const LINK = /\[(?:[^\]\\]|\\.)*\]\(([^()\s]+)\)/g;
const HEADING = /^#{1,6}\s+(.+)$/gm;

/** The anchors of a document, as GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.replace(FENCE, "").matchAll(HEADING)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}

/** Relative links to files that are not there, or to headings that their file does not have. */
export function brokenLinks(documents: readonly Document[]): readonly string[] {
  const texts = new Map(documents.map(({ path, text }) => [path, text]));
  return documents.flatMap(({ path, text }) =>
    [...text.replace(FENCE, "").matchAll(LINK)].flatMap(([, target = ""]) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [file = "", anchor] = target.split("#", 2);
      const linked = file === "" ? path : posix.join(posix.dirname(path), file);
      const isThere = texts.has(linked) || existsSync(new URL(linked, root));
      if (!isThere) return [`${path}: no file ${target}`];
      const known = texts.get(linked);
      const isHeading = anchor === undefined || known === undefined || anchorsOf(known).has(anchor);
      return isHeading ? [] : [`${path}: no heading ${target}`];
    }),
  );
}

const CODE = /`([^`\n]+)`/g;
/** What a span of code names if it is a file of ours: a path, or a name alone, with one of our extensions. */
const FILE = /^(?:[\w.*-]+\/)*[\w.*-]+\.(?:ts|mjs|cjs|md|sh|yaml|json)$/;
const PATH = /^([\w.-]+)\/[\w./*-]+$/;

/**
 * Files and folders that documents name in code, such as `src/wire/avp.ts` or `avp.ts`, and that the tree
 * does not have. A path may begin below src, or anywhere that makes it plain; a `*` is any part of a name.
 */
export function missingPaths(documents: readonly Document[], tree: ReadonlySet<string>): readonly string[] {
  const paths = [...tree];
  const roots = new Set(
    paths.flatMap((path) => path.match(/^(?:src\/)?([^/]+)$/)?.[1] ?? []).filter((name) => name !== "src"),
  );
  roots.add("src");
  const isThere = (name: string) => {
    const pattern = name.replace(/\/$/, "").replace(/[.*]/g, (found) => (found === "*" ? "[^/]*" : "\\."));
    const expected = new RegExp(`(?:^|/)${pattern}$`);
    return paths.some((path) => expected.test(path));
  };
  return documents.flatMap(({ path, text }) =>
    [...text.replace(FENCE, "").matchAll(CODE)].flatMap(([, name = ""]) => {
      const first = PATH.exec(name)?.[1];
      const isOurs = FILE.test(name) || (first !== undefined && roots.has(first));
      return !isOurs || isThere(name) ? [] : [`${path}: no ${name}`];
    }),
  );
}

/** A name of the program, as `Lcce`, `Lcce.handle`, `#receive` or `obstacle()`; no mere word or acronym. */
const IDENTIFIER = /^(?![a-z]+$|[A-Z_]+$)#?[A-Za-z]\w*(?:\.[A-Za-z]\w*)*(?=$|\()/;

/** Identifiers that documents name, such as `Lcce.handle` or `#receive`, and that `code` does not have. */
export function unknownIdentifiers(documents: readonly Document[], code: string): readonly string[] {
  const known = new Set(code.match(/#?[A-Za-z]\w*/g));
  return documents.flatMap(({ path, text }) =>
    [...text.replace(FENCE, "").matchAll(CODE)].flatMap(([, span = ""]) => {
      const names = FILE.test(span) ? undefined : IDENTIFIER.exec(span)?.[0].split(".");
      return names?.every((name) => known.has(name)) === false ? [`${path}: no ${span}`] : [];
    }),
  );
}

const MOST_COLUMNS = 110;
const MOST_ROW_COLUMNS = 200;
/** An example, shown as it is: a line of four blanks that is no part of an item. */
const EXAMPLE = /^ {4}/;

/** Lines of documents that are too long to be read, or reviewed, beside each other. */
export function longDocumentLines(documents: readonly Document[]): readonly string[] {
  return documents.flatMap(({ path, text }) => {
    const lines = text.replace(FENCE, (fence) => fence.replace(/[^\n]/g, "")).split("\n");
    return lines.flatMap((line, index) => {
      const most = line.startsWith("|") ? MOST_ROW_COLUMNS : MOST_COLUMNS;
      return line.length <= most || EXAMPLE.test(line)
        ? []
        : [`${path}:${index + 1}: ${line.length} columns`];
    });
  });
}
