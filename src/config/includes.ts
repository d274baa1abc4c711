import { configTextKeys } from "./config-text.ts";
import { configFields } from "./fields.ts";
import type { Issue } from "./issues.ts";
import { KeyLocations } from "./key-locations.ts";
import { isMapping, type Mapping } from "./merge-keys.ts";
import { nearest } from "./nearest.ts";
import type { KeyPath } from "./schema-text.ts";
import type { SourceTexts } from "./source-texts.ts";
import { includedPath } from "./value-schemas.ts";
import { LONGEST_TEXT, type LocatedIssue, pathText, type Reading, readMapping } from "./yaml-text.ts";

/**
 * Files that a configuration includes: each brings tunnels and bridges, and may include further ones. What
 * is of the whole node stands in the main file, and so do the defaults, which hold for all tunnels.
 */

/** Keys of an included file, each a mapping by names. */
const parts = ["tunnels", "bridges"] as const;
type Part = (typeof parts)[number];
const known: readonly string[] = [...parts, "include"];

/** Ours: most files of a configuration, and files that include each other one within another. */
const MOST_FILES = 10_000;
const MOST_DEPTH = 8;

/** What an entry of `include` stands for: one file, the matching files of a directory, or why neither. */
export type FoundFiles =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "files"; readonly paths: readonly string[]; readonly wanted: string }
  | { readonly kind: "problem"; readonly problem: string };

/** What reads the files of a machine for a configuration. */
export interface IncludeReader {
  /** What an entry of `include` in the file `from` stands for. */
  find(entry: string, from: string): FoundFiles;
  /** The text of a file of `most` octets at most, or why it cannot be read. */
  read(path: string, most: number): { readonly text: string } | { readonly problem: string };
}

/** A file of the configuration, with where its keys are. */
export interface SourceFile {
  readonly file: string;
  /** Offset at which its text begins. */
  readonly base: number;
  readonly locations: KeyLocations;
  /** Offset within it of the first mistake of YAML. */
  readonly broken: number | undefined;
}

/** An included file as it was read: not more than its issues where its content is not known. */
interface IncludedFile {
  readonly found: readonly LocatedIssue[];
  readonly content?: { readonly value: Mapping; readonly source: SourceFile };
}

/** The main file's value with what it includes. */
export interface WithIncludes {
  readonly value: unknown;
  readonly found: readonly LocatedIssue[];
  /** Whether the YAML of one of the files is broken. */
  readonly isBroken: boolean;
  /** What looks wrong with includes although all is in order, such as a directory without files. */
  readonly notes: readonly LocatedIssue[];
  /** The file that has a key. */
  sourceOf(path: KeyPath): SourceFile;
}

/** The included files of one configuration; each is read once. */
export class Includes {
  readonly #texts: SourceTexts;
  readonly #reader: IncludeReader | undefined;
  readonly #files = new Map<string, IncludedFile>();

  constructor(texts: SourceTexts, reader: IncludeReader | undefined) {
    this.#texts = texts;
    this.#reader = reader;
  }

  /** Puts the tunnels and bridges of included files into what one reading of the main file has. */
  into({ value }: Reading, main: SourceFile): WithIncludes {
    if (!isMapping(value) || value["include"] === undefined)
      return { value, found: [], notes: [], isBroken: main.broken !== undefined, sourceOf: () => main };
    const reader = this.#reader ?? noReader;
    const pass = new Pass(reader, (path, most) => this.#read(path, reader, most), value, main);
    pass.follow(value, main, [main.file]);
    return pass.result();
  }

  #read(path: string, reader: IncludeReader, most: number): IncludedFile | { readonly problem: string } {
    const former = this.#files.get(path);
    if (former !== undefined) return former;
    if (this.#files.size >= most) return { problem: `more than ${most} files are included` };
    const left = LONGEST_TEXT - this.#texts.length;
    const read = reader.read(path, left);
    if ("problem" in read) return read;
    if (read.text.length > left)
      return { problem: `${path}: with it the files have more than ${LONGEST_TEXT} characters` };
    const file = parsed(read.text, path, this.#texts.add(read.text, path));
    this.#files.set(path, file);
    return file;
  }
}

const noReader: IncludeReader = {
  find: () => ({ kind: "problem", problem: "no file can be included here" }),
  read: () => ({ problem: "no file can be read here" }),
};

function parsed(text: string, file: string, base: number): IncludedFile {
  const read = readMapping<Reading, Reading>(text, {
    // A file of comments alone brings nothing, which is in order.
    empty: undefined,
    noMapping: "wanted a mapping with `tunnels:`",
    textKeys: configTextKeys,
    examine: (one) => ({ found: [], parts: one }),
  });
  const { found, parts: reading } = "found" in read ? read : { found: [], parts: read.valid };
  const shifted = found.map((issue) => shift(issue, base));
  if (reading === undefined || !isMapping(reading.value)) return { found: shifted };
  const { value, contents, broken } = reading;
  const source = { file, base, locations: new KeyLocations(contents), broken };
  return { found: shifted, content: { value, source } };
}

function shift(issue: LocatedIssue, base: number): LocatedIssue {
  const { offset, otherOffset } = issue;
  return {
    ...issue,
    offset: offset + base,
    ...(otherOffset === undefined ? {} : { otherOffset: otherOffset + base }),
  };
}

/** One walk of all includes, for one reading of the main file. */
class Pass {
  readonly #reader: IncludeReader;
  readonly #read: (path: string, most: number) => IncludedFile | { readonly problem: string };
  readonly #main: SourceFile;
  readonly #value: Mapping;
  readonly #merged: Record<Part, Map<string, unknown> | undefined>;
  readonly #owners = new Map<string, SourceFile>();
  readonly #seen = new Set<string>();
  #isBroken: boolean;
  readonly #found: LocatedIssue[] = [];
  readonly #notes: LocatedIssue[] = [];

  constructor(
    reader: IncludeReader,
    read: (path: string, most: number) => IncludedFile | { readonly problem: string },
    value: Mapping,
    main: SourceFile,
  ) {
    this.#reader = reader;
    this.#read = read;
    this.#value = value;
    this.#main = main;
    const ofPart = (part: Part) => {
      const own = value[part] ?? {};
      return isMapping(own) ? new Map(Object.entries(own)) : undefined;
    };
    this.#merged = { tunnels: ofPart("tunnels"), bridges: ofPart("bridges") };
    this.#seen.add(main.file);
    this.#isBroken = main.broken !== undefined;
  }

  /** Reads what a file includes; `chain` are the files that led to it, itself the last. */
  follow({ include }: Mapping, source: SourceFile, chain: readonly string[]): void {
    const entries: readonly unknown[] = Array.isArray(include) ? include : [include];
    for (const [index, entry] of entries.entries()) {
      const path = Array.isArray(include) ? ["include", index] : ["include"];
      // Anything else is refused by the schema, and of an included file by `#take`.
      const valid = includedPath.safeParse(entry);
      if (valid.success) this.#follow(valid.data, path, source, chain);
    }
  }

  result(): WithIncludes {
    const { tunnels, bridges } = this.#merged;
    const value = {
      ...this.#value,
      ...(tunnels === undefined ? {} : { tunnels: Object.fromEntries(tunnels) }),
      ...(bridges === undefined ? {} : { bridges: Object.fromEntries(bridges) }),
    };
    return {
      value,
      found: this.#found,
      notes: this.#notes,
      isBroken: this.#isBroken,
      sourceOf: ([part, name]) => this.#owners.get(ownerKey(String(part), String(name))) ?? this.#main,
    };
  }

  #follow(entry: string, path: KeyPath, source: SourceFile, chain: readonly string[]): void {
    const report = (message: string) => this.#found.push(located({ path, message }, source));
    const files = this.#reader.find(entry, source.file);
    if (files.kind === "problem") return void report(files.problem);
    if (files.kind === "file" && chain.includes(files.path))
      return void report(`includes itself: ${[...chain, files.path].join(" includes ")}`);
    const all = files.kind === "file" ? [files.path] : files.paths;
    if (files.kind === "files" && all.length === 0)
      this.#notes.push(
        located({ path, message: `nothing to include: no file matches ${files.wanted}` }, source),
      );
    for (const file of all) {
      // By two entries, or by a pattern that the file itself matches.
      if (this.#seen.has(file)) continue;
      this.#seen.add(file);
      if (chain.length > MOST_DEPTH)
        return void report(`${file}: files include each other more than ${MOST_DEPTH} deep`);
      const read = this.#read(file, MOST_FILES);
      if ("problem" in read) {
        report(read.problem);
        continue;
      }
      this.#found.push(...read.found);
      if (read.content === undefined) continue;
      this.#isBroken ||= read.content.source.broken !== undefined;
      this.#take(read.content.value, read.content.source);
      this.follow(read.content.value, read.content.source, [...chain, file]);
    }
  }

  /** Takes the tunnels and bridges of an included file. */
  #take(value: Mapping, source: SourceFile): void {
    for (const [key, inner] of Object.entries(value)) {
      if (key.startsWith("x-")) continue;
      const part = parts.find((one) => one === key);
      const message = part === undefined ? this.#wrongKey(key, inner) : wrongMapping(inner);
      if (message !== undefined)
        this.#found.push(located({ path: [key], message, atKey: part === undefined }, source));
      else if (part !== undefined && isMapping(inner))
        for (const [name, one] of Object.entries(inner)) this.#add(part, name, one, source);
    }
  }

  #add(part: Part, name: string, value: unknown, source: SourceFile): void {
    const merged = this.#merged[part];
    if (merged === undefined) return;
    if (!merged.has(name)) {
      merged.set(name, value);
      this.#owners.set(ownerKey(part, name), source);
      return;
    }
    const path = [part, name];
    const issue = located(
      { path, message: `there is a ${part.slice(0, -1)} of this name already,`, atKey: true },
      source,
    );
    const first = this.#owners.get(ownerKey(part, name)) ?? this.#main;
    const otherOffset = located({ path, message: "", atKey: true }, first).offset;
    this.#found.push({ ...issue, otherOffset });
  }

  /** What is wrong with a key of an included file that brings no tunnels and bridges. */
  #wrongKey(key: string, value: unknown): string | undefined {
    if (key === "include") {
      const { error } = configFields.shape.include.safeParse(value);
      return error === undefined ? undefined : (error.issues[0]?.message ?? "wanted a path");
    }
    if (Object.hasOwn(configFields.shape, key))
      return `this key holds for the whole configuration: move it to ${this.#main.file}`;
    const like = nearest(key, known);
    return like === undefined
      ? `unknown key; an included file has ${known.join(", ")}`
      : `unknown key; did you mean ${like}?`;
  }
}

function wrongMapping(value: unknown): string | undefined {
  return isMapping(value) || value === null ? undefined : "wanted a mapping by names";
}

function ownerKey(part: string, name: string): string {
  return `${part} ${name}`;
}

/** An issue at its offset. */
function located(issue: Issue, { base, locations }: SourceFile): LocatedIssue {
  return {
    offset: base + locations.offsetOf(issue),
    path: pathText(issue.path),
    message: issue.message,
  };
}
