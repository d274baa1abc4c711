import { spawn } from "node:child_process";

/** Commands in new namespaces, which end with this process. */

/** Without root, a user namespace gives the rights over the others. */
export const isRoot = process.getuid?.() === 0;

/** A command, run in network, mount and pid namespaces of its own. */
export function inNewNamespaces(command: readonly string[]): readonly string[] {
  const user = isRoot ? [] : ["--user", "--map-root-user"];
  const own = [...user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return ["unshare", ...own, ...command];
}

/**
 * The command, killed as soon as this process ends, however it does. An interrupt must end the new namespaces
 * too: unshare ignores signals while it waits, and the first process of a pid namespace those without a
 * handler.
 */
export function whileThisRuns(command: readonly string[]): readonly string[] {
  return ["setpriv", "--pdeathsig", "KILL", ...command];
}

/** Runs a command on this terminal; resolves to its exit code. */
export function onTerminal([file = "", ...args]: readonly string[]): Promise<number> {
  const child = spawn(file, args, { stdio: "inherit" });
  return new Promise((done, reject) => {
    child.on("error", (error) => reject(new Error(`start ${file}: ${error.message}; install util-linux`)));
    child.on("exit", (code) => done(code ?? 1));
  });
}
