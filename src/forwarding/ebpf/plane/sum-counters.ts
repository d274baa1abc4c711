import type { SessionCounters } from "../../plane.ts";

/** What a session has counted, of which a part is counted in one place and a part in another; the id is the first one's. */
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
