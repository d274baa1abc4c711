import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { inNode, RUN } from "../../src/lab/nodes.ts";
import { until } from "../../src/lab/until.ts";
import type { Side } from "./test-bed.ts";

/** Starts a program in an LCCE; the caller ends it. */
export function startIn(side: Side, name: string, command: readonly string[]): ChildProcess {
  const log = openSync(logOf(side, name), "w");
  const [program = "", ...args] = inNode(`lcce-${side}`, ...command);
  const child = spawn(program, args, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

function logOf(side: Side, name: string): string {
  return `${RUN}/${name}-${side}.log`;
}

/** Output of a program in an LCCE. */
export function outputOf(side: Side, name: string): string {
  return readFileSync(logOf(side, name), "utf8");
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Waits until a condition holds; false when it does not in time, or a program ends before. */
export async function untilUp(
  children: readonly ChildProcess[],
  condition: () => Promise<boolean>,
  limitMs?: number,
): Promise<boolean> {
  let up = false;
  await until(async () => {
    up = await condition();
    return up || !children.every(isRunning);
  }, limitMs);
  return up;
}

/** Ends programs and waits until they are gone. */
export async function end(children: readonly ChildProcess[]): Promise<void> {
  const running = children.filter(isRunning);
  const ended = running.map((child) => new Promise((resolve) => child.on("exit", resolve)));
  for (const child of running) child.kill("SIGTERM");
  await Promise.all(ended);
}
