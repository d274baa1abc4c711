import type { BrokenAddOn } from "../os/add-ons.ts";
import type { CheckRow, Found } from "./outcome.ts";

/** The check that comes before all others: without these packages no other module can be loaded. */

/** TABLE: the check of native add-ons. */
export const addOnChecks = {
  "add-ons": {
    group: "machine",
    looksAt: "the native add-ons of npm packages: koffi, netlink, raw-socket",
    why: "without them nothing runs, and nothing else can be looked at",
    remedy: "npm rebuild, where Wirespan is installed, with the Node that runs it",
    find: ({ machine: { brokenAddOns, node } }) => addOnFindings(brokenAddOns, node),
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

/** What is said of add-ons that do not load in a Node of this version. */
export function addOnFindings(broken: readonly BrokenAddOn[], node: string): readonly Found[] {
  return broken.map(({ name, reason }) => ({
    severity: "error",
    what: `the add-on of the package ${name} does not load in Node ${node}: ${reason}`,
    commands: [`npm rebuild ${name}`],
    advice: "where Wirespan is installed, with make, g++ and python3",
  }));
}
