import fc from "fast-check";
import { scaled } from "./effort.ts";

/**
 * Seeds of random tests: each test has one of its own, so that every run is the same; TEST_SEED gives all of
 * them another. A failure names its seed.
 */
const given = process.env["TEST_SEED"];

/** The seed of a test, or that of TEST_SEED. */
export function seedOr(own: number): number {
  if (given === undefined || given === "") return own;
  const seed = Number(given);
  if (Number.isSafeInteger(seed)) return seed;
  throw new Error(`TEST_SEED=${given}: wanted an integer`);
}

/** So many seeds, scaled by the effort, from 0 or TEST_SEED on. */
export function seeds(count: number): readonly number[] {
  const first = seedOr(0);
  return Array.from({ length: scaled(count) }, (_, index) => first + index);
}

/** Runs a test for so many seeds, scaled by the effort; an error begins with the seed that it came with. */
export function forEachSeed(count: number, run: (seed: number) => void): void {
  for (const seed of seeds(count)) {
    try {
      run(seed);
    } catch (error) {
      if (error instanceof Error) error.message = `TEST_SEED=${seed} begins with it: ${error.message}`;
      throw error;
    }
  }
}

export interface Cases {
  readonly seed: number;
  /** How many cases at an effort of 1. */
  readonly runs?: number;
}

function parametersOf({ seed, runs = 100 }: Cases) {
  return { seed: seedOr(seed), numRuns: scaled(runs) };
}

/** Asserts that a property holds for so many cases; fast-check's error names the seed, for TEST_SEED. */
export function assertProperty<T>(property: fc.IProperty<T>, cases: Cases): void {
  fc.assert(property, parametersOf(cases));
}

/** As `assertProperty`, for a property that waits. */
export function assertAsyncProperty<T>(property: fc.IAsyncProperty<T>, cases: Cases): Promise<void> {
  return fc.assert(property, parametersOf(cases));
}

/** One value of a kind, always the same. */
export function exampleOf<T>(values: fc.Arbitrary<T>): T {
  const [value] = fc.sample(values, { numRuns: 1, seed: 1 });
  return value as T;
}
