import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import type { Issue } from "../config/issues.ts";
import { formatProblem, parseConfig } from "../config/parse.ts";
import { attempt, errnoOf, SystemError } from "../os/errors.ts";
import { readText } from "../os/files.ts";

/** What to do about a file that cannot be read, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; examples/minimal.yaml is one to begin with",
  EACCES: "this user may not read it",
  EISDIR: "this is a directory; give the path of a file",
};

/** A valid configuration, with the means to find the location of its keys. */
interface LoadedConfig {
  readonly config: Config;
  /** Issues with its keys as lines with file, line and column. */
  linesOf(issues: readonly Issue[]): readonly string[];
  locations(): Locations;
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
 * Reads a configuration file: the configuration, or every problem of it as a line with file, line and column.
 * Throws SystemError for a file that cannot be read.
 */
export function loadConfig(file: string): LoadedConfig | RejectedConfig {
  const parsed = parseConfig(textOf(file), file, { hostName: ownHostName() });
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
  const { config, located, locationsOf } = parsed;
  return {
    config,
    linesOf: (issues) => located(issues).map(formatProblem),
    locations: () => {
      const keys = keysOf(config);
      const locations = locationsOf(keys.map(([, path]) => path));
      return new Map(
        keys.map(([part], index) => [part, `${file}:${locations[index]?.line}:${locations[index]?.column}`]),
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
