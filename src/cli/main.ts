#!/usr/bin/env node

// A wish to reload that comes before the file was even read is fulfilled by reading it. Imports that stand in this file would
// come before this line, and take most of a start.
if (process.argv[2] === "run") process.on("SIGHUP", () => undefined);

await import("./command-line.ts");
