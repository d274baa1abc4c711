import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { marksOf } from "../../../src/lab/exercise/check-marks.ts";
import { authorsFile, studentsCopy } from "../../../src/lab/exercise/course.ts";
import type { Mark } from "../../../src/lab/exercise/grade.ts";
import { gradeCopy } from "../../../src/lab/exercise/grade-copy.ts";
import { gradeJson, gradeLines, gradeRow } from "../../../src/lab/exercise/grade-text.ts";
import { handout } from "../../../src/lab/exercise/handout.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-grade-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const handedOut = studentsCopy("6").text;
const checks: readonly Mark[] = [
  { text: "the lab, with a comma", points: 1, passed: true },
  { text: 'the "line"', points: 1, passed: false, advice: "seen: up\nto see it: wirespan status" },
];

/** The grade of a copy with this text, whose lab would get the marks above. */
async function gradeOf(text: string, author?: string) {
  const file = join(folder, "copy.yaml");
  writeFileSync(file, text);
  let isBuilt = false;
  const grade = await gradeCopy(file, author, () => {
    isBuilt = true;
    return Promise.resolve(checks);
  });
  return { ...grade, isBuilt };
}

/** Points of exercise 6: its questions, its sessions, and its checks but pings and the two steps between. */
const TOTAL = 4 + 1 + 3;

const answered = handedOut
  .replace(/- ""/, '- "hello"')
  .replace("hello_interval_s: 60", "hello_interval_s: 50");

describe("a copy", () => {
  test("gets a point for each right answer and each check", async () => {
    const grade = await gradeOf(answered);
    expect(grade).toMatchObject({ exercise: "6-failure", problems: [], isBuilt: true });
    expect(gradeJson(grade)).toMatchObject({ points: 2, of: 6, solved: false });
    expect(gradeLines(grade)).toContain("2 of 6 points.");
    expect(gradeLines(grade)).toContain(
      '  FAIL  the "line"\n          seen: up\n          to see it: wirespan status',
    );
  });

  test("that was not changed gets points for its answers alone", async () => {
    const grade = await gradeOf(handedOut.replace(/- ""/, '- "hello"'));
    expect(grade).toMatchObject({ problems: [], isBuilt: true });
    expect(gradeJson(grade)).toMatchObject({ points: 1, of: 6, solved: false });
    expect(gradeLines(grade).join("\n")).toContain("FAIL  the lab, with a comma\n");
  });

  test("that changes more than is open gets its answers' points, and its lab is not built", async () => {
    const grade = await gradeOf(answered.replace("mtu: 1600", "mtu: 9000"));
    expect(grade).toMatchObject({ isBuilt: false });
    expect(gradeJson(grade)).toMatchObject({ points: 1, of: TOTAL, solved: false });
    expect(gradeRow(grade)).toContain("a new control connection is up within 5 s");
    expect(grade.problems).toEqual([expect.stringMatching(/set back: wan\.mtu$/)]);
  });

  test("that is no valid topology is answered with line and column", async () => {
    const grade = await gradeOf(answered.replace("hello_interval_s: 50", "helo_interval_s: 50"));
    expect(grade).toMatchObject({ isBuilt: false });
    expect(gradeJson(grade)).toMatchObject({ points: 1, of: TOTAL, solved: false });
    expect(gradeRow(grade)).toContain("a new control connection is up within 5 s");
    expect(grade.problems[0]).toMatch(/copy\.yaml:\d+:\d+ .*helo_interval_s/);
  });

  test.each([
    ["is no YAML", "title: [", /copy\.yaml:\d+:\d+/],
    ["is no copy of an exercise at all", handedOut.replace(/exercise:[\s\S]*/, ""), /no `exercise\.of`/],
    ["is empty", "", /copy\.yaml/],
  ])("that %s gets nothing, and it is said why", async (_, text, problem) => {
    const grade = await gradeOf(text);
    expect(grade).toMatchObject({ isBuilt: false, marks: [] });
    expect(grade.problems.join("\n")).toMatch(problem);
    expect(gradeJson(grade)).toMatchObject({ points: 0, of: 0, solved: false });
  });

  test("that is nowhere does not keep others from being marked", async () => {
    const grade = await gradeCopy(join(folder, "absent.yaml"), undefined, () => Promise.resolve([]));
    expect(grade.problems).toEqual([expect.stringContaining("there is no such file")]);
  });

  test("of an unknown exercise is answered with those there are", async () => {
    const grade = await gradeOf(handedOut.replace("of: 6-failure", "of: 7-victory"));
    expect(grade).toMatchObject({ isBuilt: false, marks: [] });
    expect(grade.problems.join("\n")).toContain("the course has 1-");
  });

  test("that names an author's file of its own is not marked by it", async () => {
    const own = join(folder, "own.yaml");
    writeFileSync(own, handedOut.replace(/exercise:[\s\S]*/, ""));
    for (const of of [own, "./own.yaml", "own.yaml", "../own.yaml"]) {
      const grade = await gradeOf(handedOut.replace("of: 6-failure", `of: ${of}`));
      expect(grade).toMatchObject({ isBuilt: false, marks: [] });
      expect(grade.problems.join("\n")).toContain("--author FILE");
    }
  });

  test("that is a folder, or absent, gets no points of all there are by --author", async () => {
    const author = authorsFile("6");
    const path = join(folder, "folder.yaml");
    mkdirSync(path);
    for (const file of [path, join(folder, "absent.yaml")]) {
      const grade = await gradeCopy(file, author, () => Promise.resolve(checks));
      expect(grade.problems).toHaveLength(1);
      expect(gradeJson(grade)).toMatchObject({ points: 0, of: TOTAL });
    }
    const unnamed = await gradeCopy(path, undefined, () => Promise.resolve(checks));
    expect(unnamed.problems).toEqual([expect.stringContaining("it is no file")]);
  });

  test("whose author's file is missing is answered with that", async () => {
    const grade = await gradeOf(handedOut, join(folder, "nobody.yaml"));
    expect(grade.problems).toEqual([expect.stringContaining("nobody.yaml: there is no such file")]);
  });
});

test("a table has a line for each copy, with what points were lost for", async () => {
  const row = gradeRow({ ...(await gradeOf(answered)), file: "ann.yaml" });
  expect(row).toMatch(/^ann\.yaml,6-failure,2,6,"question 2: .*; the ""line"""$/);
});

const ownExercise = readFileSync(authorsFile("1"), "utf8").replace(
  "open: [sites.graz.wirespan]",
  "open: [sites.graz.wirespan, sites.graz.hosts]",
);

describe("the lab that is built of a copy", () => {
  /** The text of the lab of a copy of an exercise; undefined where none is built. */
  async function labOf(author: string, copy: string) {
    const [authors, file] = [join(folder, "authors.yaml"), join(folder, "students.yaml")];
    writeFileSync(authors, author);
    writeFileSync(join(folder, "README.md"), "");
    writeFileSync(file, copy);
    let built: unknown;
    const grade = await gradeCopy(file, authors, ({ text }) => {
      built = parse(text);
      return Promise.resolve([]);
    });
    return { built, problems: grade.problems.join("\n") };
  }
  const copyOf = (text: string): string => handout(text, "authors.yaml");

  test("is the author's with the copy's values of what is open, and has no exercise", async () => {
    const { built, problems } = await labOf(ownExercise, copyOf(ownExercise).replace("wien", "linz"));
    expect(problems).toBe("");
    const { exercise, ...expected } = parse(ownExercise);
    expect(exercise).toBeDefined();
    const tunnel = expected.sites.graz.wirespan.tunnels["to-bern"];
    delete tunnel.secret;
    tunnel.peer_host_name = "linz";
    tunnel.pseudowires = { office: { circuit: { interface: "trunk" } } };
    expect(built).toEqual(expected);
  });

  test.each([
    ["a key twice", (text: string) => `${text}\nchecks: [{ run: [graz, id] }]\n`],
    [
      "an alias",
      (text: string) => text.replace("checks:\n", "checks:\n  - &x { run: [graz, id] }\n  - *x\n"),
    ],
    ["another document", (text: string) => `${text}\n---\nchecks: [{ run: [graz, id] }]\n`],
    ["a tag", (text: string) => text.replace("checks:", "!!str checks: []\nchecks:")],
  ])("is not built of a copy with %s", async (_, change) => {
    const { built, problems } = await labOf(ownExercise, change(copyOf(ownExercise)));
    expect(built).toBeUndefined();
    expect(problems).not.toBe("");
  });

  test("is the same for a copy with a merge key, which gives nothing that stands in the copy", async () => {
    const copy = copyOf(ownExercise);
    const { built, problems } = await labOf(ownExercise, `${copy}\n<<: { checks: [{ run: [graz, id] }] }\n`);
    expect(problems).toBe("");
    expect(built).toEqual((await labOf(ownExercise, copy)).built);
  });

  const manual = `title: all open
networks: { wan: {} }
lans: { one: {} }
hosts:
  h: { lan: one, address: 10.0.0.1/24 }
  i: { lan: one, address: 10.0.0.2/24, run: sleep 1000 }
lcces: {}
checks: [{ ping: [h, i] }]
exercise: { open: [hosts.h, hosts.i], questions: [] }
`;
  test.each([
    [
      "a program where the author has none",
      manual,
      "10.0.0.1/24",
      "10.0.0.1/24, run: id",
      /remove: hosts\.h\.run/,
    ],
    ["another program", manual, "sleep 1000", "id", /remove: hosts\.i\.run/],
    ["no program of its own", manual, "10.0.0.1/24", "10.0.0.3/24", /^$/],
    [
      "another program where just that is broken",
      manual.replace("questions", "break: { hosts.i.run: sleep 1 }, questions"),
      "sleep 1",
      "sleep 2",
      /^$/,
    ],
  ])("runs no programs of a student: %s", async (_, author, from, to, expected) => {
    const copy = copyOf(author);
    expect(copy).toContain(from);
    const { built, problems } = await labOf(author, copy.replace(from, to));
    expect(problems).toMatch(expected);
    expect(built === undefined).toBe(problems !== "");
  });
});

describe("how to see what a check saw", () => {
  const result = { number: 1, title: "ping", passed: false, difference: "no reply", seen: "" };
  const worth = [
    { text: "sessions", points: 1 },
    { text: "ping", points: 1 },
  ];
  const built = "/tmp/wirespan-grade-1/ann.yaml";
  const adviceOf = (command: string, file: string) =>
    marksOf([{ ...result, command }], { file, worth }, built)[0]?.advice;

  test("in a lab that is up: it is brought up first, from the student's file", () => {
    expect(adviceOf("wirespan lab exec ann a ping b", "ann.yaml")).toBe(
      "no reply\nto see it: wirespan lab up ./ann.yaml\n           wirespan lab exec ./ann.yaml a ping b",
    );
  });

  test("by a test: with the student's file", () => {
    expect(adviceOf(`wirespan lab test ${built} --only 1`, "/home/ann.yaml")).toBe(
      "no reply\nto see it: wirespan lab test /home/ann.yaml --only 1",
    );
  });
});
