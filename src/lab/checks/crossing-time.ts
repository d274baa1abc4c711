import type { LinkStateReport } from "../supervisor/api.ts";
import { millisecondsOf } from "./quantities.ts";

/** How long something is waited for that must not arrive: as long as it would take if it did. */

const LEAST_MS = 300;
/** With conditions on links, of which rates and queues hold frames up in ways that nobody foresees. */
const LEAST_WITH_CONDITIONS_MS = 1000;
/** As many times as long as what did arrive took. */
const TIMES = 4;
/** Most times that a frame passes a link: there, and back as an answer, with the question for its address. */
const PASSES = 4;

/**
 * Time in which a frame or a ping's answer would have come, from how long the answer to another ping took,
 * its start included, and from all delays that there are on links.
 */
export function crossingMs(answeredMs: number, links: readonly LinkStateReport[]): number {
  const sides = links.flatMap((link) => [link.out.conditions, link.in.conditions]);
  const hasConditions = sides.some((conditions) => Object.keys(conditions).length > 0);
  const delayOf = (conditions: Readonly<Record<string, string>>): number =>
    millisecondsOf(conditions["delay"] ?? "0ms") + millisecondsOf(conditions["jitter"] ?? "0ms");
  const delayMs = sides.reduce((sum, conditions) => sum + delayOf(conditions), 0);
  const leastMs = hasConditions ? LEAST_WITH_CONDITIONS_MS : LEAST_MS;
  return Math.max(leastMs, answeredMs * TIMES) + delayMs * PASSES;
}
