import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { effortOf, leastOf, sampled, scaled } from "./support/effort.ts";
import { assertProperty, forEachSeed, seedOr } from "./support/seeds.ts";

describe("TEST_EFFORT", () => {
  test.each([
    [undefined, 1],
    ["", 1],
    ["10", 10],
    ["0.5", 0.5],
  ])("%j is a factor of %d", (text, factor) => {
    expect(effortOf(text)).toBe(factor);
  });

  test("quick is less than all, and more than nothing", () => {
    expect(effortOf("quick")).toBeGreaterThan(0);
    expect(effortOf("quick")).toBeLessThan(1);
  });

  test.each(["0", "-1", "fast"])("%j is refused", (text) => {
    expect(() => effortOf(text)).toThrow(`TEST_EFFORT=${text}: wanted "quick" or a number above 0`);
  });
});

describe("cases at an effort", () => {
  test("are a share of all, never none, and more than all if that is wanted", () => {
    expect([0.001, 0.1, 1, 20].map((factor) => scaled(500, factor))).toEqual([1, 50, 500, 10_000]);
  });

  test("of which some are of a kind: not as many of few, where chance takes more", () => {
    expect([0.01, 0.1, 1, 2].map((factor) => leastOf(100, factor))).toEqual([0, 2, 100, 200]);
  });

  test("rows of a table are spread evenly over it", () => {
    const rows = Array.from({ length: 100 }, (_, index) => index);
    expect(sampled(rows, 0.1)).toEqual([5, 15, 25, 35, 45, 55, 65, 75, 85, 95]);
    expect(sampled(rows, 0.001)).toEqual([50]);
    expect(sampled(rows, 1)).toEqual(rows);
    expect(sampled(rows, 20)).toEqual(rows);
  });
});

describe("a failure names its seed", () => {
  test("in a loop over seeds", () => {
    const first = seedOr(0);
    const fails = () =>
      forEachSeed(1, (seed) => {
        throw new Error(`it is ${seed}`);
      });
    expect(fails).toThrow(`TEST_SEED=${first} begins with it: it is ${first}`);
  });

  test("in a property", () => {
    const fails = () =>
      assertProperty(
        fc.property(fc.integer(), () => false),
        { seed: 42, runs: 100 },
      );
    expect(fails).toThrow(`seed: ${seedOr(42)}`);
  });
});
