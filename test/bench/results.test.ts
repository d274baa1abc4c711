import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BenchResults,
  figureOf,
  median,
  PLAIN,
  quantileOf,
  rotated,
  VXLAN,
} from "../../lab/bench/results.ts";
import { keysIn, markdownOf, markdownTable, terminalTable } from "../../lab/bench/tables.ts";
import { assertProperty } from "../support/seeds.ts";

const machine = {
  ...{ date: "2026-01-02", kernel: "6.12.1", processor: "Example 1", cores: 2, memoryGigabytes: 8 },
  ...{ node: "20.19.0", wirespan: "0.1.0" },
};

const results: BenchResults = {
  machine,
  repetitions: 3,
  seconds: 2,
  congestion: "cubic",
  candidates: [
    { name: PLAIN, values: { clean60: [500, 400, 600], tcp1: [20, 22, 18], rtt50: [9, 8, 10] } },
    { name: VXLAN, values: { clean60: [250], tcp1: [10] } },
    { name: "third", values: { clean60: [100, 300], tcp1: [5] } },
  ],
  skipped: [{ name: "fourth", reason: "first line\nlast line" }],
};

describe("the middle of values", () => {
  test.each([
    [[3], 3],
    [[1, 2], 1.5],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[], Number.NaN],
  ])("of %j is %d", (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  test("has as many values at or below it as at or above it, and leaves the values alone", () => {
    assertProperty(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const before = [...values];
        const middle = median(values);
        const below = values.filter((value) => value <= middle).length;
        const above = values.filter((value) => value >= middle).length;
        expect(values).toEqual(before);
        expect(Math.min(below, above) * 2).toBeGreaterThanOrEqual(values.length);
      }),
      { seed: 3931 },
    );
  });

  test("99 of 100 values are not above their quantile", () => {
    const values = Array.from({ length: 100 }, (_, index) => index);
    expect(quantileOf(values, 0.5)).toBe(50);
    expect(quantileOf(values, 0.99)).toBe(99);
    expect(quantileOf(values, 1)).toBe(99);
    expect(quantileOf([], 0.5)).toBe(Number.NaN);
  });
});

test("each round begins with another candidate, and every candidate is in every round", () => {
  const items = ["a", "b", "c"];
  const rounds = [0, 1, 2, 3].map((round) => rotated(items, round).join(""));
  expect(rounds).toEqual(["abc", "bca", "cab", "abc"]);
  expect(rotated([], 2)).toEqual([]);
});

describe("figures are relative to the baselines of the same run", () => {
  test("by their medians", () => {
    expect(figureOf(results, "third", "clean60")).toEqual({
      ...{ median: 200, least: 100, greatest: 300, timesPlain: 0.4, timesVxlan: 0.8 },
    });
  });

  test("what was not measured has none", () => {
    expect(figureOf(results, "third", "rtt50")).toBeUndefined();
    expect(figureOf(results, "unknown", "tcp1")).toBeUndefined();
    expect(figureOf(results, PLAIN, "rtt50")?.timesVxlan).toBe(Number.NaN);
  });
});

describe("tables", () => {
  test("Markdown has the machine, ratios, the rest with its spread, and what was left out", () => {
    expect(markdownOf(results).split("\n")).toEqual([
      "2026-01-02, Wirespan 0.1.0, Linux 6.12.1, Node 20.19.0, 2 × Example 1, 8 GB. " +
        "Medians of 3, 2 s a measurement, TCP by cubic; least and greatest in parentheses.",
      "",
      "| candidate | TCP, 1 flow, Gbit/s | × plain | × VXLAN | " +
        "60-octet frames at 1 % loss or less, thousand/s | × plain | × VXLAN |",
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
      "| plain bridge | 20.00 | 1.00 | 2.00 | 500 | 1.00 | 2.00 |",
      "| kernel VXLAN | 10.00 | 0.50 | 1.00 | 250 | 0.50 | 1.00 |",
      "| third | 5.00 | 0.25 | 0.50 | 200 | 0.40 | 0.80 |",
      "",
      "| candidate | round trip, median, us |",
      "| --- | ---: |",
      "| plain bridge | 9 (8 to 10) |",
      "| kernel VXLAN | - |",
      "| third | - |",
      "",
      "Left out: fourth (last line).",
    ]);
  });

  test("measures stand in the order of their table, whatever order they were taken in", () => {
    expect(keysIn(results)).toEqual(["tcp1", "clean60", "rtt50"]);
  });

  test("a terminal's table has only candidates that were measured", () => {
    const table = terminalTable(results, "rtt50");
    expect(table).toContain("8 to 10");
    expect(table).not.toContain("third");
  });

  test("a Markdown table has a line for each row", () => {
    expect(markdownTable(["a", "b"], [["1", "2"]])).toBe("| a | b |\n| --- | ---: |\n| 1 | 2 |");
  });
});
