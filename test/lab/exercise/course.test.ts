import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { authorsFile, exercises, studentsCopy } from "../../../src/lab/exercise/course.ts";
import { answerMarks, exerciseOf, forbiddenChanges } from "../../../src/lab/exercise/grade.ts";
import { readTopology } from "../../../src/lab/format/read.ts";
import { answersOf, solved } from "../../support/course.ts";

const names = exercises().map(({ name }) => name);

test("the exercises are numbered in the order of the course", () => {
  expect(names.map((name) => name.split("-")[0])).toEqual(names.map((_, index) => `${index + 1}`));
});

test("an exercise is found by its number, and an unknown one is answered with those there are", () => {
  expect(studentsCopy("1").name).toBe(names[0]);
  expect(() => studentsCopy("11")).toThrow(`there are ${names.join(", ")}`);
  expect(() => studentsCopy("1-contro")).toThrow("there are");
});

describe.each(names)("exercise %s", (name) => {
  const text = readFileSync(authorsFile(name), "utf8");
  const author: unknown = parse(text);
  const copy: unknown = parse(studentsCopy(name).text);

  test("its guide is there, and says how to begin and to be marked", () => {
    const { guide } = studentsCopy(name);
    expect(existsSync(guide ?? "")).toBe(true);
    const words = readFileSync(guide ?? "", "utf8");
    expect(words).toContain(`wirespan lab exercise ${name.split("-")[0]}\n`);
    expect(words).toContain(`wirespan lab grade ${name}.yaml`);
    expect(words).toContain("<details>");
  });

  test("the author's file is a valid topology, whose checks look at more than the sessions", () => {
    expect(readTopology(authorsFile(name)).checks.length).toBeGreaterThan(1);
  });

  test("the copy differs from the solution, and only in what is open", () => {
    expect(copy).not.toEqual(author);
    expect(forbiddenChanges(copy, author)).toEqual([]);
    expect(studentsCopy(name).text).toContain("# Your part");
  });

  test("the answers are right, and none of them stands in the copy", () => {
    const done: unknown = parse(solved(text, name, answersOf(name)));
    expect(answerMarks(done, author).filter(({ passed }) => !passed)).toEqual([]);
    expect(answerMarks(copy, author).filter(({ passed }) => passed)).toEqual([]);
    expect(exerciseOf(author).questions.length).toBeGreaterThanOrEqual(3);
  });
});
