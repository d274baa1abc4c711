import type { Lcce } from "../control/lcce.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import { monotonicClock } from "../os/clock.ts";
import type { Circuits } from "./circuits.ts";
import type { MetricsSources } from "./metrics-subjects.ts";
import type { UpDownLog } from "./up-down-log.ts";

/** The parts of a daemon that metrics are read from, beside what the status report is made of too. */
interface LiveParts {
  readonly lcce: Lcce;
  readonly plane: PlaneStack;
  readonly circuits: Circuits;
  readonly upDowns: UpDownLog;
}

type LiveSource = "overview" | "plane" | "history" | "isCircuitUp" | "pseudowireOfSession" | "planeOf";

/** What metrics ask of these parts, by the name of each tunnel, pseudowire and session. */
export function liveSources(parts: LiveParts): Pick<MetricsSources, LiveSource> {
  const { lcce, plane, circuits, upDowns } = parts;
  return {
    overview: lcce.overview(monotonicClock.nowMs()),
    plane: plane.name,
    history: (kind, name) => upDowns.history(kind, name),
    isCircuitUp: (pseudowire) => circuits.isUp(pseudowire),
    pseudowireOfSession: (localSessionId) => circuits.pseudowireOfSession(localSessionId),
    planeOf: (localSessionId) => plane.planeOf(localSessionId),
  };
}
