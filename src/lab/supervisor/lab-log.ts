import { appendFileSync } from "node:fs";
import { LAB_LOG } from "../nodes.ts";
import type { NodeProgram } from "../programs/node-program.ts";

/** Writes a line, like those of daemons, into the lab's own log. */
export function labLog(level: "info" | "error", text: string, node?: string): void {
  appendFileSync(LAB_LOG, `${JSON.stringify({ time: new Date().toISOString(), level, text, node })}\n`);
}

/** Tells the log of a program that was started or has ended. */
export function logProgram(program: NodeProgram): void {
  const { node, name, state, pid, ending, hasFailed } = program;
  if (state === "running") labLog("info", `${name} of node ${node}: started, pid ${pid}`, node);
  else if (state === "stopped") labLog("info", `${name} of node ${node}: stopped`, node);
  else labLog(hasFailed ? "error" : "info", `${name} of node ${node}: ${ending}`, node);
}
