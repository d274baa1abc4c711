import { InvariantError } from "../bytes/errors.ts";
import { exitAtOnce } from "./libc.ts";

/**
 * Ends this process at once with an exit code (_exit(2)): nothing is flushed, nothing else runs, and signal
 * handlers stay until the end. process.exit() removes them first, so that a SIGHUP at that moment would
 * become the exit status.
 */
export function endProcess(code: number): never {
  exitAtOnce(code);
  throw new InvariantError("_exit returned");
}
