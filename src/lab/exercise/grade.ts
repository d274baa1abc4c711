import { boundedMatch } from "../checks/bounded-match.ts";
import { exerciseFields } from "../format/file-keys.ts";
import { differences, keysOfPath, pathsOfKeys, valueAtKeys, without, withPathsOf } from "./gaps.ts";

/** One thing that a student's copy is marked for. */
export interface Mark {
  readonly text: string;
  /** How many points it is worth. */
  readonly points: number;
  readonly passed: boolean;
  /** What to look at; absent where it passed. */
  readonly advice?: string;
}

/** How a student's copy of an exercise was marked. */
export interface Grade {
  /** Path of the copy, as it was given. */
  readonly file: string;
  /** Name of the exercise, or the path of its author's file; undefined where the copy does not say it. */
  readonly exercise: string | undefined;
  /** What keeps the copy from being marked; where there is anything, its lab was not built. */
  readonly problems: readonly string[];
  readonly marks: readonly Mark[];
}

/** The number of points that a copy got. */
export function pointsOf({ marks }: Grade): number {
  return sumOf(marks.filter(({ passed }) => passed));
}

/** The number of points that the exercise has; 0 where it is not known which exercise it is. */
export function mostPointsOf({ marks }: Grade): number {
  return sumOf(marks);
}

function sumOf(marks: readonly Mark[]): number {
  return marks.reduce((sum, { points }) => sum + points, 0);
}

/** Whether a copy got all points there are. */
export function isSolved(grade: Grade): boolean {
  return grade.problems.length === 0 && grade.marks.every(({ passed }) => passed);
}

/** The keys of an exercise, with defaults, of a whole topology file. Throws where they are not valid. */
export function exerciseOf(file: unknown) {
  return exerciseFields.parse((file as { exercise?: unknown } | null)?.exercise ?? {});
}

/** Keys whose values are programs, or decide which ones run. */
const programKeys: ReadonlySet<string> = new Set(["run", "while"]);

/** The paths that an exercise leaves to students. */
function openPaths(author: unknown): readonly string[] {
  const { hide, break: broken, open } = exerciseOf(author);
  return [...hide, ...Object.keys(broken), ...open];
}

/**
 * What a student's copy changes although the exercise did not leave it open, the checks among it. Both values
 * are whole topology files.
 */
export function forbiddenChanges(student: unknown, author: unknown): readonly string[] {
  const free = [...openPaths(author), "exercise"];
  return differences(without(student, free), without(author, free));
}

/** The author's topology with the copy's values of what is open: what is built of the copy. */
export function labOfCopy(student: unknown, author: unknown): unknown {
  return without(withPathsOf(author, student, openPaths(author)), ["exercise"]);
}

/**
 * Programs that a copy would run and the author's file would not: the paths of their keys. Those that are
 * hidden or broken themselves are the student's to write.
 */
export function forbiddenPrograms(student: unknown, author: unknown): readonly string[] {
  const programsOf = (value: unknown) =>
    new Map(
      pathsOfKeys(value, programKeys).map((keys) => [
        keys.join("."),
        JSON.stringify(valueAtKeys(value, keys)),
      ]),
    );
  const { hide, break: broken } = exerciseOf(author);
  const free = new Set([...hide, ...Object.keys(broken)].map((path) => keysOfPath(path).join(".")));
  const authors = programsOf(author);
  return [...programsOf(labOfCopy(student, author))]
    .filter(([path, program]) => !free.has(path) && authors.get(path) !== program)
    .map(([path]) => path);
}

/** A number, with a unit or without. */
const NUMBER = /^(\d+(?:\.\d+)?)(?:\s*[a-z%]+)?$/i;

/** A mark for each question of an exercise. Both values are whole topology files. */
export function answerMarks(student: unknown, author: unknown): readonly Mark[] {
  const { answers } = exerciseOf(student);
  return exerciseOf(author).questions.map(({ ask, answer, form }, index) => {
    const given = answers[index];
    const isGiven = given !== undefined && given !== null && given !== "";
    const word = String(given ?? "")
      .trim()
      .replace(/[.!]$/, "");
    const [, number] = NUMBER.exec(word) ?? [];
    const passed =
      isGiven && boundedMatch(`^(?:${answer})$`, "i", form === "number" ? (number ?? word) : word) === true;
    const isOtherForm = form === "number" && number === undefined;
    const place = index + 1;
    const advice = isGiven
      ? `answer ${place} is "${given}"${isOtherForm ? ": wanted a number" : ""}`
      : `answer ${place} is missing in exercise.answers`;
    return { text: `question ${place}: ${ask}`, points: 1, passed, ...(passed ? {} : { advice }) };
  });
}
