import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { offices } from "./offices.ts";
import { readTopology } from "./topology.ts";

const INSIDE = "WIRESPAN_LAB_INSIDE";

/**
 * Builds a topology in namespaces of its own, shows that it works, and takes it down; resolves to an exit code. Everything is
 * made inside new network, mount and process namespaces (and a user namespace without root), so that whatever happens nothing
 * is left behind.
 */
export async function testTopology(name: string, print: (line: string) => void): Promise<number> {
  const topology = readTopology(name);
  if (process.env[INSIDE] !== undefined) return offices(topology, print);
  const isRoot = process.getuid?.() === 0;
  const own = [
    ...(isRoot ? [] : ["--user", "--map-root-user"]),
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  const main = fileURLToPath(new URL("../cli/main.js", import.meta.url));
  const child = spawn("unshare", [...own, process.execPath, main, "lab", "test", name], {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`start unshare: ${error.message}; install util-linux`)));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
