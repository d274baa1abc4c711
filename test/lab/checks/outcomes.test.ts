import { describe, expect, test } from "vitest";
import { endText } from "../../../src/lab/capture.ts";
import { differenceOfCount } from "../../../src/lab/checks/captured.ts";
import { quoted } from "../../../src/lab/checks/expectation.ts";
import { answersText } from "../../../src/lab/checks/ping.ts";
import type { CheckResult } from "../../../src/lab/checks/result.ts";
import { resultText } from "../../../src/lab/checks/result-text.ts";
import {
  limitOf,
  reachLimitOf,
  type Try,
  tryWithin,
  withoutSessions,
} from "../../../src/lab/checks/within.ts";
import { quietMsOf } from "../../../src/lab/sessions.ts";

/** Tries of which the given ones pass; how many there were. */
async function triesWithin(limitMs: number, passing: number, isFinal = false): Promise<number> {
  let count = 0;
  const attempt = (): Promise<Try> => {
    count++;
    return Promise.resolve({ passed: count === passing, isFinal, expected: "", seen: "" });
  };
  await tryWithin(limitMs, attempt);
  return count;
}

describe("how often a check is tried", () => {
  test.each([
    ["with a limit of 0 once", 0, 3, false, 1],
    ["until it passes", 10_000, 2, false, 2],
    ["no longer than its limit", 300, 99, false, 2],
    ["not again after a final failure", 10_000, 3, true, 1],
  ])("%s", async (_, limitMs, passing, isFinal, count) => {
    expect(await triesWithin(limitMs, passing, isFinal)).toBe(count);
  });

  test("the only try has time for itself", async () => {
    let leftMs = 0;
    await tryWithin(0, (left) => {
      leftMs = left;
      return Promise.resolve({ passed: true, expected: "", seen: "" });
    });
    expect(leftMs).toBeGreaterThan(1000);
  });

  test.each([
    ["run", undefined, 0],
    ["run", "3s", 3000],
    ["ping", undefined, 10_000],
    ["ping", "0s", 0],
  ])("%s within %s", (kind, within, limitMs) => {
    expect(limitOf(kind, within)).toBe(limitMs);
  });
});

test.each([
  [3, 1, 5, undefined, undefined],
  [0, 1, 5, undefined, "0 packets, fewer than 1"],
  [1, 0, 0, undefined, "1 packet, more than 0"],
  [3, 1, 5, "exit status 1, not 0", "the command: exit status 1, not 0"],
  [0, 1, 5, "exit status 1, not 0", "0 packets, fewer than 1; the command: exit status 1, not 0"],
])("%d packets captured of %d to %d, and the command's problem %s", (count, least, most, problem, text) => {
  expect(differenceOfCount(count, { least, most }, problem)).toBe(text);
});

test.each([
  [{ sent: 0, answered: 0 }, "no small pings could be sent"],
  [{ sent: 3, answered: 0 }, "0 of 3 small pings are answered"],
])("pings %o", (answers, text) => {
  expect(answersText(answers, "small pings")).toBe(text);
});

test.each([
  [1, "tcpdump: can't parse filter expression: syntax error", "exit status 1"],
  [127, "", "exit status 127; is tcpdump installed?"],
  [255, 'exec of "tcpdump" failed: No such file or directory', "exit status 255; is tcpdump installed?"],
])("tcpdump that ended with %d and said %s", (code, said, text) => {
  expect(endText(code, said)).toBe(text);
});

test("a long text is shortened to what is wanted", () => {
  expect(quoted("a".repeat(200), 80)).toBe(`"${"a".repeat(40)}" (120 more) "${"a".repeat(40)}"`);
});

describe("a failed check as text", () => {
  const result: CheckResult = {
    ...{ number: 1, kind: "ping", title: "t", passed: false, expected: "e", command: "c", durationMs: 5 },
    seen: "s",
    difference: "one\ntwo",
  };

  test("further lines of a text begin below its first one", () => {
    expect(resultText(result).split("\n").slice(3, 5)).toEqual([
      "            difference: one",
      "                        two",
    ]);
  });

  test("a difference that is what was seen is left out", () => {
    const text = resultText({ ...result, difference: "s" });
    expect(text).toContain("seen:       s");
    expect(text).not.toContain("difference:");
  });
});

test.each([
  ["ping", { ping: ["a", "b"] as [string, string] }, "2000ms"],
  ["ping", { ping: ["a", "b"] as [string, string], within: "60s" }, "2000ms"],
  ["ping", { ping: ["a", "b"] as [string, string], within: "1s" }, "1s"],
  ["run", { run: ["a", "true"] as [string, string], within: "60s" }, "60s"],
])("without sessions %s %o is tried for %s", (kind, check, within) => {
  expect(withoutSessions(kind, check).within).toBe(within);
});

test.each([
  [undefined, undefined, 20_000],
  ["60s", undefined, 60_000],
  ["60s", 5, 5000],
])("sessions_within %s and --timeout %s", (sessionsWithin, timeout, quietMs) => {
  expect(quietMsOf({ sessionsWithin }, timeout)).toBe(quietMs);
});

test.each([
  [30_000, true, 30_000],
  [30_000, false, 2000],
  [1000, false, 1000],
])(
  "a measurement waits for a first answer: of %d ms with sessions %s, %d ms",
  (limitMs, hasSessions, waited) => {
    expect(reachLimitOf(limitMs, { hasSessions })).toBe(waited);
  },
);
