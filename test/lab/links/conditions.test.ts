import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  changedConditions,
  conditionProblems,
  conditionsText,
  conditionTexts,
  type LinkConditions,
  linkConditionsSchema,
  linkKeys,
} from "../../../src/lab/links/conditions.ts";

/** The conditions that a mapping means, or what is wrong with it. */
function read(values: unknown): LinkConditions | readonly string[] {
  const parsed = linkConditionsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("each key has an example that is read and written back", () => {
  for (const { key, example, schema, toText } of linkKeys)
    expect(toText(schema.parse(example)), key).toBe(example);
});

test("each field has one key", () => {
  const fields = linkKeys.map(({ field }) => field);
  expect(new Set(fields).size).toBe(fields.length);
});

test.each<[Record<string, unknown>, LinkConditions]>([
  [{}, {}],
  [{ delay: "50ms" }, { delayMs: 50 }],
  [{ delay: "1.5s" }, { delayMs: 1500 }],
  [{ delay: "250us" }, { delayMs: 0.25 }],
  [
    { delay: "50 ms", jitter: "5MS" },
    { delayMs: 50, jitterMs: 5 },
  ],
  [{ loss: "1%" }, { lossPercent: 1 }],
  [{ loss: "0.05 %" }, { lossPercent: 0.05 }],
  [
    { loss: "100%", duplicate: "2%" },
    { lossPercent: 100, duplicatePercent: 2 },
  ],
  [{ rate: "10mbit" }, { rateBitsPerSecond: 10e6 }],
  [
    { rate: "64kbit", queue: 50 },
    { rateBitsPerSecond: 64e3, queuePackets: 50 },
  ],
  [
    { rate: "1gbit", queue: "50" },
    { rateBitsPerSecond: 1e9, queuePackets: 50 },
  ],
  [{ rate: "2.5Gbit" }, { rateBitsPerSecond: 2.5e9 }],
  [{ delay: "0ms", loss: "0%", rate: "0bit" }, {}],
])("%j is read", (values, conditions) => {
  expect(read(values)).toEqual(conditions);
});

test.each<[Record<string, unknown>, string]>([
  [{ delay: 50 }, "delay: 50 has no unit: write 50ms or 50s"],
  [{ delay: "50" }, "delay: 50 has no unit: write 50ms or 50s"],
  [{ delay: "fast" }, "delay: wanted a time with its unit (us, ms or s), such as 50ms or 1.5s"],
  [{ delay: "-5ms" }, "delay: wanted a time with its unit (us, ms or s), such as 50ms or 1.5s"],
  [{ delay: "2h" }, "delay: wanted a time with its unit (us, ms or s), such as 50ms or 1.5s"],
  [{ delay: "90s" }, "delay: at most 60s"],
  [{ delay: null }, "delay: wanted a time with its unit (us, ms or s), such as 50ms or 1.5s"],
  [{ loss: 1 }, "loss: 1 has no percent sign: write 1%"],
  [{ loss: "0.5" }, "loss: 0.5 has no percent sign: write 0.5%"],
  [
    { loss: "101%" },
    "loss: wanted a share of the frames with its percent sign, from 0% to 100%, such as 1% or 0.5%",
  ],
  [{ rate: 10 }, "rate: 10 has no unit: write 10mbit, 10kbit or 10bit"],
  [
    { rate: "10mbps" },
    "rate: wanted bits per second with their unit (bit, kbit, mbit or gbit), such as 64kbit or 10mbit",
  ],
  [{ rate: "1mbit", queue: 0 }, "queue: from 1 to 1000000 packets"],
  [{ rate: "1mbit", queue: "50 packets" }, "queue: wanted a number of packets, such as 50"],
  [
    { jitter: "5ms" },
    "jitter: a jitter of 5ms is more than the delay of 0ms: make the delay at least as long",
  ],
  [
    { delay: "1ms", jitter: "5ms" },
    "jitter: a jitter of 5ms is more than the delay of 1ms: make the delay at least as long",
  ],
  [
    { reorder: "5%" },
    "reorder: frames can overtake only those that are delayed: add a delay, such as delay: 10ms",
  ],
  [{ queue: 5 }, "queue: frames wait only for a rate: add one, such as rate: 10mbit"],
  [{ lost: "5%" }, ': Unrecognized key: "lost"'],
])("%j is refused", (values, message) => {
  expect(read(values)).toEqual([message]);
});

test("conditions are written as they are read", () => {
  const conditions: LinkConditions = {
    delayMs: 0.25,
    jitterMs: 0.1,
    lossPercent: 0.05,
    duplicatePercent: 3,
    reorderPercent: 100,
    rateBitsPerSecond: 1_544_000,
    queuePackets: 7,
  };
  expect(read(conditionTexts(conditions))).toEqual(conditions);
  expect(conditionsText({ delayMs: 1500, lossPercent: 1 })).toBe("delay 1.5s, loss 1%");
  expect(conditionsText({ lossPercent: 0 })).toBe("no conditions");
});

describe("a change", () => {
  const before = { delayMs: 50, jitterMs: 5, lossPercent: 1 };
  test.each<[LinkConditions, LinkConditions]>([
    [{}, before],
    [{ delayMs: 70 }, { ...before, delayMs: 70 }],
    [{ lossPercent: 0 }, { delayMs: 50, jitterMs: 5 }],
    [
      { delayMs: undefined, jitterMs: 0 },
      { delayMs: 50, lossPercent: 1 },
    ],
  ])("%j", (change, after) => {
    expect(changedConditions(before, change)).toEqual(after);
  });

  test("may contradict what stays", () => {
    const [problem] = conditionProblems(changedConditions(before, { delayMs: 0 }));
    expect(problem?.key).toBe("jitter");
  });
});

test("editors get a pattern of each text", () => {
  const { properties } = z.toJSONSchema(linkConditionsSchema, { io: "input" });
  for (const { key } of linkKeys.filter(({ key }) => key !== "queue"))
    expect(properties?.[key], key).toMatchObject({ type: "string", pattern: expect.any(String) });
});

test.each([
  [1, true],
  [7999, true],
  [8000, false],
  [0, false],
])("a rate of %d bit/s is refused: %s", (rateBitsPerSecond, isRefused) => {
  expect(conditionProblems({ rateBitsPerSecond }).map(({ key }) => key)).toEqual(isRefused ? ["rate"] : []);
});
