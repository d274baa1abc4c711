import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { authorsFile, exercises } from "../../src/lab/exercise/course.ts";
import { answersOf, solved } from "../support/course.ts";
import { type GuideStep, guideSteps, missingLine } from "../support/guide.ts";
import { type RunningCommands, Terminal } from "../support/terminal.ts";

let folder: string;
let terminal: Terminal;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-course-"));
  terminal = new Terminal(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a guide has open beside the first terminal. */
class SecondTerminal implements AsyncDisposable {
  readonly #terminal: Terminal;
  #running: RunningCommands | undefined;

  constructor(own: Terminal) {
    this.#terminal = own;
  }

  async start(commands: string): Promise<void> {
    this.#running = await this.#terminal.start(commands, /listening on/);
  }

  async interrupt(): Promise<void> {
    await this.#running?.interrupt();
    this.#running = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.interrupt();
  }
}

/** Ends the labs of a guide that did not come to its end. */
async function takeDown(steps: readonly GuideStep[]): Promise<void> {
  const up = steps.flatMap(({ commands }) => [...commands.matchAll(/wirespan lab up (\S+)/g)]);
  for (const [, lab] of up) await terminal.run(`wirespan lab down ${lab}`);
}

interface GradeLine {
  readonly solved: boolean;
  readonly points: number;
  readonly of: number;
  readonly problems: readonly string[];
  readonly marks: readonly { readonly passed: boolean; readonly text: string; readonly advice?: string }[];
}

async function graded(file: string): Promise<GradeLine & { readonly status: number | null }> {
  const { status, text } = await terminal.run(`wirespan lab grade ${file} --json`);
  return { status, ...(JSON.parse(text) as GradeLine) };
}

/** TABLE: what is nearly right, by the exercise: it is instead of what follows it, and costs one point. */
const wrong: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "4-vlans-and-mtu": [
    ["mtu: 1563", "mtu: 1562"],
    ["mtu: 9000", "mtu: 1562"],
  ],
  "5-nat": [
    ["hello_interval_s: 0", "hello_interval_s: 2"],
    ["hello_interval_s: 60", "hello_interval_s: 2"],
    ["hello_interval_s: 3600", "hello_interval_s: 2"],
  ],
};

describe.each(exercises().map(({ name }) => name))("lab %s", (name) => {
  test("its guide: every command does what is promised", async () => {
    const guide = exercises().find((exercise) => exercise.name === name)?.guide ?? "";
    const steps = guideSteps(readFileSync(guide, "utf8"));
    expect(steps.length).toBeGreaterThan(5);
    await using second = new SecondTerminal(terminal);
    onTestFinished(() => takeDown(steps));
    for (const { commands, output, fails, isSecond, interrupts } of steps) {
      if (interrupts) await second.interrupt();
      if (isSecond) {
        await second.start(commands);
        continue;
      }
      const { status, text } = await terminal.run(commands);
      expect({ commands, failed: status !== 0, text }).toEqual({ commands, failed: fails, text });
      const missing = output === undefined ? undefined : missingLine(output, text);
      expect({ commands, missing, text }).toEqual({ commands, missing: undefined, text });
    }
  });

  test("the author's solution gets all points", async () => {
    const copy = `${name}-solved.yaml`;
    writeFileSync(join(folder, copy), solved(readFileSync(authorsFile(name), "utf8"), name, answersOf(name)));
    const grade = await graded(copy);
    expect(grade.marks.filter(({ passed }) => !passed)).toEqual([]);
    expect(grade).toMatchObject({ status: 0, solved: true, problems: [], points: grade.of });
  });

  test.each(wrong[name] ?? [])("is not solved with %s instead of %s", async (instead, right) => {
    const copy = `${name}-wrong.yaml`;
    const text = solved(readFileSync(authorsFile(name), "utf8"), name, answersOf(name));
    expect(text).toContain(right);
    writeFileSync(join(folder, copy), text.replace(right, instead));
    const grade = await graded(copy);
    expect(grade).toMatchObject({ status: 1, solved: false, problems: [], points: grade.of - 1 });
  });

  test("the copy as it is handed out gets no points", async () => {
    await terminal.run(`wirespan lab exercise ${name} ${name}-untouched.yaml`);
    const grade = await graded(`${name}-untouched.yaml`);
    const lost = grade.marks.filter(({ passed }) => !passed);
    expect(grade).toMatchObject({ status: 1, solved: false, problems: [], points: 0 });
    expect(lost.length).toBeGreaterThan(answersOf(name).length);
    expect(lost.filter(({ advice }) => advice === undefined)).toEqual([]);
  });
});
