import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../../src/daemon/configuration-file.ts";
import { includeReader, matches } from "../../src/daemon/included-files.ts";

const directory = mkdtempSync(join(tmpdir(), "included-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
const main = at("main.yaml");

const tunnel = (name: string, peer: number) =>
  `tunnels: { ${name}: { remote: 192.0.2.${peer}, ` +
  `pseudowires: { ${name}: { circuit: { tap: ${name} } } } } }\n`;

mkdirSync(at("d"));
mkdirSync(at("d/sub.yaml"));
mkdirSync(at("empty"));
for (const name of ["b.yaml", "a.yml", "10.yaml", "9.yaml", ".hidden.yaml", "c.yaml~", "readme"])
  writeFileSync(at(`d/${name}`), tunnel(name.replace(/\W/g, ""), 9));
symlinkSync("nowhere", at("d/z.yaml"));

/** What an entry of the main file finds, without the directory. */
function found(entry: string): readonly string[] | string {
  const files = includeReader.find(entry, main);
  if (files.kind === "problem") return files.problem.replaceAll(directory, "");
  return (files.kind === "file" ? [files.path] : files.paths).map((path) => path.replace(directory, ""));
}

test("an entry is a file, a directory or a pattern, as seen from the file that has it", () => {
  expect(found("d/b.yaml")).toEqual(["/d/b.yaml"]);
  expect(found(at("d/b.yaml"))).toEqual(["/d/b.yaml"]);
  const all = ["/d/10.yaml", "/d/9.yaml", "/d/a.yml", "/d/b.yaml", "/d/z.yaml"];
  expect([found("d"), found("d/"), found("./d/../d")]).toEqual([all, all, all]);
  expect(found("d/*.yaml")).toEqual(all.filter((name) => name !== "/d/a.yml"));
  expect([found("empty"), found("d/*.conf")]).toEqual([[], []]);
  expect([found("none"), found("none/*.yaml"), found("d/b.yaml/x")]).toEqual([
    "include a file: ENOENT (/none); there is no such file or directory",
    "include a file: ENOENT (/none/*.yaml); there is no such file or directory",
    "include a file: ENOTDIR (/d/b.yaml/x); a part of the path is a file and no directory",
  ]);
});

test("only files of a bounded size are read", () => {
  const problem = (path: string, most = 1000) => {
    const read = includeReader.read(path, most);
    return "problem" in read ? read.problem.replaceAll(directory, "") : read.text;
  };
  expect(problem(at("d/b.yaml"))).toBe(tunnel("byaml", 9));
  expect(problem(at("d/b.yaml"), 3)).toMatch(/^\/d\/b.yaml is too long: \d+ octets$/);
  expect(problem("/dev/zero")).toBe("/dev/zero is no file: only files can be included");
  expect(problem(at("d/z.yaml"))).toBe(
    "include a file: ENOENT (/d/z.yaml); there is no such file or directory",
  );
});

test.each([
  ["a.yaml", "*.yaml", true],
  ["a.yml", "*.yaml", false],
  [".yaml", "*.yaml", false],
  [".a", ".*", true],
  ["abab", "a*ab", true],
  ["ab", "ab*b", false],
  ["a-b-c", "a*b*c", true],
  ["a-c-b", "a*b*c", false],
  ["anything", "*", true],
  ["a", "**", true],
  ["a.b", "a?b", false],
  [`${"a".repeat(200)}`, `${"a*".repeat(50)}b`, false],
])("%s by %s: %s", (name, pattern, expected) => {
  expect(matches(name, pattern)).toBe(expected);
});

test("a daemon's file with what it includes is loaded, with the places of its tunnels", () => {
  writeFileSync(at("one.yaml"), `\n${tunnel("one", 2)}`);
  writeFileSync(main, `include: [empty, one.yaml]\n${tunnel("here", 3)}`);
  const loaded = loadConfig(main);
  if (!("config" in loaded)) throw new Error(loaded.problems.join("\n"));
  expect(loaded.files.map(({ file }) => file)).toEqual([main, at("one.yaml")]);
  expect(loaded.locations().get("tunnel one")).toBe(`${at("one.yaml")}:2:12`);
  expect(loaded.locations().get("pseudowire here")).toMatch(`${main}:2:`);
  expect(loaded.notes()).toEqual([
    `${main}:1:11  include[0]: nothing to include: no file matches ` +
      `${at("empty/*.yaml")} or ${at("empty/*.yml")}`,
  ]);
  writeFileSync(main, `include: gone.yaml\n${tunnel("here", 3)}`);
  expect(loadConfig(main)).toMatchObject({
    problems: [
      `${main}:1:10  include: include a file: ENOENT (${at("gone.yaml")}); ` +
        "there is no such file or directory",
    ],
  });
});
