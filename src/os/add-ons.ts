import { createRequire } from "node:module";
import { messageOf } from "../bytes/errors.ts";
import { UnsupportedError } from "./errors.ts";

/**
 * npm packages with a native add-on that the daemon cannot run without. `pcap` is not among them: only
 * reading captures needs it.
 */
const packages = ["koffi", "netlink", "raw-socket"] as const;

/** An add-on that cannot be loaded: its package, and why. */
export interface BrokenAddOn {
  readonly name: string;
  readonly reason: string;
}

/** Loads the native add-ons that the daemon needs; those that cannot be. */
export function brokenAddOns(): readonly BrokenAddOn[] {
  const require = createRequire(import.meta.url);
  return packages.flatMap((name) => {
    try {
      require(name);
      return [];
    } catch (error) {
      return { name, reason: messageOf(error).split("\n")[0] ?? "" };
    }
  });
}

/**
 * Loads the native add-ons that the daemon needs, before any module imports them: an import that fails would
 * end the process with a stack trace. Throws UnsupportedError with the command that builds the missing one.
 */
export function checkAddOns(): void {
  const [broken] = brokenAddOns();
  if (broken === undefined) return;
  const { name, reason } = broken;
  throw new UnsupportedError(
    `the package ${name}`,
    `its add-on built for this Node (${process.version}): packages of Wirespan have those for Node 20, ` +
      `22 and 24; in a clone: npm rebuild ${name}, with make, g++ and python3 (${reason})`,
  );
}
