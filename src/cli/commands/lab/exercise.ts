import type { Command } from "commander";
import { printableLine } from "../../../bytes/printable-text.ts";
import { exitCode, type Shell } from "../../shell.ts";

/** `wirespan lab exercise` and `wirespan lab grade`: the course of docs/course. */
export function addLabExercise(lab: Command, shell: Shell): void {
  lab
    .command("exercise")
    .description("list the exercises of the course, or write your own copy of one, to be edited")
    .argument("[exercise]", "name or number of an exercise, or path of an author's .yaml file")
    .argument("[file]", "file to write; default: NAME.yaml here")
    .action((name: string | undefined, file: string | undefined) =>
      name === undefined ? listExercises(shell) : giveCopy(name, file, shell),
    );
  lab
    .command("grade")
    .description("mark copies of exercises: look at their answers, build their labs, and run the checks")
    .argument("<files...>", "the .yaml files")
    .option("--author <file>", "the author's file, where it is not an exercise of the course")
    .option("--json", "print one JSON object per copy")
    .option("--csv", "print a table with a line per copy")
    .action(gradeAll(shell));
}

async function listExercises(shell: Shell): Promise<void> {
  const { exercises } = await import("../../../lab/exercise/course.ts");
  for (const { name, title } of exercises()) shell.out(`${name.padEnd(24)}${printableLine(title)}\n`);
}

async function giveCopy(nameOrPath: string, to: string | undefined, shell: Shell): Promise<void> {
  const { studentsCopy, writeCopy } = await import("../../../lab/exercise/course.ts");
  const copy = studentsCopy(nameOrPath);
  const path = writeCopy(copy, to);
  shell.out(`${path} is your copy of exercise ${copy.name}.\n`);
  if (copy.guide !== undefined) shell.out(`  its guide:         ${copy.guide}\n`);
  shell.out(`  to try it:         wirespan lab up ${/^[./]/.test(path) ? path : `./${path}`}\n`);
  const author = copy.guide === undefined ? ` --author ${nameOrPath}` : "";
  shell.out(`  to have it marked: wirespan lab grade ${path}${author}\n`);
}

interface GradeOptions {
  readonly author?: string;
  readonly json?: true;
  readonly csv?: true;
}

function gradeAll(shell: Shell) {
  return async (files: readonly string[], { author, json, csv }: GradeOptions): Promise<void> => {
    const { gradeCopy } = await import("../../../lab/exercise/grade-copy.ts");
    const { gradeColumns, gradeJson, gradeLines, gradeRow } = await import(
      "../../../lab/exercise/grade-text.ts"
    );
    const { isSolved } = await import("../../../lab/exercise/grade.ts");
    const { removeLeftFolders } = await import("../../../lab/own-folders.ts");
    const { checkMarks } = await import("../../../lab/exercise/check-marks.ts");
    removeLeftFolders();
    if (csv) shell.out(`${gradeColumns}\n`);
    let isAllSolved = true;
    for (const file of files) {
      const grade = await gradeCopy(file, author, checkMarks);
      isAllSolved &&= isSolved(grade);
      if (csv) shell.out(`${gradeRow(grade)}\n`);
      else if (json) shell.out(`${JSON.stringify(gradeJson(grade))}\n`);
      else shell.out(`${[...(files.length > 1 ? [`${file}:`] : []), ...gradeLines(grade)].join("\n")}\n`);
    }
    shell.exit(isAllSolved ? exitCode.ok : exitCode.failed);
  };
}
