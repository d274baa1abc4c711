import { createRequire } from "node:module";
import { messageOf } from "../bytes/errors.ts";
import { UnsupportedError } from "./errors.ts";

/**
 * npm packages with a native add-on that the daemon cannot run without. `pcap` is not among them: only
 * reading captures needs it.
 */
const packages = ["koffi", "netlink", "raw-socket"] as const;

/**
 * Loads the native add-ons that the daemon needs, before any module imports them: an import that fails would
 * end the process with a stack trace. Throws UnsupportedError with the command that builds the missing one.
 */
export function checkAddOns(): void {
  const require = createRequire(import.meta.url);
  for (const name of packages) {
    try {
      require(name);
    } catch (error) {
      const [reason] = messageOf(error).split("\n");
      throw new UnsupportedError(
        `the package ${name}`,
        `its add-on built for this Node (${process.version}): npm rebuild ${name}, ` +
          `where Wirespan is installed, with make, g++ and python3 (${reason})`,
      );
    }
  }
}
