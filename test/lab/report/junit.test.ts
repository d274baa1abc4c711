import { expect, test } from "vitest";
import { totalText } from "../../../src/lab/checks/result.ts";
import { resultText } from "../../../src/lab/checks/result-text.ts";
import { junitXml } from "../../../src/lab/report/junit.ts";
import { escaped } from "../../../src/lab/report/markup.ts";
import {
  testDocument as document,
  failedResult as failed,
  passedResult as passed,
} from "../../support/test-results.ts";

test("JUnit XML", () => {
  const times = 'timestamp="2026-01-02T03:04:05" time="1.500"';
  const hostile = "]]&gt; &quot;hostile&quot; &lt;name&gt; &amp; &#39;\ufffd\ufffd\ufffd&#39;";
  expect(junitXml(document([passed, failed]))).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="wirespan lab own" tests="2" failures="1" errors="0" skipped="0" ${times}>
    <testcase classname="own.ping" name="1 a and b reach each other" time="0.250"/>
    <testcase classname="own.run" name="2 ${hostile}" time="0.250">
      <failure type="run" message="0 of 3; &lt;it&gt; said">expected: 3 of 3 are answered
seen: 0 of 3
difference: 0 of 3; &lt;it&gt; said
repeat: wirespan lab exec own a ping b</failure>
    </testcase>
  </testsuite>
</testsuites>
`);
});

test("characters of other scripts stay, those that XML cannot write do not", () => {
  expect(escaped("Büro 東京 🙂\t\n")).toBe("Büro 東京 🙂\t\n");
  expect(escaped("\u0007\ufffe\udc00")).toBe("\ufffd\ufffd\ufffd");
});

test("a result as text", () => {
  expect(resultText(passed)).toBe(
    "  ok     1  a and b reach each other (250 ms)\n            3 of 3 are answered",
  );
  expect(resultText({ ...failed, title: "it" }).split("\n")).toEqual([
    "  FAIL   2  it (250 ms)",
    "            expected:   3 of 3 are answered",
    "            seen:       0 of 3",
    "            difference: 0 of 3; <it> said",
    "            repeat:     wirespan lab exec own a ping b",
  ]);
});

test.each([
  [[passed], "1 check passed"],
  [[passed, passed], "2 checks passed"],
  [[passed, failed], "1 of 2 checks FAILED"],
  [[failed], "1 of 1 check FAILED"],
])("the last line (%#)", (results, wanted) => expect(totalText(results)).toBe(wanted));
