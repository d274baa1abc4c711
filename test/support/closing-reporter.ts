import { readFileSync, writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { type RunResult, summarize, type TestOutcome } from "./run-result.ts";

/** Tests that may be skipped, by full name, each with its reason. */
const expectedSkips = JSON.parse(
  readFileSync(new URL("../expected-skips.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;

/**
 * Ends a run with one plain line of counts, and fails it when a test was skipped that
 * test/expected-skips.json does not list. `TEST_RESULT` names a file that gets the `RunResult` as JSON.
 */
export default class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const outcomes = modules.flatMap((module) => [...module.children.allTests()].map(outcomeOf));
    const broken = modules.filter((module) => module.state() === "failed" && !hasFailedTest(module));
    const result = summarize(outcomes, broken.map(placeOf), errors.length);
    for (const { name } of outcomes.filter(({ triedTwice }) => triedTwice))
      console.log(`failed, and passed when tried once more: ${name}`);
    const unlisted = result.skippedNames.filter((name) => expectedSkips[name] === undefined);
    for (const name of unlisted) console.log(`skipped, and not in test/expected-skips.json: ${name}`);
    if (unlisted.length > 0 && process.env["CI"] !== undefined) process.exitCode = 1;
    console.log(closingLine(result));
    const path = process.env["TEST_RESULT"];
    if (path !== undefined) writeFileSync(path, JSON.stringify(result));
  }
}

function closingLine({ passed, failed, skipped }: RunResult): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function placeOf(module: TestModule): { file: string; project: string } {
  return { file: module.relativeModuleId, project: module.project.name };
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests()].some((test) => test.result().state === "failed");
}

function outcomeOf(test: TestCase): TestOutcome {
  const { state } = test.result();
  const triedTwice = test.diagnostic()?.flaky ?? false;
  return { ...placeOf(test.module), name: test.fullName, state, triedTwice };
}
