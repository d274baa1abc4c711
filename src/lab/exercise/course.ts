import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { OperationalError } from "../../bytes/errors.ts";
import { topologyValue } from "../format/topology-value.ts";
import { topologyFile } from "../topology-files.ts";
import { handout } from "./handout.ts";

/** The exercises of the course in docs/course, each a folder with a guide and the author's file. */

const course = new URL("../../../docs/course/", import.meta.url);
/** The author's file in the folder of an exercise. */
const AUTHORS_FILE = "exercise.yaml";
const GUIDE = "README.md";

/** An exercise of the course. */
export interface Exercise {
  /** Name of its folder, with its number in front: `1-control-connection`. */
  readonly name: string;
  readonly title: string;
  /** Path of its guide. */
  readonly guide: string;
}

/** A student's copy of an exercise. */
export interface StudentsCopy {
  /** Name of the exercise, or of its author's file. */
  readonly name: string;
  readonly text: string;
  /** Path of the guide of an exercise of the course. */
  readonly guide: string | undefined;
}

/** The exercises of the course, in their order. */
export function exercises(): readonly Exercise[] {
  if (!existsSync(course)) return [];
  return readdirSync(course)
    .filter((name) => existsSync(inCourse(name, AUTHORS_FILE)))
    .sort()
    .map((name) => ({
      name,
      title: String(readYaml(inCourse(name, AUTHORS_FILE))["title"]),
      guide: inCourse(name, GUIDE),
    }));
}

function inCourse(...path: readonly string[]): string {
  return fileURLToPath(new URL(path.join("/"), course));
}

/** The exercise of the course with this name or number; undefined for a path. Throws where there is none. */
function exerciseNamed(nameOrPath: string): Exercise | undefined {
  if (/\.ya?ml$/.test(nameOrPath)) return undefined;
  const found = inCourseNamed(nameOrPath);
  if (found === undefined)
    throw new OperationalError(
      `find exercise ${nameOrPath}: there are ${exerciseNames()}, or give the path of a .yaml file`,
    );
  return found;
}

function inCourseNamed(name: string): Exercise | undefined {
  return exercises().find((one) => one.name === name || one.name.split("-")[0] === name);
}

function exerciseNames(): string {
  return exercises()
    .map(({ name }) => name)
    .join(", ");
}

/**
 * The author's file of the exercise that a copy names. Only those of the course are looked for: a copy may
 * not name the file that it is marked by. Throws OperationalError for any other.
 */
export function authorsFileOfCopy(of: string): string {
  const exercise = inCourseNamed(of);
  if (exercise !== undefined) return inCourse(exercise.name, AUTHORS_FILE);
  throw new OperationalError(
    `find exercise ${of}, which the copy names in \`exercise.of\`: the course has ${exerciseNames()}; ` +
      "a copy of any other exercise is marked by its author's file: --author FILE",
  );
}

/**
 * The author's file of an exercise: of the course by its name or number, any other by its path. Throws where
 * there is none.
 */
export function authorsFile(nameOrPath: string): string {
  const exercise = exerciseNamed(nameOrPath);
  return exercise === undefined ? topologyFile(nameOrPath) : inCourse(exercise.name, AUTHORS_FILE);
}

/** A student's copy of an exercise, by its name, number or path. Throws where it has none. */
export function studentsCopy(nameOrPath: string): StudentsCopy {
  const exercise = exerciseNamed(nameOrPath);
  const file = authorsFile(nameOrPath);
  const name = exercise?.name ?? basename(file);
  return { name, text: handout(readFileSync(file, "utf8"), name), guide: exercise?.guide };
}

/** Writes a student's copy of an exercise; its path is the result. Throws where a file is there already. */
export function writeCopy({ name, text, guide }: StudentsCopy, to: string | undefined): string {
  const path = to ?? (guide === undefined ? "exercise.yaml" : `${name}.yaml`);
  if (existsSync(path))
    throw new Error(`write exercise ${name} to ${path}: the file is there already; name another one`);
  writeFileSync(path, text);
  return path;
}

/** What a topology file says; what is no mapping is an empty one. */
export function readYaml(file: string): Readonly<Record<string, unknown>> {
  return (topologyValue(readFileSync(file, "utf8")) ?? {}) as Readonly<Record<string, unknown>>;
}
