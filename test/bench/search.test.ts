import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { highestCleanRate, isClean, type Sent } from "../../lab/bench/search.ts";
import { assertAsyncProperty } from "../support/seeds.ts";

const SECONDS = 0.5;

/** A tunnel that loses all above its capacity, which may be less when it is flooded. */
function tunnel(capacity: number, flooded = capacity) {
  const rates: number[] = [];
  const at = (rate: number, limit: number): Sent => {
    return { sent: rate * SECONDS, arrived: Math.min(rate, limit) * SECONDS };
  };
  return {
    rates,
    flood: (rate: number) => at(rate, flooded),
    send: (rate: number) => {
      rates.push(rate);
      return Promise.resolve(at(rate, capacity));
    },
  };
}

describe("the highest rate at which hardly anything is lost", () => {
  test("is the flood's own where that loses nothing", async () => {
    const { flood, send, rates } = tunnel(2_000_000);
    expect(await highestCleanRate(flood(1_000_000), SECONDS, 5, send)).toBe(1_000_000);
    expect(rates).toEqual([]);
  });

  test("is found between what a flood delivers and what is sent", async () => {
    const { flood, send, rates } = tunnel(400_000, 100_000);
    const found = await highestCleanRate(flood(1_000_000), SECONDS, 8, send);
    expect(found).toBeGreaterThan(390_000);
    expect(found).toBeLessThanOrEqual(404_000);
    expect(rates[0]).toBe(100_000);
    expect(rates).toHaveLength(8);
  });

  test("is 0 where everything is lost", async () => {
    const { flood, send } = tunnel(0);
    expect(await highestCleanRate(flood(1_000_000), SECONDS, 5, send)).toBe(0);
  });

  test("halves down from a flood that promised too much", async () => {
    const { flood, send } = tunnel(50_000, 200_000);
    const found = await highestCleanRate(flood(1_000_000), SECONDS, 8, send);
    expect(found).toBeGreaterThan(45_000);
    expect(found).toBeLessThanOrEqual(50_500);
  });

  test("is never more than the tunnel bears, and close to it after some steps", async () => {
    await assertAsyncProperty(
      fc.asyncProperty(fc.integer({ min: 20_000, max: 900_000 }), async (capacity) => {
        const { flood, send } = tunnel(capacity);
        const found = await highestCleanRate(flood(1_000_000), SECONDS, 8, send);
        expect(found).toBeLessThanOrEqual(capacity * 1.0102);
        expect(found).toBeGreaterThan(capacity * 0.95);
      }),
      { seed: 3931 },
    );
  });
});

test.each([
  [{ sent: 100, arrived: 99 }, true],
  [{ sent: 100, arrived: 98 }, false],
  [{ sent: 0, arrived: 0 }, false],
])("of %j: %s", (sent, clean) => {
  expect(isClean(sent)).toBe(clean);
});
