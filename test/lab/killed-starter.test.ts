import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { processStatus } from "../../src/lab/processes.ts";
import { LABS_VARIABLE } from "../../src/lab/running.ts";
import { eventually, MAIN } from "../support/lab.ts";
import { type LabProcess, processesOf } from "../support/lab-leftovers.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-killed-starter-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "long.yaml");
writeFileSync(
  file,
  `title: a check that takes long
networks: { wan: { mtu: 1500 } }
lans: { one: {} }
hosts:
  h: { lan: one, address: 10.0.0.1/24 }
checks:
  - run: [h, sleep 500]
    within: 500s
exercise:
  questions: [{ ask: "how many?", answer: "1" }]
  answers: ["1"]
`,
);

/** A lab that is not up for a long time, as its tunnel has no other end. */
const waiting = join(folder, "waiting.yaml");
writeFileSync(
  waiting,
  `title: a tunnel that does not come up
networks: { wan: { mtu: 1600, subnet: 192.0.2.0/24 } }
lans: { one: {} }
routers: { nobody: { ports: { wan: 192.0.2.2 } } }
lcces:
  a:
    lan: one
    wan: { wan: 192.0.2.1 }
    wirespan:
      tunnels:
        nobody:
          local: 192.0.2.1
          remote: 192.0.2.2
          pseudowires: { lan: { circuit: { interface: trunk } } }
`,
);

/** A command of `wirespan lab`, in a set of labs and with a temporary folder of its own. */
class Started {
  readonly child: ChildProcess;
  readonly #command: string | undefined;
  readonly #labs: string;
  readonly #temporary: string;
  readonly #environment: NodeJS.ProcessEnv;
  static #number = 0;

  constructor(...words: readonly string[]) {
    Started.#number += 1;
    this.#command = words[0];
    this.#labs = `${process.env[LABS_VARIABLE]}-killed-${Started.#number}`;
    this.#temporary = join(folder, `temporary-${Started.#number}`);
    mkdirSync(this.#temporary);
    const own = { TMPDIR: this.#temporary, XDG_RUNTIME_DIR: this.#temporary, [LABS_VARIABLE]: this.#labs };
    this.#environment = { ...process.env, ...own };
    const all = [MAIN, "lab", ...words];
    this.child = spawn(process.execPath, all, { stdio: "ignore", env: this.#environment });
  }

  get processes(): readonly LabProcess[] {
    return processesOf(this.#labs);
  }

  /** The process that has this pid in the lab's pid namespace, once the lab's first process has said it. */
  async first(): Promise<number> {
    let pid: number | undefined;
    await eventually("the lab has a first process", () => {
      const isFirst = ({ pid: one, words }: LabProcess) =>
        words.includes("inside") && processStatus(one)?.pids.slice(1).at(-1) === 1;
      pid = this.processes.find(isFirst)?.pid;
      return pid !== undefined;
    });
    return pid ?? 0;
  }

  async another(...words: readonly string[]): Promise<string> {
    const command = [process.execPath, MAIN, "lab", ...words];
    return (await run(command, { environment: this.#environment, accept: [0, 1, 2, 3] })).stdout;
  }

  async nothingLeft(): Promise<void> {
    const left = () => [
      ...this.processes.map(({ words }) => words.join(" ")),
      ...readdirSync(this.#temporary),
    ];
    // The folder of a grade that was killed goes with the next one.
    if (this.#command === "grade") await this.another("grade", "no-such-file.yaml");
    await eventually("nothing is left", () => left().length === 0, 5000).catch(() => {});
    expect(left()).toEqual([]);
  }

  /** Ends what a test that failed has left. */
  [Symbol.dispose](): void {
    for (const { pid } of this.processes) process.kill(pid, "SIGKILL");
  }
}

const report = join(folder, "report.html");

/** TABLE: commands that build a lab which ends with them, or once it is up stays. */
const testing = [
  ["test", file],
  ["test", file, "--report", report],
  ["grade", file, "--author", file],
] as const;
const staying = [
  ["up", waiting],
  ["test", waiting, "--keep"],
] as const;

test.each<readonly string[]>([...staying, ...testing])(
  "kill -9 of lab %s %s while the first process of the lab is stopped leaves nothing",
  async (...words) => {
    using started = new Started(...words);
    process.kill(await started.first(), "SIGSTOP");
    started.child.kill("SIGKILL");
    await started.nothingLeft();
  },
);

describe.each(["the command", "the first process"] as const)("kill -9 of %s", (victim) => {
  test.each<readonly string[]>(testing)(
    "of lab %s %s while a check is made leaves nothing",
    async (...words) => {
      using started = new Started(...words);
      const first = await started.first();
      await eventually("the check is made", () =>
        started.processes.some(({ words: running }) => running.join(" ") === "sleep 500"),
      );
      process.kill(victim === "the command" ? (started.child.pid ?? 0) : first, "SIGKILL");
      await started.nothingLeft();
    },
  );
});

test("a lab whose first process is stopped is listed, and taken down", async () => {
  using started = new Started("up", file);
  await new Promise((resolve) => started.child.on("exit", resolve));
  process.kill(await started.first(), "SIGSTOP");
  expect(await started.another("list")).toMatch(/^long .*does not answer/m);
  await started.another("down", "long");
  await started.nothingLeft();
});
