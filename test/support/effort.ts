/** How much of the tests with many cases runs: TEST_EFFORT is read here, and nowhere else. */

/** The factor of TEST_EFFORT=quick. */
const QUICK = 0.04;

/**
 * Reads TEST_EFFORT: 1 where it is not set, so that all runs. Throws for what is neither "quick" nor above 0.
 */
export function effortOf(text: string | undefined): number {
  if (text === undefined || text === "") return 1;
  const factor = text === "quick" ? QUICK : Number(text);
  if (factor > 0) return factor;
  throw new Error(`TEST_EFFORT=${text}: wanted "quick" or a number above 0`);
}

/** The factor of this run; 1 is what CI and `npm test` take. */
export const effort = effortOf(process.env["TEST_EFFORT"]);

/** How many of so many cases run, at least one. */
export function scaled(count: number, factor = effort): number {
  return Math.max(1, Math.round(count * factor));
}

/**
 * How many cases of a kind are wanted, at least, of a run that has so many at 1; of few cases, chance takes
 * more.
 */
export function leastOf(count: number, factor = effort): number {
  return factor < 1 ? Math.floor((count * factor) / 4) : scaled(count, factor);
}

/**
 * The rows of a table that run: all from a factor of 1 on, below it some of them, evenly spread, at least
 * one.
 */
export function sampled<T>(rows: readonly T[], factor = effort): readonly T[] {
  const count = scaled(rows.length, Math.min(1, factor));
  return Array.from(
    { length: count },
    (_, index) => rows[Math.floor(((index + 0.5) * rows.length) / count)] as T,
  );
}
