import { existsSync } from "node:fs";
import { join } from "node:path";
import { executeWithoutGroups } from "../os/group-calls.ts";

/** tcpdump in the user namespace of an ordinary user: node tcpdump-process.js WORDS... */

// Programs for administrators are found all the same.
const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
const path = folders.map((folder) => join(folder, "tcpdump")).find((file) => existsSync(file));
if (path === undefined) {
  process.stderr.write("tcpdump: not installed, or not in PATH\n");
  process.exitCode = 127;
} else {
  executeWithoutGroups(path, ["tcpdump", ...process.argv.slice(2)]);
}
