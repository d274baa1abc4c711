import { describe, expect, test } from "vitest";
import { summarize, type TestOutcome } from "./support/run-result.ts";

const outcome = (file: string, project: string, state: string): TestOutcome => ({
  file,
  project,
  name: `${file} > it ${state}`,
  state,
  triedTwice: false,
});
const good = [
  outcome("a", "pure", "passed"),
  outcome("b", "system", "passed"),
  outcome("b", "system", "skipped"),
];

describe("a run's result", () => {
  test("counts tests, and knows those that were skipped", () => {
    expect(summarize(good, [], 0)).toEqual({
      passed: 2,
      failed: 0,
      skipped: 1,
      skippedNames: ["b > it skipped"],
      again: undefined,
    });
  });

  test("has the files of system and guests that failed, and the counts of the others", () => {
    const outcomes = [...good, outcome("c", "system", "failed"), outcome("c", "system", "passed")];
    expect(summarize(outcomes, [{ file: "d", project: "guest" }], 0)).toMatchObject({
      passed: 3,
      failed: 2,
      again: { files: ["c", "d"], others: { passed: 2, failed: 0, skipped: 1 } },
    });
  });

  test.each([
    ["a pure test", [outcome("c", "pure", "failed")], [], 0],
    ["a pure file that does not load", [], [{ file: "c", project: "pure" }], 0],
    ["an error of no test", [outcome("c", "system", "failed")], [], 1],
    ["many files", Array.from({ length: 9 }, (_, at) => outcome(`c${at}`, "system", "failed")), [], 0],
  ])("is final with %s", (_, outcomes, broken, errors) => {
    const result = summarize([...good, ...outcomes], broken, errors);
    expect(result.again).toBeUndefined();
    expect(result.failed).toBe(outcomes.length + broken.length + errors);
  });
});
