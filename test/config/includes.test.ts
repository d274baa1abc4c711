import { expect, test } from "vitest";
import type { FoundFiles, IncludeReader } from "../../src/config/includes.ts";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { configOf } from "../support/configuration.ts";

type Files = Readonly<Record<string, string>>;

/** Files in memory, all in one directory; a name that ends in / is a directory of them. */
function readerOf(files: Files): IncludeReader {
  const find = (entry: string): FoundFiles => {
    if (entry in files) return { kind: "file", path: entry };
    if (!entry.endsWith("/")) return { kind: "problem", problem: `no file ${entry}` };
    const paths = Object.keys(files).filter((name) => name.startsWith(entry));
    return { kind: "files", paths: paths.toSorted(), wanted: `${entry}*` };
  };
  return {
    find,
    read: (path, most) => {
      const text = files[path] ?? "";
      if (text === "SECRET") return { problem: `${path}: EACCES` };
      return text.length > most ? { problem: `${path} is too long` } : { text };
    },
  };
}

const parse = (main: string, files: Files) =>
  parseConfig(main, "main", { hostName: "h", files: readerOf(files) });

function problemsOf(main: string, files: Files): readonly string[] {
  const { config, problems } = parse(main, files);
  if (config !== undefined) throw new Error("in order, but should not be");
  return problems.map(formatProblem);
}

function validOf(main: string, files: Files) {
  const parsed = parse(main, files);
  if (parsed.config === undefined) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed;
}

const tunnel = (name: string, peer: number, more = "") =>
  `  ${name}:\n    remote: 192.0.2.${peer}\n${more}` +
  `    pseudowires: { ${name}-lan: { circuit: { tap: ${name} } } }\n`;
const file = (...tunnels: readonly string[]) => `tunnels:\n${tunnels.join("")}`;

const head = "lcce: { host_name: n }\ndefaults: { tunnel: { local: 192.0.2.1, hello_interval_s: 7 } }\n";

test("files are the same as one with all they have, in the order of the names, defaults and all", () => {
  const bridges = "bridges: { lan: { mtu: 1400 } }\n";
  const main = `${head}include: [d/, single]\n${file(tunnel("m", 9))}`;
  const files = {
    "d/2": file(tunnel("b", 3)),
    "d/1": `include: [d/2, deep]\n${file(tunnel("a", 2))}`,
    deep: `${bridges}${file(tunnel("c", 4))}`,
    single: file(tunnel("e", 5)),
  };
  const { config, files: read } = validOf(main, files);
  const whole =
    head + bridges + file(tunnel("m", 9), tunnel("a", 2), tunnel("b", 3), tunnel("c", 4), tunnel("e", 5));
  expect(config).toEqual({ ...configOf(whole), lcce: config.lcce });
  expect(read.map(({ file: name }) => name)).toEqual(["main", "d/1", "d/2", "deep", "single"]);
});

test("anchors and x- keys are of one file, and a file may bring nothing", () => {
  const files = {
    a: `x-base: &base { hello_interval_s: 3 }\n${file(tunnel("a", 2, "    <<: *base\n    x-note: mine\n"))}`,
    b: file(tunnel("b", 3)),
    c: "# nothing\n",
    d: "tunnels:\n",
    e: "x-only: { a: 1 }\n",
  };
  const { config } = validOf(`${head}include: [a, b, c, d, e]\n`, files);
  expect(config.tunnels.map(({ control }) => control?.helloIntervalMs)).toEqual([3000, 7000]);
  expect(
    problemsOf(`${head}include: [b, w]\n`, { ...files, w: file(tunnel("w", 4, "    <<: *base\n")) }),
  ).toEqual(["w:4:9  no anchor &base stands before"]);
});

/** TABLE: what is wrong, the main file, the included ones, and what is said. */
const mistakes: readonly (readonly [string, string, Files, readonly string[]])[] = [
  [
    "a key that is none, and a value, each where it is written",
    `${head}include: [a, b]\n`,
    {
      a: file(tunnel("a", 2, "    hello_intervall_s: 3\n")),
      b: `# a\n\n${file(tunnel("b", 3, "    hello_interval_s: soon\n"))}`,
    },
    [
      "a:4:5  tunnels.a.hello_intervall_s: unknown key; did you mean hello_interval_s?",
      "b:6:23  tunnels.b.hello_interval_s: wanted a number from 0 to 3600",
    ],
  ],
  [
    "a default, once, in the main file",
    "defaults: { tunnel: { hello_interval_s: soon, local: 192.0.2.1 } }\ninclude: [a, b]\n",
    { a: file(tunnel("a", 2)), b: file(tunnel("b", 3)) },
    ["main:1:41  defaults.tunnel.hello_interval_s: wanted a number from 0 to 3600"],
  ],
  [
    "a tunnel that is in two files, with both places",
    `include: [a, b]\n${file(tunnel("m", 9))}`,
    { a: file(tunnel("m", 2)), b: file(tunnel("b", 3), tunnel("m", 4)) },
    [
      "a:2:3  tunnels.m: there is a tunnel of this name already, in main:3",
      "b:5:3  tunnels.m: there is a tunnel of this name already, in main:3",
    ],
  ],
  [
    "a bridge that is in two files",
    `${head}include: [a, b]\n`,
    { a: `bridges: { lan: {} }\n${file(tunnel("a", 2))}`, b: "bridges:\n  lan: {}\n" },
    ["b:2:3  bridges.lan: there is a bridge of this name already, in a:1"],
  ],
  [
    "clashes between files, with both places",
    `${head}include: [a, b]\n`,
    {
      a: file(tunnel("a", 2)),
      b: file(tunnel("b", 2).replace("tap: b", "tap: a").replace("b-lan", "a-lan")),
    },
    [
      "b:3:13  tunnels.b.remote: tunnel a has the same ends (in a:2)",
      "b:4:20  tunnels.b.pseudowires.a-lan: tunnel a has a pseudowire of this name: " +
        'give it another name and write remote_end_id: "a-lan", by which the peer calls it (in a:4)',
      "b:4:45  tunnels.b.pseudowires.a-lan.circuit.tap: a is used by pseudowire a-lan too (in a:4)",
    ],
  ],
  [
    "what belongs in the main file, and what belongs nowhere",
    `${head}include: a\n`,
    { a: `lcce: {}\ndefaults: {}\ntunels: {}\nplane: auto\n${file(tunnel("a", 2))}` },
    [
      "a:1:1  lcce: this key holds for the whole configuration: move it to main",
      "a:2:1  defaults: this key holds for the whole configuration: move it to main",
      "a:3:1  tunels: unknown key; did you mean tunnels?",
      "a:4:1  plane: this key holds for the whole configuration: move it to main",
    ],
  ],
  [
    "files that are not there, cannot be read, or hold no mapping; the others are looked at",
    `${head}include: [gone, secret, list, a]\n`,
    { secret: "SECRET", list: "- a\n", a: file(tunnel("a", 2, "    hello_interval_s: -1\n")) },
    [
      "main:3:11  include[0]: no file gone",
      "main:3:17  include[1]: secret: EACCES",
      "list:1:1  wanted a mapping with `tunnels:`",
      "a:4:23  tunnels.a.hello_interval_s: wanted at least 0",
    ],
  ],
  [
    "tunnels that are no mapping",
    `${head}include: a\n`,
    { a: "tunnels: [a]\n" },
    ["a:1:10  tunnels: wanted a mapping by names"],
  ],
  [
    "no tunnel in any file",
    "include: d/\n",
    { "d/1": "# empty\n" },
    ["main:1:1  tunnels: there is no tunnel"],
  ],
  [
    "files that include each other",
    `${head}include: a\n`,
    { a: `include: b\n${file(tunnel("a", 2))}`, b: "include: a\n" },
    ["b:1:10  include: includes itself: main includes a includes b includes a"],
  ],
  [
    "mistakes of YAML in one file, beside keys before them and keys of others",
    `${head}include: [a, b]\n`,
    {
      a: `tunnels:\n  a: { remote: 192.0.2.2, hello_interval_s: -1, pseudowires: {} }\n  b: { remote: [\n`,
      b: file(tunnel("c", 3, "    hello_interval_s: -2\n")),
    },
    [
      "a:2:45  tunnels.a.hello_interval_s: wanted at least 0",
      "a:3:6  this { is not closed: a } is missing",
      "b:4:23  tunnels.c.hello_interval_s: wanted at least 0",
    ],
  ],
  [
    "a key that is there twice in an included file",
    `${head}include: a\n`,
    { a: `${file(tunnel("a", 2))}tunnels: {}\n` },
    ["a:5:1  `tunnels` is there already, in line 1"],
  ],
  [
    "an include that is no path",
    `${head}include: { a: 1 }\n${file(tunnel("a", 2))}`,
    {},
    ["main:3:1  include: wanted the path of a file or directory, or a list of them"],
  ],
  [
    "a wildcard within a path, and an empty path",
    `${head}include: ["*/a.yaml", ""]\n${file(tunnel("a", 2))}`,
    {},
    [
      "main:3:11  include[0]: `*` can only be in the last part of a path, as in tunnels.d/*.yaml",
      "main:3:23  include[1]: must not be empty",
    ],
  ],
];

test.each(mistakes)("%s", (_name, main, files, expected) => {
  expect(problemsOf(main, files)).toEqual(expected);
});

test("files within files end somewhere, and so do very many", () => {
  const deep = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `f${index}`,
      `include: f${index + 1}\n${file(tunnel(`t${index}`, index + 2))}`,
    ]),
  );
  expect(problemsOf(`${head}include: f0\n`, { ...deep, f12: "" })).toEqual([
    "f7:1:10  include: f8: files include each other more than 8 deep",
  ]);
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`d/${index}`, ""]));
  expect(problemsOf(`${head}include: d/\n${file(tunnel("a", 2))}`, many)).toEqual([
    "main:3:10  include: more than 10000 files are included",
  ]);
  const long = "#".repeat(40 * 1024 * 1024);
  expect(problemsOf(`${head}include: [a, b]\n${file(tunnel("a", 2))}`, { a: long, b: long })).toEqual([
    "main:3:14  include[1]: b is too long",
  ]);
});

test("a directory without files is in order and noted, and a file that two entries name is read once", () => {
  const { notes, config } = validOf(`${head}include: [none/, a, d/]\n`, {
    a: file(tunnel("a", 2)),
    "d/1": "include: [a]\n",
  });
  expect(config.tunnels.map(({ name }) => name)).toEqual(["a"]);
  expect(notes().map(formatProblem)).toEqual([
    "main:3:11  include[0]: nothing to include: no file matches none/*",
  ]);
});

test("keys are found in the files that they are in, and what others find there is told there", () => {
  const { located, locationsOf } = validOf(`${head}include: [a, b]\n`, {
    a: file(tunnel("a", 2)),
    b: `\n${file(tunnel("b", 3, "    local: 192.0.2.77\n"))}`,
  });
  const path = ["tunnels", "b", "local"];
  expect(locationsOf([path, ["tunnels", "a", "local"], ["lcce"]])).toEqual([
    { file: "b", line: 5, column: 12 },
    { file: "main", line: 2, column: 30 },
    { file: "main", line: 1, column: 1 },
  ]);
  expect(located([{ path, message: "is not there" }]).map(formatProblem)).toEqual([
    "b:5:12  tunnels.b.local: is not there",
  ]);
});
