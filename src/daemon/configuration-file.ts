import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import type { IncludeReader } from "../config/includes.ts";
import type { Issue } from "../config/issues.ts";
import { formatProblem, parseConfig, type SourceFileText } from "../config/parse.ts";
import type { PeerKind } from "../config/peer-kinds.ts";
import { attempt, errnoOf, SystemError } from "../os/errors.ts";
import { readText } from "../os/files.ts";
import { includeReader } from "./included-files.ts";

/** What to do about a file that cannot be read, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; examples/minimal.yaml is one to begin with",
  EACCES: "this user may not read it",
  EISDIR: "this is a directory; give the path of a file",
};

/** A valid configuration, with the means to find the location of its keys. */
export interface LoadedConfig {
  readonly config: Config;
  /** The `peer` of each tunnel that has one. */
  readonly peers: ReadonlyMap<string, PeerKind>;
  /** Issues with its keys as lines with file, line and column. */
  linesOf(issues: readonly Issue[]): readonly string[];
  /** What is in order and hardly meant, of includes and of what is disabled, likewise. */
  notes(): readonly string[];
  locations(): Locations;
  /** The files that were read, the main one first, with their texts. */
  readonly files: readonly SourceFileText[];
}

/** The problems of an invalid file, a line each, and its valid parts: to be examined, not to be run. */
export interface RejectedConfig {
  readonly problems: readonly string[];
  readonly validParts?:
    | { config(): Config; linesOf(issues: readonly Issue[]): readonly string[] }
    | undefined;
}

/**
 * Where in its file, as "file:line:column", each tunnel says its local address, and each pseudowire its
 * circuit.
 */
export type Locations = ReadonlyMap<NamedPart, string>;

/** A part of the configuration by its kind and name. */
type NamedPart = `tunnel ${string}` | `pseudowire ${string}`;

/**
 * Reads a configuration file with those that it includes: the configuration, or every problem as a line with
 * file, line and column. Throws SystemError for a file that cannot be read.
 */
export function loadConfig(file: string): LoadedConfig | RejectedConfig {
  return configOfText(textOf(file), file, includeReader);
}

/** The configuration of a text that was read from a file, as `loadConfig`; `files` reads what it includes. */
export function configOfText(
  text: string,
  file: string,
  files: IncludeReader,
): LoadedConfig | RejectedConfig {
  const parsed = parseConfig(text, file, { hostName: ownHostName(), files });
  if (parsed.config === undefined) {
    const { problems, validParts } = parsed;
    return {
      problems: problems.map(formatProblem),
      validParts: validParts && {
        config: () => validParts.config(),
        linesOf: (issues) => validParts.located(issues).map(formatProblem),
      },
    };
  }
  const { config, peers, located, locationsOf, files: read, notes } = parsed;
  return {
    config,
    peers,
    linesOf: (issues) => located(issues).map(formatProblem),
    notes: () => notes().map(formatProblem),
    files: read,
    locations: () => {
      const keys = keysOf(config);
      const locations = locationsOf(keys.map(([, path]) => path));
      return new Map(
        keys.flatMap(([part], index) => {
          const at = locations[index];
          return at === undefined ? [] : [[part, `${at.file}:${at.line}:${at.column}`] as const];
        }),
      );
    },
  };
}

/** The parts whose location is known, each with the path of its key. */
function keysOf({ tunnels }: Config): readonly (readonly [NamedPart, readonly string[]])[] {
  return tunnels.flatMap(({ name, pseudowires }) => [
    [`tunnel ${name}`, ["tunnels", name, "local"]] as const,
    ...pseudowires.map(({ name: pseudowire, circuit }) => {
      const path = ["tunnels", name, "pseudowires", pseudowire, "circuit", circuit.kind];
      return [`pseudowire ${pseudowire}`, path] as const;
    }),
  ]);
}

function textOf(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    const errno = errnoOf(error);
    const hint = hints[errno];
    throw new SystemError("read the configuration", {
      errno,
      target: file,
      cause: error,
      hint,
    });
  }
}

function ownHostName(): string {
  return attempt("read the host name", "this machine", hostname);
}
