import koffi from "koffi";

const end = koffi.load("libc.so.6").func("void _exit(int status)");

/**
 * Ends this process at once with an exit code (_exit(2)): nothing is flushed, nothing else runs, and signal
 * handlers stay until the end. process.exit() removes them first, so that a SIGHUP at that moment would
 * become the exit status.
 */
export function endProcess(code: number): never {
  end(code);
  throw new Error("_exit returned");
}
