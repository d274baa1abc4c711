/** What one test came to, and in which file of which project of `vitest.config.ts`. */
export interface TestOutcome {
  readonly file: string;
  readonly project: string;
  readonly name: string;
  readonly state: string;
  /** It failed, was tried once more, and passed. */
  readonly triedTwice: boolean;
}

/** Counts of tests. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What a run of tests came to, as `TEST_RESULT` gets it. */
export interface RunResult extends Counts {
  readonly skippedNames: readonly string[];
  /**
   * The files that failed, if each of them takes the machine's network or a guest, with the counts of the run
   * without them; otherwise undefined: tests that need only the language fail for no other reason than the
   * code.
   */
  readonly again: { readonly files: readonly string[]; readonly others: Counts } | undefined;
}

/** Above this many files the machine was not merely busy. */
const mostFilesAgain = 8;
const projectsAgain: readonly string[] = ["system", "guest"];

/** `broken`: files that failed outside of tests; each counts as one failure. `errors`: of no file. */
export function summarize(
  outcomes: readonly TestOutcome[],
  broken: readonly { readonly file: string; readonly project: string }[],
  errors: number,
): RunResult {
  const failed = [...outcomes.filter(({ state }) => state === "failed"), ...broken];
  const files = [...new Set(failed.map(({ file }) => file))];
  const others = countOf(outcomes.filter(({ file }) => !files.includes(file)));
  const mayAgain =
    errors === 0 &&
    files.length > 0 &&
    files.length <= mostFilesAgain &&
    failed.every(({ project }) => projectsAgain.includes(project));
  const counts = countOf(outcomes);
  return {
    ...counts,
    failed: counts.failed + broken.length + errors,
    skippedNames: outcomes.filter(({ state }) => state === "skipped").map(({ name }) => name),
    again: mayAgain ? { files, others } : undefined,
  };
}

function countOf(outcomes: readonly TestOutcome[]): Counts {
  const count = (state: string) => outcomes.filter((outcome) => outcome.state === state).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}
