import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** A file of src/ or test/, by its path from there. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files of src/ or test/ but mere declarations of packages without types. */
export function readSources(folder: "src" | "test" = "src"): readonly SourceFile[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .sort()
    .map((path) => ({ path, text: readFileSync(new URL(path, root), "utf8") }));
}

/** What comes in one piece: a comment, a string, a template, a regular expression where one may stand. */
const PIECE = new RegExp(
  [
    /\/\/[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    /`(?:\\.|[^`\\])*`/,
    /(?<=(?:[=(,:[!&|?{};>]|return)\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

/**
 * The text without comments, and without what strings and the like hold unless they are kept; lines stay
 * where they are.
 */
export function strip(text: string, kept: "code" | "code and strings" = "code"): string {
  return text.replace(PIECE, (piece) => {
    const isComment = piece.startsWith("//") || piece.startsWith("/*");
    if (!isComment && kept === "code and strings") return piece;
    return piece.replace(/[^\n]/g, " ");
  });
}

/** The text's comments alone. */
function commentsOf(text: string): string {
  return [...text.matchAll(PIECE)].map(([piece]) => (/^\/[/*]/.test(piece) ? piece : "")).join("\n");
}

const IMPORTS = [
  /(?<![\w"'`.])(?:import|export)\b(?:[^"';()]*?\bfrom\b)?\s*"([^"]+)"/g,
  /(?<![\w"'`.])import\(\s*"([^"]+)"/g,
];
const PROGRAM = /\bnew URL\(\s*"([^"]+\.js)",\s*import\.meta\.url/g;

/**
 * What a file names: files and packages that it imports, and programs and workers that it starts by their
 * URL.
 */
export function namesIn({ path, text }: SourceFile): {
  readonly files: readonly string[];
  readonly packages: readonly string[];
  readonly programs: readonly string[];
} {
  const code = strip(text, "code and strings");
  const found = (pattern: RegExp) => [...code.matchAll(pattern)].map((match) => match[1] ?? "");
  const imports = IMPORTS.flatMap(found);
  const inSource = (name: string) => posix.join(posix.dirname(path), name).replace(/\.js$/, ".ts");
  return {
    files: imports.filter((name) => name.startsWith(".")).map(inSource),
    packages: imports.filter((name) => !name.startsWith(".")),
    programs: found(PROGRAM).map(inSource),
  };
}

/** The layer of a file: its folder, or its own name where it stands at the top. */
export function layerOf(path: string): string {
  for (const plane of [
    "forwarding/psn",
    "forwarding/userspace",
    "forwarding/ebpf/programs",
    "forwarding/ebpf/plane",
  ])
    if (path.startsWith(`${plane}/`)) return plane;
  return path.split("/")[0] ?? "";
}

/** Imports that the table does not allow. */
export function wrongImports(
  files: readonly SourceFile[],
  mayImport: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  return files.flatMap((file) => {
    const layer = layerOf(file.path);
    const allowed = mayImport[layer];
    if (allowed === undefined) return [`${file.path}: no layer ${layer}`];
    return namesIn(file)
      .files.filter((name) => layerOf(name) !== layer && !allowed.includes(layerOf(name)))
      .map((name) => `${file.path}: imports ${name}`);
  });
}

/** Packages, Node's own among them, that neither a file's own row nor its layer's allows; "*" allows all. */
export function wrongPackages(
  files: readonly SourceFile[],
  mayUse: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  return files.flatMap((file) => {
    const allowed = mayUse[file.path] ?? mayUse[layerOf(file.path)] ?? [];
    return namesIn(file)
      .packages.filter((name) => !allowed.includes("*") && !allowed.includes(name))
      .map((name) => `${file.path}: uses ${name}`);
  });
}

/** Files that import a package, be it for its types alone. */
export function importersOf(files: readonly SourceFile[], name: string): readonly string[] {
  return files.filter((file) => namesIn(file).packages.includes(name)).map(({ path }) => path);
}

/** TABLE: expressions that read a clock, random numbers or the process, or that set a timer. */
const IMPURE = [
  ...["Date\\.now", "new Date\\b", "performance\\.", "setTimeout", "setInterval", "setImmediate"],
  ...["queueMicrotask", "Math\\.random", "getRandomValues", "randomUUID", "process\\.", "console\\."],
];

/** Reads of clocks, random numbers and the process in files of these layers. */
export function impurities(files: readonly SourceFile[], layers: readonly string[]): readonly string[] {
  const impure = new RegExp(`\\b(?:${IMPURE.join("|")})`, "g");
  return files
    .filter(({ path }) => layers.includes(layerOf(path)))
    .flatMap(({ path, text }) => [...strip(text).matchAll(impure)].map(([found]) => `${path}: ${found}`));
}

/** Lines that match what nobody may write. */
export function forbidden(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    strip(text)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

/** TABLE: words that declare what has a name. */
const DECLARATIONS = "(?:abstract )?class|interface|type|enum|(?:async )?function\\*?|const|let";

/** Names under which several files export something: a type, a class, a function or a constant. */
export function sharedNames(files: readonly SourceFile[]): readonly string[] {
  const exported = new RegExp(`^export (?:${DECLARATIONS}) (\\w+)`, "gm");
  const paths = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    for (const [, name = ""] of strip(text).matchAll(exported))
      paths.set(name, (paths.get(name) ?? new Set()).add(path));
  }
  return [...paths].filter(([, at]) => at.size > 1).map(([name, at]) => `${name}: ${[...at].join(", ")}`);
}

const MOST_FILE_LINES = 400;
const MOST_FUNCTION_LINES = 60;

/** Tables may be as long as what they tell. */
function isTable(path: string): boolean {
  return path.endsWith("-table.ts") || path.endsWith("/fields.ts");
}

export function longFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !isTable(path))
    .map(({ path, text }) => ({ path, lines: text.replace(/\n$/, "").split("\n").length }))
    .filter(({ lines }) => lines > MOST_FILE_LINES)
    .map(({ path, lines }) => `${path}: ${lines} lines`);
}

/** TABLE: words that begin a block which is no function's. */
const BLOCK_WORDS = [
  ...["if", "else", "for", "while", "do", "switch", "case", "default", "try", "catch", "finally"],
  ...["class", "interface", "type", "export (?:class|interface|type|abstract)"],
];
/** A line that begins such a block. */
const OTHER_BLOCK = new RegExp(`^\\s*(?:\\} )?(?:${BLOCK_WORDS.join("|")})\\b`);
/** What may stand in front of a method's name. */
const MODIFIERS = "static|async|get|set|override|private|protected|public|readonly";
/**
 * A line that begins a function: by the word, as a method, or as an arrow; the code is formatted, so the end
 * is in sight.
 */
const FUNCTION = new RegExp(String.raw`\bfunction\b|=>|^\s*(?:(?:${MODIFIERS})\s+)*\*?[#\w$]+(?:<[^>]*>)?\(`);

/** Functions, measured from the line that begins them to the one that closes them at the same indentation. */
export function longFunctions(
  files: readonly SourceFile[],
  longer: Readonly<Record<string, number>> = {},
): readonly string[] {
  return files
    .filter(({ path }) => !isTable(path))
    .flatMap((file) => longFunctionsOf(file, longer[file.path] ?? MOST_FUNCTION_LINES));
}

function longFunctionsOf({ path, text }: SourceFile, most: number): readonly string[] {
  const lines = strip(text).split("\n");
  return lines.flatMap((line, end) => {
    const indentation = /^(\s*)\}/.exec(line)?.[1];
    if (indentation === undefined) return [];
    let begin = end - 1;
    while (begin > 0 && !isBegin(lines[begin] ?? "", indentation)) begin -= 1;
    const opening = lines.slice(begin, end).join("\n").split(/\{\n/)[0] ?? "";
    const length = end - begin + 1;
    if (length <= most || OTHER_BLOCK.test(opening) || !FUNCTION.test(opening)) return [];
    return [`${path}:${begin + 1}: ${length} lines`];
  });
}

function isBegin(line: string, indentation: string): boolean {
  const own = /^(\s*)\S/.exec(line)?.[1];
  return own === indentation && !/^\s*[)}\]]/.test(line);
}

/** Circles of imports, imports of types included: each with the files that lead to each other. */
export function importCycles(files: readonly SourceFile[]): readonly string[] {
  const imported = new Map(files.map((file) => [file.path, namesIn(file).files]));
  const reachedFrom = (start: string) => {
    const reached = new Set<string>();
    const waiting = [...(imported.get(start) ?? [])];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path)) continue;
      reached.add(path);
      waiting.push(...(imported.get(path) ?? []));
    }
    return reached;
  };
  const reach = new Map(files.map(({ path }) => [path, reachedFrom(path)]));
  const circles = files.map(({ path }) => {
    const others = [...(reach.get(path) ?? [])].filter((other) => reach.get(other)?.has(path) === true);
    return [...new Set(others)].sort().join(" <-> ");
  });
  return [...new Set(circles)].filter((circle) => circle !== "");
}

/** Files that no root leads to. */
export function deadFiles(files: readonly SourceFile[], roots: readonly string[]): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    const { files: imported, programs } = namesIn(file);
    waiting.push(...imported, ...programs);
  }
  return files.map(({ path }) => path).filter((path) => !reached.has(path));
}

/** Packages that are loaded with a file by it and by what it imports: values, and not by `import()`. */
export function packagesAtOnce(files: readonly SourceFile[], root: string): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const packages = new Set<string>();
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    const text = file.text.replace(/\b(?:import|export) type\b[^;]*;|\bimport\([^)]*\)/g, "");
    const names = namesIn({ path, text });
    waiting.push(...names.files);
    for (const name of names.packages) packages.add(name);
  }
  return [...packages].sort();
}

export interface RfcSections {
  readonly sections: readonly string[];
  readonly appendices: readonly string[];
}

/** How many characters in front of a section its RFC is looked for. */
const BEFORE_SECTION = 160;

/**
 * Citations that are not of the form "RFC N §N.N", or name a section that its RFC does not have; where no
 * RFC is named before it, RFC 3931 is meant. Sections stand in comments, and in the strings of `section:` and
 * of the state tables' reasons.
 */
export function wrongCitations(
  files: readonly SourceFile[],
  rfcs: Readonly<Record<string, RfcSections>>,
): readonly string[] {
  return files.flatMap(({ path, text }) => {
    const known = (rfc: string, section: string) =>
      rfcs[rfc] === undefined || rfcs[rfc].sections.includes(section);
    const bare = [...text.matchAll(/\bsection: "(\d[^"]*)"/g)]
      .filter(([, section]) => !known("3931", section ?? ""))
      .map(([, section]) => `${path}: RFC 3931 has no section ${section}`);
    const cited = [...text.matchAll(/§ ?(?!\$\{)([^\s,;)"'`]*)/g)].flatMap((match) => {
      const section = /^\d+(?:\.\d+)*(?=\.?$|:$|[–-])/.exec(match[1] ?? "")?.[0];
      if (section === undefined || match[0].startsWith("§ ")) return [`${path}: not a section: ${match[0]}`];
      const before = text.slice(Math.max(0, match.index - BEFORE_SECTION), match.index);
      const rfc = [...before.matchAll(/RFC (\d+)/g)].at(-1)?.[1] ?? "3931";
      return known(rfc, section) ? [] : [`${path}: RFC ${rfc} has no section ${section}`];
    });
    const appendices = [...commentsOf(text).matchAll(/RFC (\d+)[^.;]*? Appendix (\w+)/g)]
      .filter(([, rfc, letter]) => rfcs[rfc ?? ""]?.appendices.includes(letter ?? "") === false)
      .map(([, rfc, letter]) => `${path}: RFC ${rfc} has no appendix ${letter}`);
    return [...bare, ...cited, ...appendices];
  });
}
