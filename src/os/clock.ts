import type { Clock } from "../environment.ts";

/** Milliseconds since the process began; never goes back. */
export const monotonicClock: Clock = { nowMs: () => performance.now() };
