import { expect, test } from "vitest";
import { type Expectation, expectationText, unmet } from "../../../src/lab/checks/expectation.ts";

/** TABLE: an expectation, a value that meets it, and one that does not with what is said of it. */
const rows: readonly (readonly [
  expectation: Expectation,
  text: string,
  met: string,
  other: string,
  said: string,
])[] = [
  ["up", 'equal to "up"', "up", "down", '"down" is not "up"'],
  [0, "equal to 0", "0", "7", '"7" is not "0"'],
  [true, "equal to true", "true", "false", '"false" is not "true"'],
  [{ equals: "a\nb" }, 'equal to "a\\nb"', "a\nb", "a\nc\nd", 'line 2 is "c", not "b"'],
  [{ equals: "a\nb" }, 'equal to "a\\nb"', "a\nb", "a", 'line 2 is missing, not "b"'],
  [{ contains: "works" }, 'containing "works"', "It works", "It fails", '"works" is nowhere in "It fails"'],
  [
    { matches: "^seq=\\d+$" },
    'matching "^seq=\\\\d+$"',
    "x\nseq=12",
    "seq=",
    '/^seq=\\d+$/ does not match "seq="',
  ],
  [{ at_least: 3 }, "at least 3", "3", "2.5", "2.5 is less than 3"],
  [{ at_most: 3 }, "at most 3", "-1", "4", "4 is more than 3"],
  [{ at_least: 3 }, "at least 3", "4", "many", '"many", which is no number, is less than 3'],
  [{ at_most: 3 }, "at most 3", "3", "", '"", which is no number, is more than 3'],
  [{ at_least: 1, at_most: 3 }, "at least 1, at most 3", "2", "0", "0 is less than 1"],
  [{ contains: "a", at_most: 3 }, 'containing "a", at most 3', "", "b", '"a" is nowhere in "b"'],
];

test.each(rows.slice(0, -1))(
  "%j is met, and says what does not meet it",
  (expectation, text, met, other, said) => {
    expect(expectationText(expectation)).toBe(text);
    expect(unmet(expectation, met)).toBeUndefined();
    expect(unmet(expectation, other)).toBe(said);
  },
);

test("all conditions must be met; the first that is not is told", () => {
  const [expectation, text, , other, said] = rows.at(-1) ?? ["", "", "", "", ""];
  expect(expectationText(expectation)).toBe(text);
  expect(unmet(expectation, other)).toBe(said);
  expect(unmet({ contains: "1", at_most: 3 }, "12")).toBe("12 is more than 3");
  expect(unmet({ contains: "1", at_most: 3 }, "1")).toBeUndefined();
});

test("a long output is shown by its beginning and its end", () => {
  const said = unmet({ contains: "absent" }, `begin${"x".repeat(1000)}end`) ?? "";
  expect(said).toMatch(/begin.*\(708 more\).*end"$/s);
  expect(said.length).toBeLessThan(400);
});

test("a regular expression whose time doubles with each character is given up", () => {
  const began = performance.now();
  const said = unmet({ matches: "(a+)+$" }, `${"a".repeat(43)}!`);
  expect(said).toMatch(/^\/\(a\+\)\+\$\/ takes longer than 250 ms; /);
  expect(performance.now() - began).toBeLessThan(2000);
});
