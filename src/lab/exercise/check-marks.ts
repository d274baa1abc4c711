import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "../command.ts";
import { ownCommand, whileThisRuns } from "../namespaces.ts";
import { makeOwnFolder } from "../own-folders.ts";
import type { TestDocument } from "../report/test-document.ts";
import { topologyName } from "../topology-files.ts";
import type { Mark } from "./grade.ts";
import type { LabOfCopy } from "./grade-copy.ts";

/** The longest that a lab may take. */
const TIMEOUT_MS = 300_000;
/** The longest that sessions may take, in seconds: labs of exercises are small. */
const SESSIONS_S = 10;

/**
 * A mark for each check of a copy's lab. It is built of a file of its own, so that nothing but what is open
 * comes from the student, and a lab that is up is not taken for it.
 */
export async function checkMarks(lab: LabOfCopy): Promise<readonly Mark[]> {
  const folder = makeOwnFolder();
  const own = join(folder, basename(lab.file));
  try {
    // The author's topology may name files beside it.
    for (const name of readdirSync(lab.folder))
      if (name !== basename(lab.file)) symlinkSync(join(lab.folder, name), join(folder, name));
    writeFileSync(own, lab.text);
    const command = whileThisRuns(ownCommand("lab", "test", own, "--json", "--timeout", `${SESSIONS_S}`));
    const { stdout, stderr } = await run(command, { accept: [0, 1, 3], timeoutMs: TIMEOUT_MS });
    if (stdout.trim() === "") {
      const advice = `its lab cannot be built: ${stderr.trim().replaceAll(own, lab.file)}`;
      return lab.worth.map((one) => ({ ...one, passed: false, advice }));
    }
    return marksOf((JSON.parse(stdout) as TestDocument).results, lab, own);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What a check saw that it should not have is what to look at; and how to see it, with the student's file.
 * `built` is the file that the lab was built of.
 */
export function marksOf(
  results: readonly Pick<
    TestDocument["results"][number],
    "number" | "title" | "passed" | "difference" | "seen" | "command"
  >[],
  { file, worth }: Pick<LabOfCopy, "file" | "worth">,
  built: string,
): readonly Mark[] {
  const path = /^[./]/.test(file) ? file : `./${file}`;
  const name = topologyName(built);
  return results.map(({ number, title, passed, difference, seen, command }) => {
    const again = command.replaceAll(built, path).replace(`lab exec ${name} `, `lab exec ${path} `);
    const steps = again.startsWith("wirespan lab test")
      ? `to see it: ${again}`
      : `to see it: wirespan lab up ${path}\n           ${again}`;
    const points = worth[number]?.points ?? 1;
    const advice = `${difference ?? seen}`.replaceAll(built, path);
    return { text: title, points, passed, ...(passed ? {} : { advice: `${advice}\n${steps}` }) };
  });
}
