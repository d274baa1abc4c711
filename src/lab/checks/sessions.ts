import { shellLine } from "../../bytes/shell-words.ts";
import { type Topology, wirespansOf } from "../format/topology.ts";
import type { SessionsResult } from "../sessions.ts";
import { timeText } from "./quantities.ts";
import type { CheckResult } from "./result.ts";
import type { CheckListener } from "./run-checks.ts";
import { WITHOUT_SESSIONS_MS } from "./within.ts";

/** A lab whose sessions are waited for. */
interface Starting {
  readonly topology: Topology;
  sessionsUp(): Promise<SessionsResult>;
}

/** What the check of the sessions shows, as a sentence. */
export function sessionsTitle(topology: Topology): string {
  return `${wirespansOf(topology).length} daemons have all their sessions`;
}

/** Waits for the sessions of all daemons, which every lab must have. */
export async function sessionsResult(
  { topology, sessionsUp }: Starting,
  listener: CheckListener,
): Promise<CheckResult> {
  const daemons = wirespansOf(topology);
  const title = sessionsTitle(topology);
  listener.began(0, title);
  const startMs = performance.now();
  const { isUp: passed, problems } = await sessionsUp();
  const durationMs = Math.round(performance.now() - startMs);
  const result: CheckResult = {
    number: 0,
    kind: "sessions",
    title,
    passed,
    expected: "every pseudowire is established, and its circuits are up at both ends",
    seen: passed
      ? `all are up after ${timeText(durationMs)}`
      : `${problems.length} are not up; checks below wait for no more than ${timeText(WITHOUT_SESSIONS_MS)}`,
    difference: passed ? undefined : problems.join("\n"),
    command: shellLine([
      "wirespan",
      "lab",
      "exec",
      topology.name,
      daemons[0]?.name ?? "",
      "wirespan",
      "status",
    ]),
    durationMs,
  };
  listener.ended(result);
  return result;
}
