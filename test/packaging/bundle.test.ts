import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle, programsIn } from "../../packaging/bundle.ts";
import { packagesFolder, repository } from "../../packaging/paths.ts";
import { isInBundle } from "../../packaging/tree.ts";
import { namesIn, readSources } from "../support/architecture.ts";

/** In the repository, so that the native packages are found. */
let folder: string;
beforeAll(async () => {
  mkdirSync(packagesFolder, { recursive: true });
  folder = mkdtempSync(join(packagesFolder, "bundle-"));
  copyFileSync(join(repository, "package.json"), join(folder, "package.json"));
  await bundle(join(folder, "dist"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sources = readSources();
const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

describe("the bundle", () => {
  test("has an entrance for every program that a source starts by its URL", () => {
    const started = sources.flatMap((file) => namesIn(file).programs);
    expect(new Set(programsIn(sources))).toEqual(new Set(["cli/main.ts", "index.ts", ...started]));
    for (const path of started)
      expect(existsSync(join(folder, "dist", path.replace(/\.ts$/, ".js"))), path).toBe(true);
  });

  test("starts, and knows the version of the package.json beside it", () => {
    const main = join(folder, "dist/cli/main.js");
    expect(execFileSync(process.execPath, [main, "--version"], { encoding: "utf8" })).toBe(`${version}\n`);
  });

  test("the library has the exports of its sources", async () => {
    const bundled = await import(/* @vite-ignore */ join(folder, "dist/index.js"));
    const own = await import("../../src/index.ts");
    expect(Object.keys(bundled).sort()).toEqual(Object.keys(own).sort());
  });

  test("a configuration is checked", () => {
    const words = [join(folder, "dist/cli/main.js"), "check", join(repository, "examples/minimal.yaml")];
    const { stdout, status } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect([stdout, status]).toEqual(["OK: 1 tunnel, 1 pseudowire\n", 0]);
  });
});

test.each([
  ["dist/cli/main.js", true],
  ["dist/index.d.ts", true],
  ["dist/web/app.js", false],
  ["docs/page.md", false],
])("%s is in the bundle: %s; what is not, packages have as it is", (path, isThere) => {
  expect(isInBundle(path)).toBe(isThere);
});
