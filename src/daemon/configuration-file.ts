import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import { formatProblem, parseConfig } from "../config/parse.ts";
import { SystemError } from "../os/errors.ts";

/** What to do about a file that cannot be read, by the name of an errno. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; a first one is in examples/minimal.yaml",
  EACCES: "this user may not read it",
  EISDIR: "name the file in this directory",
};

/**
 * Reads a configuration file: the configuration, or every problem of it as a line with file, line and column. Throws SystemError
 * for a file that cannot be read.
 */
export function loadConfig(
  file: string,
): { readonly config: Config } | { readonly problems: readonly string[] } {
  const { config, problems } = parseConfig(textOf(file), file, { hostName: hostname() });
  return config === undefined ? { problems: problems.map(formatProblem) } : { config };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? "EIO";
    const hint = hints[errno];
    throw new SystemError("read the configuration", {
      errno,
      target: file,
      cause: error,
      hint,
    });
  }
}
