import type { Clock } from "../ports.ts";

/** Milliseconds since the process began; never goes back. */
export const monotonicClock: Clock = { nowMs: () => performance.now() };
