import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OperationalError } from "../bytes/errors.ts";
import { beginsLikeOption } from "./format/values.ts";
import { isRoot } from "./namespaces.ts";

const PROCESS = fileURLToPath(new URL("tcpdump-process.js", import.meta.url));

/**
 * The command that runs tcpdump in a lab. It stays root there, for in the user namespace of somebody who is
 * not root there is no other user that it could become; nor may it drop groups there.
 */
export function tcpdumpCommand(...words: readonly string[]): readonly string[] {
  const own = ["-Z", "root", ...words];
  return mayDropGroups() ? ["tcpdump", ...own] : [process.execPath, PROCESS, ...own];
}

/**
 * A filter as the last words of tcpdump: behind `--`, so that no word of it is taken for an option, such as
 * one that writes a file. Throws OperationalError for a filter that begins as an option does.
 */
export function filterWords(filter: string): readonly string[] {
  if (filter.trim() === "") return [];
  if (beginsLikeOption(filter))
    throw new OperationalError(
      `read the filter ${filter}: it begins with a dash, as no filter of tcpdump does`,
    );
  return ["--", filter];
}

/** Whether the lab may call setgroups(2): here, within its namespaces, or for a lab of this user. */
function mayDropGroups(): boolean {
  return isRoot && readFileSync("/proc/self/setgroups", "utf8").trim() !== "deny";
}
