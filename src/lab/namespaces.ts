import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Commands in new namespaces, and in those of a lab that is up; all of them end with this process. */

const MAIN = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/** Without root, a user namespace gives the rights over the others. */
export const isRoot = process.getuid?.() === 0;

/** The command that runs a command of `wirespan`, of this package and by this Node. */
export function ownCommand(...words: readonly string[]): readonly string[] {
  return [process.execPath, MAIN, ...words];
}

/** A command, run in network, mount and pid namespaces of its own. */
export function inNewNamespaces(command: readonly string[]): readonly string[] {
  const user = isRoot ? [] : ["--user", "--map-root-user"];
  const own = [...user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return ["unshare", ...own, ...command];
}

/** A command, run in the namespaces of a process, with our working directory. */
export function inNamespacesOf(pid: number, command: readonly string[]): readonly string[] {
  const user = isRoot ? [] : ["--user", "--preserve-credentials"];
  const own = [...user, "--net", "--mount", "--pid", "--root"];
  const here = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", process.cwd()];
  // The command is a child of nsenter, which does not end it.
  const inside = whileThisRuns([...here, ...command]);
  return whileThisRuns(["nsenter", "--target", `${pid}`, ...own, "--", ...inside]);
}

/** The command, killed as soon as the process that starts it ends, however it does. */
export function whileThisRuns(command: readonly string[]): readonly string[] {
  return ["setpriv", "--pdeathsig", "KILL", ...command];
}

/** The descriptor of the pipe that `whileStarterWaits` looks at. */
export const WAITS_DESCRIPTOR = 3;

/**
 * The command, killed as soon as the pipe at WAITS_DESCRIPTOR breaks without having carried the line `word`:
 * so it may outlive the process that starts it, but only if that one says so. A shell watches the pipe, which
 * a command that is busy, or stopped, could not; it ends with the command.
 */
export function whileStarterWaits(word: string, command: readonly string[]): readonly string[] {
  const watch = 'read -r said; [ "$said" = "$2" ] || kill -KILL "$1"';
  const watching = whileThisRuns(["sh", "-c"]).join(" ");
  const script =
    `word=$1; shift; ${watching} "$0" sh $$ "$word" <&${WAITS_DESCRIPTOR} >/dev/null 2>&1 & ` +
    `exec "$@" ${WAITS_DESCRIPTOR}<&-`;
  return ["sh", "-c", script, watch, word, ...command];
}

/** Runs a command on this terminal, or with a pipe to it that breaks with us; resolves to its exit code. */
export function onTerminal(
  [file = "", ...args]: readonly string[],
  input: "inherit" | "pipe" = "inherit",
): Promise<number> {
  // An interrupt from the terminal is for the command; we end with it, and see how it ended.
  const wait = (): void => {};
  if (input === "inherit") process.on("SIGINT", wait);
  const child = spawn(file, args, { stdio: [input, "inherit", "inherit"] });
  return new Promise<number>((done, reject) => {
    child.on("error", (error) => reject(new Error(`start ${file}: ${error.message}; install util-linux`)));
    child.on("exit", (code) => done(code ?? 1));
  }).finally(() => process.off("SIGINT", wait));
}
