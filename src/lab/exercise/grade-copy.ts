import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import { OperationalError, operationalMessage } from "../../bytes/errors.ts";
import { ignoreErrno } from "../../os/errors.ts";
import { sessionsTitle } from "../checks/sessions.ts";
import { titleOf } from "../checks/table.ts";
import { exerciseFields } from "../format/file-keys.ts";
import { readTopology } from "../format/read.ts";
import { topologyValue } from "../format/topology-value.ts";
import { authorsFile, authorsFileOfCopy, readYaml } from "./course.ts";
import {
  answerMarks,
  exerciseOf,
  forbiddenChanges,
  forbiddenPrograms,
  type Grade,
  labOfCopy,
  type Mark,
} from "./grade.ts";
import { handout } from "./handout.ts";

/** What is worth points in a lab: its sessions, then its checks. */
export type Worth = Pick<Mark, "text" | "points">;

/** The lab of a copy: the author's topology with the copy's values of what is open. */
export interface LabOfCopy {
  /** Path of the student's copy. */
  readonly file: string;
  readonly text: string;
  /** Folder of the author's file, from which relative paths in the text count. */
  readonly folder: string;
  readonly worth: readonly Worth[];
}

/** Marks for the checks of a lab that was built for them alone. */
export type MarkChecks = (lab: LabOfCopy) => Promise<readonly Mark[]>;

/**
 * Marks a student's copy: its answers, and then, if it is a valid topology that changes nothing but what the
 * exercise leaves open, its lab. `author` is the path of the author's file, where it is no exercise of the
 * course.
 */
export async function gradeCopy(file: string, author: string | undefined, marks: MarkChecks): Promise<Grade> {
  let exercise = author;
  try {
    const text = author === undefined ? textOfCopy(file) : undefined;
    const of = text === undefined ? undefined : exercisePart(topologyValue(text))?.of;
    exercise ??= of;
    if (author === undefined && of === undefined) throw new OperationalError(noExercise(file));
    const authors = author === undefined ? authorsFileOfCopy(of ?? "") : authorsFile(author);
    return await gradeBy(authors, file, exercise, marks);
  } catch (error) {
    return { file, exercise, problems: [operationalMessage(error)], marks: [] };
  }
}

async function gradeBy(
  authors: string,
  file: string,
  exercise: string | undefined,
  marks: MarkChecks,
): Promise<Grade> {
  const authored = readYaml(authors);
  const worth = worthOf(authors);
  const lost = (advice: string): readonly Mark[] => worth.map((one) => ({ ...one, passed: false, advice }));
  const mistakes = mistakesOf(file);
  const student = mistakes.length === 0 || isFile(file) ? topologyValue(textOfCopy(file)) : undefined;
  const isReadable = student !== undefined && exercisePart(student) !== undefined;
  const answers = answerMarks(isReadable ? student : {}, authored);
  const problems = isReadable ? [...mistakes, ...changesText(file, student, authored)] : mistakes;
  if (problems.length > 0 || !isReadable)
    return { file, exercise, problems, marks: [...answers, ...lost("the lab was not built")] };
  const lab = labOfCopy(student, authored);
  const text = stringify(lab, { aliasDuplicateObjects: false, lineWidth: 0 });
  const ofLab = await marks({ file, text, folder: dirname(authors), worth });
  const isUntouched = isDeepStrictEqual(lab, handedOutLab(authors, authored));
  return { file, exercise, problems, marks: [...answers, ...(isUntouched ? ofLab.map(unearned) : ofLab)] };
}

/** The lab of a copy as it is handed out; undefined where nothing in it is for the student to change. */
function handedOutLab(authors: string, authored: unknown): unknown {
  const { hide, break: broken } = exerciseOf(authored);
  if (hide.length === 0 && Object.keys(broken).length === 0) return undefined;
  return labOfCopy(topologyValue(handout(readFileSync(authors, "utf8"), basename(authors))), authored);
}

/** A mark for a lab in which the student has changed nothing: what holds in it is not the student's merit. */
function unearned(mark: Mark): Mark {
  if (!mark.passed || mark.points === 0) return mark;
  return {
    ...mark,
    passed: false,
    advice: "it holds in the copy as handed out: it counts once you change that",
  };
}

/** What the lab of an exercise is marked for. */
function worthOf(authors: string): readonly Worth[] {
  const topology = readTopology(authors);
  return [
    { text: sessionsTitle(topology), points: 1 },
    ...topology.checks.map((check) => ({ text: titleOf(check), points: check.points ?? 1 })),
  ];
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

/** The text of a copy. Throws OperationalError where it cannot be read. */
function textOfCopy(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new OperationalError(`mark ${file}: there is no such file`);
  if (!stat.isFile()) throw new OperationalError(`mark ${file}: it is no file`);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    ignoreErrno(error);
    throw new OperationalError(`mark ${file}: ${(error as Error).message}`);
  }
}

function noExercise(file: string): string {
  const [mistake] = mistakesOf(file);
  if (mistake !== undefined && topologyValue(textOfCopy(file)) === undefined) return mistake;
  return (
    `mark ${file}: it is no copy of an exercise, as it has no \`exercise.of\`; make one: ` +
    "wirespan lab exercise NAME FILE; or name the author's file: --author FILE"
  );
}

/** What keeps a file from being a topology: a line for each mistake, with its place. */
function mistakesOf(file: string): readonly string[] {
  try {
    textOfCopy(file);
    readTopology(file);
    return [];
  } catch (error) {
    return [operationalMessage(error)];
  }
}

/** The part `exercise` of a file, valid or not; undefined where not even that can be read. */
function exercisePart(content: unknown) {
  return exerciseFields.safeParse((content as { exercise?: unknown } | undefined)?.exercise ?? {}).data;
}

function changesText(file: string, student: unknown, authored: unknown): readonly string[] {
  const changed = forbiddenChanges(student, authored);
  const programs = forbiddenPrograms(student, authored);
  const text = (what: string, paths: readonly string[]): readonly string[] =>
    paths.length === 0 ? [] : [`mark ${file}: ${what}: ${paths.join(", ")}`];
  return [
    ...text("it changes what the exercise does not leave open, so its lab was not built; set back", changed),
    ...text("it runs programs that the exercise does not, so its lab was not built; remove", programs),
  ];
}
