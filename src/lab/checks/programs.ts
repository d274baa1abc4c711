import { fileURLToPath } from "node:url";
import { inNode } from "../nodes.ts";

/** TABLE: programs of the lab's own that run in its nodes. */
const programs = {
  transfer: fileURLToPath(new URL("transfer.js", import.meta.url)),
} as const;

/** The command that runs one of the lab's own programs in a node. */
export function programIn(
  node: string,
  program: keyof typeof programs,
  ...words: readonly string[]
): readonly string[] {
  return inNode(node, process.execPath, programs[program], ...words);
}

/** Time that a program of ours may take to start on a busy machine. */
export const PROGRAM_START_MS = 20_000;
