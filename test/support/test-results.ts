import type { CheckResult } from "../../src/lab/checks/result.ts";
import type { TestDocument } from "../../src/lab/report/test-document.ts";

/** A check that passed. */
export const passedResult: CheckResult = {
  number: 1,
  kind: "ping",
  title: "a and b reach each other",
  passed: true,
  expected: "3 of 3 are answered",
  seen: "3 of 3 are answered",
  difference: undefined,
  command: "wirespan lab exec own a ping b",
  durationMs: 250,
};
/** A check that failed, with a hostile title. */
export const failedResult: CheckResult = {
  ...passedResult,
  number: 2,
  kind: "run",
  title: "]]> \"hostile\" <name> & '\u0000\u001b\ud800'",
  passed: false,
  seen: "0 of 3",
  difference: "0 of 3; <it> said",
};

/** A test with these results. */
export function testDocument(results: readonly CheckResult[]): TestDocument {
  return {
    topology: { name: "own", title: "own", file: "/own.yaml", argument: "/own.yaml" },
    versions: { wirespan: "1", node: "v20", kernel: "6.1" },
    planes: {},
    began: "2026-01-02T03:04:05.678Z",
    durationMs: 1500,
    passed: results.every((result) => result.passed),
    results,
  };
}
