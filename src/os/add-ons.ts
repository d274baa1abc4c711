import { createRequire } from "node:module";
import { messageOf } from "../bytes/errors.ts";
import { UnsupportedError } from "./errors.ts";

/** Packages with an add-on of Node, without which the daemon cannot run. */
const packages = ["koffi", "netlink", "raw-socket"] as const;

/**
 * Loads the add-ons of Node that the daemon needs, before anything imports them: what fails in an import of a package ends the
 * process with a stack trace. Throws UnsupportedError, with the command that builds what is missing.
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
        `its add-on built for this Node (${process.version}): npm rebuild ${name}, where Wirespan is installed, with make, g++ ` +
          `and python3 (${reason})`,
      );
    }
  }
}
