import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { MAIN, wirespan } from "../support/lab.ts";
import { withoutRoot } from "../support/without-root.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-command-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the daemon where raw-socket's add-on cannot be found. */
const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const addOnMissing = [
  `node --require ${pathOf("../support/without-add-on.cjs")} ${pathOf("../../dist/cli/main.js")}`,
  `run -c ${pathOf("../../examples/minimal.yaml")}`,
].join(" ");

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("the command line", () => {
  test("help names every command with examples and exit codes", async () => {
    const { stdout, status } = await wirespan("--help");
    expect(status).toBe(0);
    for (const word of ["run", "check", "status", "reload", "decode", "lab", "Examples:", "Exit codes:"]) {
      expect(stdout).toContain(word);
    }
  });

  test("wrong usage exits 2 and names what is wrong", async () => {
    const { status, stderr } = await wirespan("stat");
    expect(status).toBe(2);
    expect(stderr).toContain("status");
  });

  test("check tells every problem at once, with file, line and column, and exits 3", async () => {
    const path = file(
      "bad.yaml",
      "tunnels:\n  x:\n    local: 192.0.2.300\n    remot: 192.0.2.2\n    cookie: 8\n",
    );
    const { status, stderr } = await wirespan("check", path);
    expect(status).toBe(3);
    expect(stderr).toContain(`${path}:4:5  tunnels.x.remot: unknown key; did you mean remote?`);
    expect(stderr.trim().split("\n").length).toBeGreaterThanOrEqual(3);
  });

  test("check names a file that is not there", async () => {
    const { status, stderr } = await wirespan("check", join(folder, "absent.yaml"));
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^wirespan: read the configuration: ENOENT \(.*absent.yaml\); there is no such file/,
    );
    expect(stderr).not.toContain("    at ");
  });

  test("decode says what it cannot read, and what it wants", async () => {
    const cases = [
      ["-", "for standard input write /dev/stdin"],
      [file("no-capture.yaml", "tunnels: {}\n"), "wanted a capture, such as tcpdump -w writes it"],
    ] as const;
    for (const [name, words] of cases) {
      const { status, stderr } = await wirespan("decode", name);
      expect(status).toBe(1);
      expect(stderr).toContain(words);
    }
  });

  test("status and reload exit 4 when no daemon answers, and say what to do", async () => {
    for (const command of ["status", "reload"]) {
      const { status, stderr } = await wirespan(command, "--socket", join(folder, "none.sock"));
      expect(status).toBe(4);
      expect(stderr).toContain("start it with: wirespan run");
    }
  });
});

/**
 * TABLE: why a daemon does not begin: its file, or undefined if there is none; its exit code; words of each
 * line.
 */
const fatal: readonly (readonly [string, string | undefined, number, readonly string[]])[] = [
  ["no file", undefined, 1, ["read the configuration: ENOENT"]],
  ["no YAML", "tunnels: [", 3, [":1:"]],
  [
    "two mistakes",
    "lcce: { host: a }\nplain: 1\ntunnels: {}\n",
    3,
    ["lcce.host: unknown key", "plain: unknown key"],
  ],
  [
    "a socket that no socket can be",
    "lcce: { control_socket: /proc/absent/x.sock }\n" +
      "tunnels: { t: { local: 192.0.2.1, remote: 192.0.2.2 } }\n",
    1,
    ["/proc/absent"],
  ],
];
const format = (as: string) => `log: { format: ${as} }\n`;

describe("why a daemon does not begin", () => {
  const start = async (text: string | undefined) => {
    const path = text === undefined ? join(folder, "absent.yaml") : file("fatal.yaml", text);
    const shown = await run([process.execPath, MAIN, "run", "-c", path], { accept: [0, 1, 3] });
    return { status: shown.status, lines: shown.stderr.trim().split("\n") };
  };

  /** Lines of JSON, one for each problem, with these words. */
  const expectJson = (lines: readonly string[], words: readonly string[]) => {
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const fatal = told.filter(({ event }) => event === "fatal");
    expect(fatal.map(({ level }) => level)).toEqual(words.map(() => "fatal"));
    for (const [index, each] of words.entries()) {
      expect(fatal[index]?.["problem"]).toContain(each);
      expect(fatal[index]?.["text"]).toContain(each);
    }
  };

  test.each(fatal)("%s: lines of JSON where that is what the log is", async (_, text, code, words) => {
    const { status, lines } = await start(text);
    expectJson(lines, words);
    expect(status).toBe(code);
  });

  test("and text where the file wants text", async () => {
    const [, text = "", code, [words = ""]] = fatal[3]!;
    const { status, lines } = await start(text + format("text"));
    expect(status).toBe(code);
    expect(lines.at(-1)).toContain(words);
    expect(lines.at(-1)).not.toContain("{");
    expect(lines[0]).toMatch(/^\[[\d:.]+\] INFO: wirespan \S+ starting with /);
    expectJson((await start(text + format("json"))).lines, [words]);
  });

  test("an add-on that is not built for this Node is named, with the command that builds it", async () => {
    const { status, stderr } = await run(["sh", "-c", addOnMissing], { accept: [0, 1] });
    expect(status).toBe(1);
    expectJson(stderr.trim().split("\n"), ["the package raw-socket"]);
    expect(stderr).toMatch(/not supported here; needs its add-on .*npm rebuild raw-socket/);
    expect(stderr).not.toContain("    at ");
  });
});

describe("without root", () => {
  test("a whole lab comes up for a user without any right", async () => {
    const command = [...withoutRoot(), "lab", "test", "ip115"];
    const { stdout } = await run(command, { timeoutMs: 120_000 });
    expect(stdout).toMatch(/\d+ checks passed\n/);
  });
});

test("with too few open files a command says which limit to raise", async () => {
  const command = `ulimit -n 40; exec ${process.execPath} ${MAIN} check /nowhere.yaml`;
  const { status, stderr, stdout } = await run(["sh", "-c", command], { accept: [0, 1] });
  expect(status).toBe(1);
  expect(stderr + stdout).toMatch(/EMFILE.*ulimit -n 1024/);
});
