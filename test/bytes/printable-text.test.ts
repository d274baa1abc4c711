import fc from "fast-check";
import { expect, test } from "vitest";
import {
  printableBlock,
  printableExcerpt,
  printableLine,
  printableText,
} from "../../src/bytes/printable-text.ts";
import { assertProperty } from "../support/seeds.ts";

test.each([
  ["plain text, with ä and 漢", "plain text, with ä and 漢"],
  ["\u001b[2J", "\\x1b[2J"],
  ["\u0000\u007f\u009b", "\\x00\\x7f\\x9b"],
  ["\u202eback\u2066", "\\u202eback\\u2066"],
  ["\ufffe and \ud800", "\\ufffe and \\ud800"],
  ["\u{1f600}", "\u{1f600}"],
  ["ly\u200bon \u200c\u200d\u200e\u200f", "ly\\u200bon \\u200c\\u200d\\u200e\\u200f"],
  ["\u00ad \u061c \u034f \u2060 \ufe0f", "\\xad \\u061c \\u034f \\u2060 \\ufe0f"],
  ["\u{e0001}\u{e0041}\u{e0100}\u{1d173}", "\\u{e0001}\\u{e0041}\\u{e0100}\\u{1d173}"],
  ["\ufefflyon\ufeff", "\\ufefflyon\\ufeff"],
  ["two\r\nlines\tand\rmore", "two\nlines\tand\\x0dmore"],
])("%j is printed as %j", (text, printed) => {
  expect(printableText(text)).toBe(printed);
});

test("a line has no line ends", () => {
  expect(printableLine("\ufeff lyon\ufeff\n\ufeff")).toBe("\\ufeff lyon\\ufeff \\ufeff");
  expect(printableLine(" a\n  b\r\nc\td\n")).toBe("a b c d");
});

test("an excerpt is a line of at most 120 characters, cut between words where there are any", () => {
  expect(printableExcerpt(" bell\u0007\n")).toBe("bell\\x07");
  expect(printableExcerpt("x".repeat(500))).toBe(`${"x".repeat(117)}...`);
  expect(printableExcerpt("word ".repeat(100))).toBe(`${"word ".repeat(23).trim()}...`);
  expect(printableExcerpt("\u001b".repeat(500))).toHaveLength(120);
});

test("later lines of a block are indented", () => {
  expect(printableBlock("a\nb\u0007", "  ")).toBe("a\n  b\\x07");
});

test("no text has control characters or invisible ones afterwards", () => {
  const invisible = fc.constantFrom(
    "\u00ad",
    "\u180e",
    "\u200b",
    "\u3164",
    "\ufeff",
    "\u{e0020}",
    "\u{1f600}",
  );
  const text = fc.string({ unit: fc.oneof(fc.string({ unit: "binary", maxLength: 1 }), invisible) });
  assertProperty(
    fc.property(text, (text) => {
      for (const line of [printableLine(text), printableExcerpt(text.repeat(20))])
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u3164]/u);
      expect(printableText(text)).not.toMatch(/[^\P{Cc}\n\t]/u);
    }),
    { seed: 20_261_201, runs: 500 },
  );
});
