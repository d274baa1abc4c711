import type { PlaneStack } from "../forwarding/stack.ts";
import type { Circuits } from "./circuits.ts";
import type { PseudowireIndex } from "./pseudowire-index.ts";
import type { SessionSources } from "./session-watch.ts";

/** What the watch of sessions asks, of those who know it. */
export function sessionSources(
  circuits: Circuits,
  plane: PlaneStack,
  pseudowires: PseudowireIndex,
): SessionSources {
  return {
    pseudowireOfSession: (localSessionId) => circuits.pseudowireOfSession(localSessionId),
    tunnelOf: (pseudowire) => pseudowires.find(pseudowire)?.tunnel,
    forwardedBy: (localSessionId) => plane.forwardedBy(localSessionId),
    channelStatus: (localSessionId) => circuits.channelStatus(localSessionId),
  };
}
