import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** TABLE: where a command prints, what the environment says, and if there are colours. */
const rows = [
  ["a pipe", {}, false],
  ["a pipe", { CI: "true" }, false],
  ["a pipe", { FORCE_COLOR: "1" }, false],
  ["a terminal", { TERM: "xterm" }, true],
  ["a terminal", { TERM: "xterm", CI: "true" }, true],
  ["a terminal", { TERM: "xterm", NO_COLOR: "1" }, false],
] as const;

test.each(rows)("%s with %j: colours are %s", (place, environment, isColoured) => {
  const script = `
    process.stdout.isTTY = ${place === "a terminal"};
    const { colours } = await import("./dist/cli/colours.js");
    process.stdout.write(colours.green("up"));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(stdout).toBe(isColoured ? "\x1b[32mup\x1b[39m" : "up");
});
