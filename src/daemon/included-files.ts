import { basename, dirname, join, resolve } from "node:path";
import type { FoundFiles, IncludeReader } from "../config/includes.ts";
import { errnoOf, SystemError } from "../os/errors.ts";
import { namesInDirectory, readText, statOf } from "../os/files.ts";

/** What `include` finds on this machine. */

/** What to do about a file that cannot be included, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is a file and no directory",
  EACCES: "this user may not read it; root is left without the right to read files of others: chown root",
};

/** Stands for any characters in the last part of a path. */
const WILDCARD = "*";
/** Names of the files that a directory stands for. */
const wholeDirectory = ["*.yaml", "*.yml"] as const;

/** Where files are: on the machine, or in memory as they were. */
export interface FileSource {
  /** The names in a directory. Throws SystemError, as `isDirectory` does. */
  names(directory: string): readonly string[];
  isDirectory(path: string): boolean;
  read: IncludeReader["read"];
}

/** What `include` finds in a source of files. */
export function includedFrom(source: FileSource): IncludeReader {
  return {
    find: (entry, from) => {
      const path = resolve(dirname(from), entry);
      try {
        if (basename(path).includes(WILDCARD)) return filesIn(source, dirname(path), [basename(path)]);
        if (source.isDirectory(path)) return filesIn(source, path, wholeDirectory);
        return { kind: "file", path };
      } catch (error) {
        return { kind: "problem", problem: problemOf(path, error) };
      }
    },
    read: (path, most) => source.read(path, most),
  };
}

/** Reads the files that a configuration includes, of this machine. */
export const includeReader: IncludeReader = includedFrom({
  names: namesInDirectory,
  isDirectory: (path) => statOf(path).isDirectory(),
  read: (path, most) => {
    try {
      const stat = statOf(path);
      // A pipe or a device could be endless.
      if (!stat.isFile()) return { problem: `${path} is no file: only files can be included` };
      if (stat.size > most) return { problem: `${path} is too long: ${stat.size} octets` };
      return { text: readText(path) };
    } catch (error) {
      return { problem: problemOf(path, error) };
    }
  },
});

/** The files of a directory whose names match, in the order of their names. Throws SystemError. */
function filesIn(source: FileSource, directory: string, patterns: readonly string[]): FoundFiles {
  const names = source
    .names(directory)
    .filter((name) => patterns.some((pattern) => matches(name, pattern)))
    .toSorted();
  return {
    kind: "files",
    paths: names.map((name) => join(directory, name)).filter((path) => !isDirectory(source, path)),
    wanted: patterns.map((pattern) => join(directory, pattern)).join(" or "),
  };
}

/** False too for what cannot be looked at: that is a problem once it is read. */
function isDirectory(source: FileSource, path: string): boolean {
  try {
    return source.isDirectory(path);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return false;
  }
}

/** Whether a name is a pattern's, each `*` of which stands for any characters. Hidden files are left out. */
export function matches(name: string, pattern: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const [first = "", ...parts] = pattern.split(WILDCARD);
  const last = parts.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let rest = name.slice(first.length, name.length - last.length);
  if (name.length < first.length + last.length) return false;
  for (const part of parts) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}

function problemOf(path: string, error: unknown): string {
  if (!(error instanceof SystemError)) throw error;
  const errno = errnoOf(error);
  const hint = hints[errno];
  return new SystemError("include a file", { errno, target: path, cause: error, hint }).message;
}
