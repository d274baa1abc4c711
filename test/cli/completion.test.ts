import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { MAIN } from "../support/lab.ts";

/** What is offered for the last of these words. */
function offered(...words: readonly string[]): readonly string[] {
  const { stdout } = spawnSync(process.execPath, [MAIN, "complete", "--", ...words], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => (/^[^:\t]/.test(line) ? [line.split("\t")[0] ?? ""] : []));
}

describe("TAB completes", () => {
  test.each([
    [["stat"], ["status"]],
    [["lab", "cap"], ["capture"]],
    [["status", "--j"], ["--json"]],
    [["lab", "up", "point"], ["point-to-point"]],
    [["lab", "up", "--pl"], ["--plane"]],
    [["check", "examples/mini"], ["examples/minimal.yaml"]],
    [["run", "-c", "exam"], ["examples/"]],
    [["run", "--config", "examples/mini"], ["examples/minimal.yaml"]],
    [["mtu", "--socket", "/absent.sock", ""], []],
    [["check", "/proc/absent/"], []],
  ])("%j", (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });

  test.each(["bash", "zsh", "fish"])("in %s, by a script that asks for what is offered", (shell) => {
    const words = [MAIN, "complete", shell];
    const { stdout, status } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect([stdout, status]).toEqual([expect.stringContaining("wirespan complete -- "), 0]);
  });
});
