#!/usr/bin/env node
import { fileURLToPath } from "node:url";

// A wish to reload that comes before the file was even read is fulfilled by reading it. Imports of ours that stand in this file would
// come before this line, and take most of a start.
if (process.argv[2] === "run") {
  process.on("SIGHUP", () => undefined);
  await narrowEarly(process.argv.slice(3));
}

try {
  await import("./command-line.ts");
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== "EMFILE") throw error;
  process.stderr.write("wirespan: start: EMFILE (too many open files); raise the limit: ulimit -n 1024\n");
  process.exitCode = 1;
}

/**
 * Gives up rights before all else is imported, for this process begins anew with that. Words that are not understood here, and what
 * fails here, are left to the command line, which does the same once more, and complains.
 */
async function narrowEarly(words: readonly string[]): Promise<void> {
  const at = words.findIndex((word) => word === "-c" || word === "--config");
  const file = at < 0 ? undefined : words[at + 1];
  if (file === undefined) return;
  try {
    const { narrowPrivileges } = await import("../os/privileges.ts");
    narrowPrivileges([file, fileURLToPath(import.meta.url)]);
  } catch {
    // Such as an add-on that is not there.
  }
}
