import { setTimeout as pause } from "node:timers/promises";

/** Longest wait for something to come up. */
const UP_MS = 60_000;

/** Polls until a condition holds; false when the time is over. */
export async function until(condition: () => Promise<boolean>, limitMs = UP_MS): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) return false;
    await pause(50);
  }
  return true;
}
