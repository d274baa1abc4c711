import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { LABS_VARIABLE } from "../../src/lab/running.ts";
import { scaled } from "../support/effort.ts";
import { eventually, MAIN } from "../support/lab.ts";
import { type LabProcess, machineState, processesOf } from "../support/lab-leftovers.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { seedOr } from "../support/seeds.ts";

const KILLS = 50;
/** Labs that live at once, in sets of their own. */
const AT_ONCE = 2;
/** What a start takes, about; kills during one are at any moment of it, and some after. */
const START_MS = 3500;
const TEST_MS = 3000;
const DOWN_MS = 900;

const folder = mkdtempSync(join(tmpdir(), "wirespan-nothing-left-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const site = (name: string, own: string, peer: string) => `
    address: ${own}/24
    hosts: { ${name}10: 10, ${name}1: 0 }
    wirespan:
      tunnels:
        peer:
          local: ${own}
          remote: ${peer}
          pseudowires:
            lan:
              circuit: { interface: trunk }`;

const topology = `title: two sites
wan: { mtu: 1600 }
sites:
  a:${site("a", "192.0.2.1", "192.0.2.2")}
  b:${site("b", "192.0.2.2", "192.0.2.1")}
links:
  a.wan: { delay: 2ms }
checks:
  - ping: [a10, b10]
  - ping: [a1, b1]
`;

/** One set of labs with one topology, whose processes get killed. */
class Victim {
  readonly #labs: string;
  readonly #file: string;
  readonly #temporary: string;
  readonly #random: SeededRandom;
  readonly killed: string[] = [];

  constructor(name: string, seed: number) {
    this.#labs = `${process.env[LABS_VARIABLE]}-${name}`;
    const own = mkdtempSync(join(folder, name));
    this.#temporary = join(own, "temporary");
    mkdirSync(this.#temporary);
    // The same name, in another folder.
    this.#file = join(own, "two-sites.yaml");
    writeFileSync(this.#file, topology);
    this.#random = new SeededRandom(seed);
  }

  /** Begins a command of `wirespan lab` on the topology. */
  begin(command: string): ChildProcess {
    const { TMPDIR: _, ...others } = process.env;
    const own = { TMPDIR: this.#temporary, XDG_RUNTIME_DIR: this.#temporary, [LABS_VARIABLE]: this.#labs };
    return spawn(process.execPath, [MAIN, "lab", command, this.#file], {
      stdio: "ignore",
      env: { ...others, ...own },
    });
  }

  /**
   * Begins a command, and kills one process of all that there are at a random moment of so many ms; resolves
   * to the command.
   */
  async during(command: string, withinMs: number): Promise<ChildProcess> {
    const child = this.begin(command);
    await pause(this.#random.next() * withinMs);
    this.kill(command);
    return child;
  }

  /** Kills a random process of the set. */
  kill(when: string): LabProcess | undefined {
    const processes = processesOf(this.#labs);
    const one = processes[Math.floor(this.#random.next() * processes.length)];
    if (one === undefined) return undefined;
    this.killed.push(`${when}: ${one.words.join(" ")}`);
    process.kill(one.pid, "SIGKILL");
    return one;
  }

  get isUp(): boolean {
    return processesOf(this.#labs).some(({ words }) => words.includes("hold"));
  }

  async down(): Promise<void> {
    await ended(this.begin("down"));
  }

  /** Ends what a test that failed has left. */
  [Symbol.dispose](): void {
    for (const { pid } of processesOf(this.#labs)) process.kill(pid, "SIGKILL");
  }

  /** Waits until nothing is left. A namespace stays only with a process in it, or a mount of it. */
  async nothingLeft(): Promise<void> {
    const left = () => [
      ...processesOf(this.#labs).map(({ words }) => words.join(" ")),
      ...readdirSync(this.#temporary),
    ];
    await eventually("nothing is left", () => left().length === 0, 10_000).catch(() => {});
    expect(left(), `left after a kill -9 ${this.killed.at(-1)}`).toEqual([]);
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.on("exit", () => resolve()));
}

/** One lab from its start to its end, with a kill at a moment of some parts of its life. */
async function live(victim: Victim, isShort: boolean): Promise<void> {
  if (isShort) {
    await ended(await victim.during("up", START_MS));
    if (victim.isUp) await victim.down();
    return victim.nothingLeft();
  }
  await ended(victim.begin("up"));
  expect(victim.isUp, "it is up").toBe(true);
  const killed = victim.kill("while it runs");
  const isEnd = killed?.words.includes("hold") === true;
  // With its first process, or with the one that made the namespaces, it ends by itself.
  if (isEnd) return victim.nothingLeft();
  await victim.during("test", TEST_MS);
  await ended(await victim.during("down", DOWN_MS));
  if (victim.isUp) await victim.down();
  await victim.nothingLeft();
}

test("kill -9 of any process of a lab at any moment: nothing is left", { timeout: 600_000 }, async () => {
  const before = machineState();
  let kills = 0;
  const work = async (name: string, seed: number): Promise<readonly string[]> => {
    using victim = new Victim(name, seed);
    for (let life = 0; kills < scaled(KILLS); life += 1) {
      const already = victim.killed.length;
      await live(victim, life % 2 === 0);
      kills += victim.killed.length - already;
    }
    return victim.killed;
  };
  const seed = seedOr(1);
  const victims = Array.from({ length: AT_ONCE }, (_, index) => work(`set-${index}`, seed + index));
  const killed = (await Promise.all(victims)).flat();
  expect(killed.length).toBeGreaterThanOrEqual(scaled(KILLS));
  expect(machineState()).toEqual(before);
});
