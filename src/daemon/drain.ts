import { monotonicClock } from "../os/clock.ts";

/** Longest wait for peers to acknowledge our StopCCN. */
const DRAIN_MS = 1500;
const PAUSE_MS = 10;

/** Resolves once every peer has acknowledged our StopCCN, or after the longest wait. */
export async function waitUntilDrained(isDrained: () => boolean): Promise<void> {
  const endMs = monotonicClock.nowMs() + DRAIN_MS;
  while (!isDrained() && monotonicClock.nowMs() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
