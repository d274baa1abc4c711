import type { SessionCounters } from "../../plane.ts";

/** The sum of what two planes counted for a session; the id is the first one's. */
export function sumCounters(a: SessionCounters, b: SessionCounters): SessionCounters {
  const discards = { ...a.discards };
  for (const [reason, count] of Object.entries(b.discards) as [keyof typeof discards, number][])
    discards[reason] = (discards[reason] ?? 0) + count;
  return {
    localSessionId: a.localSessionId,
    receivedFrames: a.receivedFrames + b.receivedFrames,
    receivedOctets: a.receivedOctets + b.receivedOctets,
    transmittedFrames: a.transmittedFrames + b.transmittedFrames,
    transmittedOctets: a.transmittedOctets + b.transmittedOctets,
    discards,
  };
}
