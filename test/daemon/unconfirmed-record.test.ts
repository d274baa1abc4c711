import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type LoadedConfig, loadConfig } from "../../src/daemon/configuration-file.ts";
import type { Log } from "../../src/daemon/log.ts";
import {
  digestOf,
  startingConfiguration,
  tellStartingConfiguration,
} from "../../src/daemon/unconfirmed-record.ts";

const directory = mkdtempSync(join(tmpdir(), "unconfirmed-"));
afterAll(() => rmSync(directory, { recursive: true }));
const main = join(directory, "main.yaml");
const socket = join(directory, "w.sock");
mkdirSync(join(directory, "d"));
mkdirSync(join(directory, "empty"));

const tunnel = (name: string, peer: number) =>
  `tunnels: { ${name}: { remote: 192.0.2.${peer}, ` +
  `pseudowires: { ${name}: { circuit: { tap: ${name} } } } } }\n`;

/** Writes a main file and one that it includes, and reads them. */
function written(peer: number): LoadedConfig {
  writeFileSync(
    main,
    `lcce: { control_socket: ${socket} }\ninclude: [d, empty, d/x.yaml]\n${tunnel("m", peer)}`,
  );
  writeFileSync(join(directory, "d/x.yaml"), tunnel("x", peer + 100));
  const loaded = loadConfig(main);
  if ("problems" in loaded) throw new Error(loaded.problems.join("\n"));
  return loaded;
}

const start = (loaded: LoadedConfig, file = main) => startingConfiguration(loaded, file);

/** Applies a second configuration that is to be confirmed. */
function unconfirmed() {
  const former = written(1);
  const applied = written(2);
  start(former).record.save({ file: main, applied: digestOf(applied.files), former: [...former.files] });
  return { former, applied };
}

const lines: string[] = [];
const log = {
  warn: (_: object, text: string) => lines.push(text),
  error: (_: object, text: string) => lines.push(text),
} as unknown as Log;

test("without a record a daemon starts with its file, and says nothing", () => {
  const loaded = written(1);
  const starting = start(loaded);
  expect([starting.loaded === loaded, starting.undone, starting.told]).toEqual([true, undefined, []]);
  tellStartingConfiguration(starting, main, log);
  expect(lines.splice(0)).toEqual([]);
});

test("a start goes back from a file that was not confirmed, with all that it included then", () => {
  const { former, applied } = unconfirmed();
  expect(statSync(`${socket}.unconfirmed`).mode & 0o777).toBe(0o600);
  const starting = start(applied);
  expect(starting.loaded.config).toEqual(former.config);
  expect(starting.undone).toBe(digestOf(applied.files));
  tellStartingConfiguration(starting, main, log);
  expect(lines.splice(0)).toEqual([
    `${main} was applied to be confirmed, and was not: this daemon starts with the configuration before; ` +
      "to apply the file: wirespan reload",
  ]);
  // However often it starts.
  expect(start(written(2)).undone).toBeDefined();
});

test("an edited file counts, also where what it includes was edited, and the record goes", () => {
  for (const edit of [
    () => written(3),
    () => {
      const loaded = written(2);
      writeFileSync(join(directory, "d/x.yaml"), `# edited\n${tunnel("x", 102)}`);
      const again = loadConfig(main);
      return "problems" in again ? loaded : again;
    },
  ]) {
    unconfirmed();
    const loaded = edit();
    const starting = start(loaded);
    expect([starting.loaded === loaded, starting.undone]).toEqual([true, undefined]);
    tellStartingConfiguration(starting, main, log);
    expect(lines.splice(0)).toEqual([`${main} was edited since it was applied and not confirmed: it counts`]);
    expect(start(written(2)).undone).toBeUndefined();
  }
});

test("another main file, a damaged record and a configuration that is none any more do not count", () => {
  const { applied } = unconfirmed();
  expect(start(applied, "/other.yaml").told).toEqual([
    `the file that was not confirmed is ${main}, not this one`,
  ]);
  start(applied).record.save({
    file: main,
    applied: digestOf(applied.files),
    former: [{ file: main, text: "x" }],
  });
  expect(start(applied).told).toEqual([
    expect.stringMatching(/^the configuration before cannot be read any more: .*main.yaml:1:1/),
  ]);
  start(applied).record.save({ file: main, applied: digestOf(applied.files), former: [] });
  expect(start(applied).told).toEqual(["of the configuration before nothing was kept"]);
  for (const damaged of ["{", "[]", '{"file":1}']) {
    writeFileSync(`${socket}.unconfirmed`, damaged);
    const starting = start(applied);
    expect([starting.loaded === applied, starting.told.length]).toEqual([true, 1]);
    tellStartingConfiguration(starting, main, log);
    expect(start(applied).told).toEqual([]);
    lines.splice(0);
  }
});
