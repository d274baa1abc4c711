import { printableLine, printableText } from "../../bytes/printable-text.ts";
import { type Grade, isSolved, mostPointsOf, pointsOf } from "./grade.ts";

/** Grades as text: for a student, for a program, and for a table of a whole class. */

/** A grade as lines for the student: what passed, what did not and what to look at, and the points. */
export function gradeLines(grade: Grade): readonly string[] {
  const marks = grade.marks.map(({ passed, text, advice }) =>
    [`  ${passed ? "ok  " : "FAIL"}  ${printableLine(text)}`, ...indented(advice)].join("\n"),
  );
  const points = `${pointsOf(grade)} of ${mostPointsOf(grade)} points`;
  const end = isSolved(grade) ? `${points}: the exercise is solved.` : `${points}.`;
  return [...grade.problems.map(printableLine), ...marks, end];
}

function indented(advice: string | undefined): readonly string[] {
  return advice === undefined
    ? []
    : printableText(advice)
        .split("\n")
        .map((line) => `          ${line}`);
}

/** A grade as a value for JSON. */
export function gradeJson(grade: Grade): object {
  const { marks, ...rest } = grade;
  return { ...rest, points: pointsOf(grade), of: mostPointsOf(grade), solved: isSolved(grade), marks };
}

/** The first line of a table of grades. */
export const gradeColumns = "file,exercise,points,of,lost";

/** A grade as a line of a table (RFC 4180): what points were lost for is separated by semicolons. */
export function gradeRow(grade: Grade): string {
  const lost = [
    ...grade.problems,
    ...grade.marks.filter(({ passed }) => !passed).map(({ text }) => text),
  ].join("; ");
  const fields = [grade.file, grade.exercise ?? "", pointsOf(grade), mostPointsOf(grade), lost];
  return fields.map((field) => quotedField(printableText(String(field)))).join(",");
}

function quotedField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
