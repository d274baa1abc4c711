import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manualPages } from "../../packaging/man/pages.ts";
import { inline, markdownParts } from "../../packaging/man/roff.ts";
import { createProgram } from "../../src/cli/program.ts";
import { configFields } from "../../src/config/fields.ts";
import { discardReasons } from "../../src/forwarding/discard-reasons.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-man-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pages = manualPages("1.2.3", "2026-01-02");

describe("manual pages", () => {
  test.each([...pages])("%s: man(1) finds nothing wrong with it", (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    const environment = { ...process.env, MANWIDTH: "80", LC_ALL: "C.UTF-8" };
    const { stdout, stderr } = spawnSync("man", ["--warnings", "--local-file", path], {
      encoding: "utf8",
      env: environment,
    });
    expect(stderr).toBe("");
    for (const title of ["NAME", "SEE ALSO"]) expect(stdout).toMatch(new RegExp(`^${title}$`, "m"));
  });

  test("there is one for each command, which has its options and those below it", () => {
    const program = createProgram({ out() {}, error() {}, exit() {} });
    for (const command of program.commands) {
      const text = pages.get(`wirespan-${command.name()}.8`) ?? "";
      const all = [command, ...command.commands.filter((one) => one.name() !== "inside")];
      for (const { options } of all)
        for (const { long } of options) expect(text, long ?? "").toContain(inline(long ?? ""));
    }
  });

  test("keys of the configuration and reasons of discards are in theirs", () => {
    for (const key of Object.keys(configFields.shape))
      expect(pages.get("wirespan.yaml.5")).toContain(`.TP\n\\fB${inline(key)}\\fR\n`);
    for (const { name } of discardReasons)
      expect(pages.get("wirespan-discards.7")).toContain(`.TP\n\\fB${inline(name)}\\fR\n`);
  });
});

test.each([
  ["a-b", "a\\-b"],
  [".a", "\\&.a"],
  ["`a_b` and _c_ of [d](e.md)", "\\fBa_b\\fR and \\fIc\\fR of d"],
  ["a\\b", "a\\eb"],
])("Markdown %j is roff %j", (markdown, roff) => {
  expect(inline(markdown)).toBe(roff);
});

test("tables are items, with the names of columns where there are many", () => {
  expect(markdownParts("| a | b |\n|---|---|\n| `c` | d |")).toEqual([".TP\n\\fBc\\fR\nd"]);
  const wide = "| a | b | c | d |\n|---|---|---|---|\n| e | f |  | g |";
  expect(markdownParts(wide)).toEqual([".TP\ne\nb: f; c: \\-; d: g"]);
});
