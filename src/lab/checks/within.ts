import { setTimeout as pause } from "node:timers/promises";
import type { Check } from "../format/check-keys.ts";
import { millisecondsOf } from "./quantities.ts";
import type { CheckOutcome } from "./result.ts";

/** TABLE: how long a check is tried by default, in milliseconds, by its kind; those not named: 10 s. */
const defaultsMs: Readonly<Record<string, number>> = {
  bulk: 30_000,
  failover: 30_000,
  // A command may change something, and is not to do so twice unless that is wanted.
  run: 0,
};
const USUAL_MS = 10_000;
const PAUSE_MS = 200;
/** Time for a check that is tried once. */
const ONCE_MS = 30_000;

/** How long a check may take before it has failed. */
export function limitOf(kind: string, within: string | undefined): number {
  return within === undefined ? (defaultsMs[kind] ?? USUAL_MS) : millisecondsOf(within);
}

/** How long checks are tried after the sessions have not come up. */
export const WITHOUT_SESSIONS_MS = 2000;

/** TABLE: kinds whose limit is for nothing but waiting until they pass. */
const waitingKinds: ReadonlySet<string> = new Set([
  ...["ping", "apart", "multicast", "tagged", "frames"],
  ...["status", "counter", "captured"],
]);

/** How long an answer is waited for before something is measured; less where not all sessions are up. */
export function reachLimitOf(limitMs: number, { hasSessions }: { readonly hasSessions: boolean }): number {
  return hasSessions ? limitMs : Math.min(limitMs, WITHOUT_SESSIONS_MS);
}

/** Why an answer was not waited for any longer, as the end of a sentence. */
export function whyNoLonger({ hasSessions }: { readonly hasSessions: boolean }): string {
  return hasSessions ? "" : "; not all sessions are up";
}

/** A check as it is made where the sessions have not come up: what it waits for hardly comes any more. */
export function withoutSessions(kind: string, check: Check): Check {
  const isLong = waitingKinds.has(kind) && limitOf(kind, check.within) > WITHOUT_SESSIONS_MS;
  return isLong ? { ...check, within: `${WITHOUT_SESSIONS_MS}ms` } : check;
}

/** How long a single try may take of a check with this limit: one of 0 is tried once, and has its time. */
export function tryLimitOf(limitMs: number): number {
  return limitMs === 0 ? ONCE_MS : limitMs;
}

/** One of several tries: what it found, and whether another one could find something else. */
export interface Try extends CheckOutcome {
  /** Another try cannot pass, such as of a counter that is too high already. */
  readonly isFinal?: boolean;
}

/**
 * Tries until one passes, or until the time is over, with a limit of 0 once; resolves to what the last one
 * found. `attempt` gets the time that is left.
 */
export async function tryWithin(
  limitMs: number,
  attempt: (leftMs: number) => Promise<Try>,
): Promise<CheckOutcome> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const { isFinal, ...outcome } = await attempt(
      limitMs === 0 ? ONCE_MS : Math.max(1, endMs - performance.now()),
    );
    if (outcome.passed || isFinal === true || performance.now() + PAUSE_MS > endMs) return outcome;
    await pause(PAUSE_MS);
  }
}
