import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { RUN } from "../nodes.ts";
import type { ProgramSettings } from "./node-program.ts";

/**
 * The program of a node's key `run`: a script beside the topology file, or a command line for `sh`. Either
 * runs in the folder of the topology file.
 */
export function runProgram(node: string, text: string, folder: string): ProgramSettings {
  const script = resolve(folder, text);
  // What cannot be executed, such as a script without the right to, `sh` tells into the log.
  const command = existsSync(script) ? [script] : ["sh", "-c", text];
  return {
    node,
    name: "run",
    command,
    log: `${RUN}/${node}.log`,
    folder,
    mayEnd: true,
  };
}
