import type { PlaneCounters, SessionCounters } from "../forwarding/plane.ts";

/** Counters of sessions, by what the sessions are of. */

/** Sessions that are looked at before others have their turn. */
const A_SLICE = 1000;

/** What counters of pseudowires are found by. */
export interface CountersSources {
  readonly counters: PlaneCounters;
  pseudowireOfSession(localSessionId: number): string | undefined;
}

/** The counters of each pseudowire that has a session; after each thousand others have their turn. */
export async function countersByPseudowire(
  sources: CountersSources,
): Promise<ReadonlyMap<string, SessionCounters>> {
  const found = new Map<string, SessionCounters>();
  for (const [index, session] of sources.counters.sessions.entries()) {
    const name = sources.pseudowireOfSession(session.localSessionId);
    if (name !== undefined) found.set(name, session);
    if (index % A_SLICE === A_SLICE - 1) await new Promise(setImmediate);
  }
  return found;
}
