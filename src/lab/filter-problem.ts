import { spawnSync } from "node:child_process";
import { extendPath } from "./requirements.ts";

/** Filters in the words of tcpdump, judged before a lab is built. */

/** A name in a filter may be asked of a server that does not answer. */
const TIMEOUT_MS = 2000;

/** What is wrong with the syntax of a filter; undefined too where no tcpdump is installed to tell. */
export function filterProblem(filter: string): string | undefined {
  extendPath();
  const { stderr } = spawnSync("tcpdump", ["-y", "EN10MB", "-d", filter], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  const said = /^tcpdump: (can't parse filter expression: )?(syntax error.*)$/m.exec(stderr ?? "");
  return said === null ? undefined : `tcpdump takes no such filter: ${said[2]}`;
}
