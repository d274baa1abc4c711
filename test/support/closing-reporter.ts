import { readFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Tests that may be skipped, by full name, each with its reason. */
const expectedSkips = JSON.parse(
  readFileSync(new URL("../expected-skips.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;

/**
 * Ends a run with one plain line of counts, and fails it when a test was skipped that
 * test/expected-skips.json does not list.
 */
export default class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests: TestCase[] = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const skipped = tests.filter((test) => test.result().state === "skipped");
    const unlisted = skipped.filter(({ fullName }) => expectedSkips[fullName] === undefined);
    for (const { fullName } of unlisted)
      console.log(`skipped, and not in test/expected-skips.json: ${fullName}`);
    const broken = modules.filter((module) => !module.ok() && count("failed") === 0).length;
    if (unlisted.length > 0 && process.env["CI"] !== undefined) process.exitCode = 1;
    console.log(`${count("passed")} passed, ${count("failed") + broken} failed, ${skipped.length} skipped`);
  }
}
