import { expect, test } from "vitest";
import { crossingMs } from "../../../src/lab/checks/crossing-time.ts";
import type { LinkStateReport } from "../../../src/lab/supervisor/api.ts";

type Conditions = Readonly<Record<string, string>>;

function link(out: Conditions, back: Conditions = {}): LinkStateReport {
  const side = (conditions: Conditions) => ({ conditions, realisedBy: [] });
  return { name: "a.wan", down: false, out: side(out), in: side(back) };
}

test("what must not arrive is waited for as long as it would take, by answers and by delays of links", () => {
  const cases: readonly (readonly [number, readonly LinkStateReport[], number])[] = [
    [20, [], 300],
    [75, [], 300],
    [500, [], 2000],
    [20, [link({})], 300],
    [20, [link({ loss: "1%" })], 1000],
    [20, [link({ rate: "1mbit" })], 1000],
    [20, [link({ delay: "50ms" })], 1200],
    [20, [link({ delay: "1s", jitter: "20ms" })], 1000 + 4 * 1020],
    [20, [link({ delay: "50ms" }, { delay: "70ms" }), link({}, { delay: "80ms" })], 1000 + 4 * 200],
    [600, [link({ delay: "50ms" }, { delay: "50ms" })], 2400 + 4 * 100],
  ];
  for (const [answeredMs, links, waitMs] of cases) expect(crossingMs(answeredMs, links)).toBe(waitMs);
});
