import { expect, test } from "vitest";
import { OperationalError } from "../../src/bytes/errors.ts";
import { ConflictError } from "../../src/daemon/api-errors.ts";
import type { Reloadable, RunningConfiguration } from "../../src/daemon/apply-reload.ts";
import type { Log } from "../../src/daemon/log.ts";
import { type LoadedFiles, Reloads } from "../../src/daemon/reloads.ts";
import type { ReloadReport } from "../../src/daemon/status.ts";
import { digestOf, type Unconfirmed } from "../../src/daemon/unconfirmed-record.ts";
import { configOf } from "../support/configuration.ts";

const fileOf = (peer: number, top = "") =>
  `${top}tunnels: { t: { remote: 192.0.2.${peer}, pseudowires: { p: { circuit: { tap: t } } } } }\n`;

/** A daemon in virtual time, of which is known what it was made to run, and its file. */
class World {
  nowMs = 1000;
  deadlineMs: number | undefined;
  text = fileOf(1);
  /** Why the file cannot be read. */
  mistake: string | undefined;
  saved: Unconfirmed | undefined;
  /** Whether the record can be written. */
  isFull = false;
  readonly lines: string[] = [];
  readonly ran: RunningConfiguration[] = [];
  running: RunningConfiguration;
  readonly reloads: Reloads;

  constructor(undone?: string) {
    const start = this.#load();
    this.running = { ...start, secrets: new Map([["t", [Uint8Array.of(1, 2)]]]) };
    const log = (level: string) => (_fields: object, text: string) => this.lines.push(`${level}: ${text}`);
    const context = {
      file: "f.yaml",
      log: { info: log("info"), warn: log("warn"), error: log("error") } as unknown as Log,
      clock: { nowMs: () => this.nowMs },
      load: () => (this.mistake === undefined ? this.#load() : { problems: [this.mistake] }),
      counted: (reload: () => Promise<ReloadReport>) => reload(),
      waits: async () => [],
      save: (unconfirmed: Unconfirmed | undefined) => {
        if (this.isFull) throw new OperationalError("write a file: ENOSPC");
        this.saved = unconfirmed;
      },
      arm: (deadlineMs: number | undefined) => {
        this.deadlineMs = deadlineMs;
      },
    };
    this.reloads = new Reloads(context, start, undone);
  }

  #load(): LoadedFiles {
    const files = [{ file: "f.yaml", text: this.text }];
    return { config: configOf(this.text), locations: new Map(), files, readMs: this.nowMs };
  }

  readonly daemon: Reloadable = {
    running: () => this.running,
    plan: (config) => ({ config, steps: [], problems: [], frameLoss: [] }),
    reload: async (wanted) => {
      const changed = JSON.stringify(wanted.config) !== JSON.stringify(this.running.config);
      this.running = { ...wanted, secrets: new Map([["t", [Uint8Array.of(9)]]]) };
      this.ran.push(wanted);
      return { changed, plan: "a plan", problems: [], refused: false };
    },
  };

  /** The peer that the daemon's tunnel has. */
  get peer(): string {
    const remote = this.running.config.tunnels[0]?.remote;
    return remote?.kind === "address" ? remote.address.replace("192.0.2.", "") : "none";
  }

  confirmable(seconds: number) {
    return this.reloads.reload(this.daemon, { confirmMs: seconds * 1000 });
  }

  /** Time passes; what was asked for happens. */
  async pass(seconds: number): Promise<void> {
    const end = this.nowMs + seconds * 1000;
    while (this.deadlineMs !== undefined && this.deadlineMs <= end) {
      this.nowMs = this.deadlineMs;
      this.deadlineMs = undefined;
      await this.reloads.expire(this.daemon);
    }
    this.nowMs = end;
  }

  get warnings(): readonly string[] {
    return this.lines.filter((line) => line.startsWith("warn"));
  }
}

const unless = "unless this one is confirmed: wirespan reload --confirmed; at once: wirespan reload --revert";
const refusal = /^not reloaded: the configuration before comes back in .* unless this one is confirmed/;

test("without confirmation the configuration before comes back, whatever the file is", async () => {
  const world = new World();
  const before = world.running;
  world.text = fileOf(2);
  expect(await world.confirmable(60)).toMatchObject({ changed: true, confirmWithinMs: 60_000 });
  expect(world.peer).toBe("2");
  world.mistake = "the file was removed";
  await world.pass(59.9);
  expect([world.peer, world.reloads.status()]).toEqual([
    "2",
    { file: "f.yaml", readForMs: 59_900, revertsInMs: 100 },
  ]);
  await world.pass(0.2);
  expect(world.peer).toBe("1");
  expect(world.ran.at(-1)).toBe(before);
  expect(world.reloads.status()).toEqual({ file: "f.yaml", readForMs: 60_100, undone: true });
  expect(world.warnings).toEqual([
    `warn: the configuration before comes back in 1 min 0 s ${unless}`,
    `warn: the configuration before comes back in 30 s ${unless}`,
    "warn: going back to the configuration before: nobody confirmed it within 1 min 0 s",
    "warn: the configuration before is in force; f.yaml was not confirmed: change it back",
  ]);
  // Nothing more happens, and the record stays for a start.
  await world.pass(3600);
  expect([world.ran.length, world.saved?.former[0]?.text]).toEqual([2, fileOf(1)]);
});

test("a confirmed configuration stays, and nothing is left to go back to", async () => {
  const world = new World();
  world.text = fileOf(2);
  await world.confirmable(60);
  expect(world.saved).toEqual({
    file: "f.yaml",
    applied: digestOf([{ file: "f.yaml", text: fileOf(2) }]),
    former: [{ file: "f.yaml", text: fileOf(1) }],
  });
  await world.pass(59);
  world.reloads.confirm();
  await world.pass(3600);
  expect([world.peer, world.saved, world.ran.length]).toEqual(["2", undefined, 1]);
  expect(world.lines.at(-1)).toBe("info: the configuration is confirmed and stays");
  expect(() => world.reloads.confirm()).toThrow("there is no reload to confirm");
  await expect(world.reloads.revert(world.daemon)).rejects.toThrow(ConflictError);
});

test("going back can be asked for, once", async () => {
  const world = new World();
  world.text = fileOf(2);
  await world.confirmable(60);
  expect(await world.reloads.revert(world.daemon)).toMatchObject({ changed: true });
  expect(world.peer).toBe("1");
  await expect(world.reloads.revert(world.daemon)).rejects.toThrow("is back already");
  expect(() => world.reloads.confirm()).toThrow("is back already");
});

test("meanwhile only a reload that is to be confirmed is taken, and what ran first comes back", async () => {
  const world = new World();
  world.text = fileOf(2);
  await world.confirmable(60);
  await world.pass(50);
  world.text = fileOf(3);
  await expect(world.reloads.reload(world.daemon, {})).rejects.toThrow(refusal);
  await expect(world.reloads.signalled(world.daemon)).rejects.toThrow(refusal);
  expect(world.peer).toBe("2");
  expect(await world.reloads.reload(world.daemon, { dryRun: true })).toMatchObject({ dryRun: true });
  // A mistake changes nothing, and does not stop the clock.
  world.mistake = "f.yaml:1:1 a mistake";
  expect(await world.confirmable(60)).toMatchObject({ refused: true, problems: [world.mistake] });
  world.mistake = undefined;
  expect(world.reloads.status()).toMatchObject({ revertsInMs: 10_000 });
  await world.confirmable(60);
  await world.pass(59);
  expect(world.peer).toBe("3");
  await world.pass(2);
  expect(world.peer).toBe("1");
  expect(world.saved).toMatchObject({
    applied: digestOf([{ file: "f.yaml", text: fileOf(3) }]),
    former: [{ file: "f.yaml", text: fileOf(1) }],
  });
});

test("back to the first file by a reload that is to be confirmed: that is to be confirmed, too", async () => {
  const world = new World();
  world.text = fileOf(2);
  await world.confirmable(60);
  world.text = fileOf(1);
  expect(await world.confirmable(10)).toMatchObject({ confirmWithinMs: 10_000 });
  world.reloads.confirm();
  expect([world.peer, world.saved]).toEqual(["1", undefined]);
});

test("once it went back, SIGHUP does not bring the file, an edit and wirespan reload do", async () => {
  const world = new World();
  world.text = fileOf(2);
  await world.confirmable(5);
  await world.pass(6);
  await world.reloads.signalled(world.daemon);
  expect(world.peer).toBe("1");
  expect(world.lines.at(-1)).toMatch(
    /^warn: SIGHUP: not reloaded: f.yaml is as it was when it was not confirmed/,
  );
  world.text = fileOf(3);
  await world.reloads.signalled(world.daemon);
  expect([world.peer, world.saved, world.reloads.status().undone]).toEqual(["3", undefined, undefined]);
  world.text = fileOf(4);
  await world.confirmable(5);
  await world.pass(6);
  await world.reloads.reload(world.daemon, {});
  expect([world.peer, world.saved, world.reloads.status().undone]).toEqual(["4", undefined, undefined]);
});

test("a daemon that started with the configuration before knows it", async () => {
  const text = fileOf(1);
  const world = new World(digestOf([{ file: "f.yaml", text }]));
  expect(world.reloads.status()).toMatchObject({ undone: true });
  await world.reloads.signalled(world.daemon);
  expect(world.ran).toEqual([]);
  await world.reloads.reload(world.daemon, {});
  expect([world.ran.length, world.reloads.status().undone]).toEqual([1, undefined]);
});

test("nothing is to be confirmed where nothing changed, nor where the file has a mistake", async () => {
  const world = new World();
  expect(await world.confirmable(60)).not.toHaveProperty("confirmWithinMs");
  expect([world.saved, world.deadlineMs]).toEqual([undefined, undefined]);
  world.mistake = "f.yaml:1:1 a mistake";
  expect(await world.confirmable(60)).toMatchObject({ refused: true });
  expect(world.lines).toEqual([
    "error: not reloaded: f.yaml:1:1 a mistake",
    "error: not reloaded: 1 problem in f.yaml; nothing was changed",
  ]);
  await world.reloads.reload(world.daemon, { dryRun: true });
  expect(world.lines).toHaveLength(2);
});

test("what cannot be kept for a start is not applied, nor another control socket", async () => {
  const world = new World();
  world.text = fileOf(2);
  world.isFull = true;
  await expect(world.confirmable(60)).rejects.toThrow("ENOSPC");
  expect([world.ran, world.deadlineMs]).toEqual([[], undefined]);
  world.isFull = false;
  world.text = fileOf(2, "lcce: { control_socket: /run/other.sock }\n");
  expect(await world.confirmable(60)).toMatchObject({
    refused: true,
    problems: [expect.stringMatching(/^lcce.control_socket is another one: --confirm does not take that/)],
  });
  // The record that cannot be removed is told, for a start would go by it.
  world.text = fileOf(2);
  await world.confirmable(60);
  world.isFull = true;
  world.reloads.confirm();
  expect(world.lines.at(-2)).toMatch(/^error: the next start may go back to the configuration before: write/);
});

test("a reload that fails halfway is gone back from, too", async () => {
  const world = new World();
  world.text = fileOf(2);
  const { reload } = world.daemon;
  const failing: Reloadable = {
    ...world.daemon,
    reload: async (wanted) => {
      await reload(wanted);
      throw new OperationalError("halfway");
    },
  };
  await expect(world.reloads.reload(failing, { confirmMs: 5000 })).rejects.toThrow("halfway");
  await world.pass(6);
  expect(world.peer).toBe("1");
});

test("a daemon that ends says that the next one goes back, and does nothing more", async () => {
  const world = new World();
  world.reloads.close();
  expect(world.lines).toEqual([]);
  world.text = fileOf(2);
  await world.confirmable(60);
  world.reloads.close();
  expect(world.lines.at(-1)).toBe(
    "warn: the daemon ends while its configuration is not confirmed: the next start goes back",
  );
  await world.pass(3600);
  expect([world.peer, world.saved === undefined]).toEqual(["2", false]);
});
