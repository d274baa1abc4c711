import { release } from "node:os";
import { attempt } from "./errors.ts";

/** The release of the kernel, such as "6.1.0-18-amd64". Throws SystemError. */
export function kernelRelease(): string {
  return attempt("read the release of the kernel", "this machine", release);
}

/** Whether this process runs as root. */
export function runsAsRoot(): boolean {
  return process.geteuid?.() === 0;
}
