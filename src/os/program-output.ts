import { execFile } from "node:child_process";
import { SystemError } from "./errors.ts";

/** Output of programs of this machine that look at what no system call of ours reads, such as nft. */

/** Longer output is refused. */
const MOST_OCTETS = 32 * 1024 * 1024;
const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "it is not installed, or not in PATH",
  ETIMEDOUT: "it took too long and was ended",
  ENOBUFS: "it printed more than is looked at",
};
/** Where programs of an administrator are, which the PATH of other users lacks. */
const ADMINISTRATOR = "/usr/sbin:/sbin:/usr/local/sbin";

/**
 * What a program prints, run without a shell and ended after `limitMs`. Rejects with SystemError: ENOENT
 * where there is no such program, ETIMEDOUT, and EIO with its own words where its exit status is none of
 * `accept`.
 */
export function programOutput(
  [program = "", ...words]: readonly string[],
  limitMs: number,
  accept: readonly number[] = [0],
): Promise<string> {
  const operation = `run ${program}`;
  const options = {
    timeout: limitMs,
    killSignal: "SIGKILL",
    maxBuffer: MOST_OCTETS,
    env: { ...process.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? "/usr/bin:/bin"}:${ADMINISTRATOR}` },
  } as const;
  return new Promise((resolve, reject) => {
    execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const { code, killed } = error as { readonly code?: unknown; readonly killed?: boolean };
      if (typeof code === "number" && accept.includes(code)) return resolve(stdout);
      const [said = ""] = stderr.trim().split("\n");
      const errno = errnoOfProgram(code, killed === true);
      const target = [program, ...words].join(" ");
      reject(new SystemError(operation, { errno, target, hint: HINTS[errno] ?? said, cause: error }));
    });
  });
}

function errnoOfProgram(code: unknown, wasKilled: boolean): string {
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return "ENOBUFS";
  if (typeof code === "string") return code;
  return wasKilled ? "ETIMEDOUT" : "EIO";
}
