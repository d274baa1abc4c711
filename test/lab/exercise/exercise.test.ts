import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { differences, isPathWithin, keysOfPath, without } from "../../../src/lab/exercise/gaps.ts";
import { answerMarks, forbiddenChanges } from "../../../src/lab/exercise/grade.ts";
import { handout } from "../../../src/lab/exercise/handout.ts";

const author = `title: a tunnel # for two
wan: { mtu: 1600 }
sites:
  a:
    address: 192.0.2.1/24
    hosts: { a1: 0 }
    wirespan:
      tunnels:
        b: { local: 192.0.2.1, remote: 192.0.2.2 }
checks:
  - ping: [a1, b1]
exercise:
  task: ./README.md
  hide: [sites.a.wirespan.tunnels.b.remote]
  break: { wan.mtu: 1300, sites.a.hosts: { a1: 7 } }
  questions:
    - { ask: Which message answers SCCRQ?, answer: SCCRP }
    - { ask: How many octets has the longest cookie?, answer: 8|eight }
`;
const copy = handout(author, "tunnel");
/** The author's file with answers, as a student's copy that is done. */
const done = author.replace(/exercise:[\s\S]*/, "exercise: { of: tunnel, answers: [sccrp, 8] }\n");
const marks = (text: string) => answerMarks(parse(text), parse(author));
const changes = (text: string) => forbiddenChanges(parse(text), parse(author));
const advice = (text: string) => marks(text).flatMap((mark) => mark.advice ?? []);

describe("a student's copy", () => {
  test("has nothing of what is hidden, the wrong values of what is broken, and the questions", () => {
    const { exercise, ...rest } = parse(copy);
    expect(rest.sites.a.wirespan.tunnels.b).toEqual({ local: "192.0.2.1" });
    expect(rest.wan).toEqual({ mtu: 1300 });
    expect(rest.sites.a.hosts).toEqual({ a1: 7 });
    expect(exercise).toEqual({ of: "tunnel", answers: ["", ""] });
    expect(copy).toContain("# Which message answers SCCRQ?");
    expect(copy).toContain("title: a tunnel # for two");
    expect(copy).not.toContain("eight");
    expect(copy).not.toContain("192.0.2.2");
  });

  test("says where something is missing and where something is wrong", () => {
    expect(copy.match(/Your part: what is missing here/g)).toHaveLength(1);
    expect(copy.match(/Your part: what is wrong here/g)?.length).toBeGreaterThanOrEqual(1);
  });

  test.each(["hide: [sites.b]", "hide: [wan.mtu.x]", "break: { nothing: 1 }"])(
    "cannot be made of an exercise with %s, which is nowhere",
    (part) => {
      const text = author.replace(/ {2}hide:.*\n {2}break:.*\n/, `  ${part}\n`);
      expect(() => handout(text, "x")).toThrow(/is nowhere in its file/);
    },
  );
});

describe("of what is open", () => {
  const open = author.replace("  questions:", "  open: [sites.a.wirespan]\n  questions:");

  test("a copy says only as a whole that something is missing or wrong in it", () => {
    expect(handout(open, "x")).not.toContain("is missing here?");
    expect(handout(open, "x").match(/all of this may be changed/g)).toHaveLength(1);
    expect(handout(open, "x").match(/is wrong here/g)).toHaveLength(
      copy.match(/is wrong here/g)?.length ?? 0,
    );
  });

  test("anything may be changed", () => {
    const changed = done.replace("remote:", "encapsulation: ip, remote:");
    expect(forbiddenChanges(parse(changed), parse(open))).toEqual([]);
    expect(changes(changed)).toHaveLength(1);
  });

  test.each(["sites.b", "title"])("a path must lead to a mapping: %s", (path) => {
    expect(() => handout(open.replace("[sites.a.wirespan]", `[${path}]`), "x")).toThrow(/is no mapping/);
  });
});

describe("marks", () => {
  test("of a copy as it was handed out: none", () => {
    expect(changes(copy)).toEqual([]);
    expect(marks(copy).map(({ passed }) => passed)).toEqual([false, false]);
    expect(advice(copy)).toEqual([
      "answer 1 is missing in exercise.answers",
      "answer 2 is missing in exercise.answers",
    ]);
  });

  test("of a copy that is done: all", () => {
    expect(changes(done)).toEqual([]);
    expect(marks(done).map(({ passed }) => passed)).toEqual([true, true]);
  });

  test.each([
    ["the checks", done.replace("ping: [a1, b1]", "ping: [a1, a1]"), "checks"],
    ["another key", done.replace("192.0.2.1/24", "192.0.2.9/24"), "sites.a.address"],
    ["a key beside what is hidden", done.replace("remote:", "encapsulation: ip, remote:"), "encapsulation"],
  ])("with a change of %s: it is named", (_, text, path) => {
    expect(changes(text)).toEqual([expect.stringContaining(path)]);
  });

  test.each(["8", "Eight", " 8 "])("answer %j is right", (answer) => {
    expect(marks(done.replace("sccrp, 8", `sccrp, "${answer}"`)).every(({ passed }) => passed)).toBe(true);
  });

  const numbers = author.replace("answer: 8|eight", "answer: 8|eight, form: number");
  test.each([
    ["8 octets", []],
    ["8s", []],
    ["Eight.", []],
    ["9 octets", ['answer 2 is "9 octets"']],
    ["many", ['answer 2 is "many": wanted a number']],
    ["7 or 8", ['answer 2 is "7 or 8": wanted a number']],
  ])("of a question for a number: answer %j gets %j", (answer, expected) => {
    const given = parse(done.replace("sccrp, 8", `sccrp, "${answer}"`));
    expect(answerMarks(given, parse(numbers)).flatMap((mark) => mark.advice ?? [])).toEqual(expected);
    expect(handout(numbers, "x")).toContain("has the longest cookie? (a number)");
  });

  test.each(["88", "0", "7 or 8"])("answer %j is wrong, and said to be given", (answer) => {
    expect(advice(done.replace("sccrp, 8", `sccrp, "${answer}"`))).toEqual([`answer 2 is "${answer}"`]);
  });
});

test("paths: a key with a dot in it stands in quotes", () => {
  expect(keysOfPath('links."hq.wan".delay')).toEqual(["links", "hq.wan", "delay"]);
  expect(without({ links: { "hq.wan": { delay: 1, loss: 2 } } }, ['links."hq.wan".delay'])).toEqual({
    links: { "hq.wan": { loss: 2 } },
  });
});

test.each([
  ["a.b", "a.b", true],
  ["a.b.c", "a.b", true],
  ["a", "a.b", false],
  ["a.bc", "a.b", false],
])("path %s lies within %s: %s", (path, whole, expected) => {
  expect(isPathWithin(path, whole)).toBe(expected);
});

test("differences are named by the innermost key; an empty mapping is the same as none", () => {
  expect(differences({ a: { b: 1, c: [1] }, d: {} }, { a: { b: 1, c: [2] } })).toEqual(["a.c"]);
  expect(differences({ a: null }, { a: {} })).toEqual([]);
});
