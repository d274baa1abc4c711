#!/usr/bin/env node
import { fileURLToPath } from "node:url";

// A SIGHUP before the file was read is satisfied by reading it. Static imports of our own code would run
// before this line, and take most of the start.
if (process.argv[2] === "run") {
  process.on("SIGHUP", () => undefined);
  await narrowEarly(process.argv.slice(3));
}

try {
  await import("./command-line.ts");
} catch (error) {
  const { code, errno } = error as { readonly code?: unknown; readonly errno?: unknown };
  // Of Node's loader, or SystemError.
  if (code !== "EMFILE" && errno !== "EMFILE") throw error;
  process.stderr.write("wirespan: start: EMFILE (too many open files); raise the limit: ulimit -n 1024\n");
  process.exitCode = 1;
}

/**
 * Drops privileges before all else is imported, because that executes the program again. Arguments that are
 * not understood here, and failures, are left to the command line, which does the same once more and reports
 * them.
 */
async function narrowEarly(words: readonly string[]): Promise<void> {
  try {
    const { CONFIGURATION_FILE } = await import("./default-file.ts");
    const at = words.findIndex((word) => word === "-c" || word === "--config");
    const file = at < 0 ? CONFIGURATION_FILE : words[at + 1];
    if (file === undefined) return;
    const { narrowPrivileges } = await import("../os/privileges.ts");
    narrowPrivileges([file, fileURLToPath(import.meta.url)]);
  } catch {
    // Such as an add-on that is not there.
  }
}
