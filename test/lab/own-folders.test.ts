import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { makeOwnFolder, removeLeftFolders } from "../../src/lab/own-folders.ts";
import { startTime } from "../../src/lab/processes.ts";

test("folders of processes that have ended are taken away, and no others", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "wirespan-own-folders-"));
  onTestFinished(() => rmSync(temporary, { recursive: true }));
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => void vi.unstubAllEnvs());

  const own = makeOwnFolder();
  const other = spawn("sleep", ["600"]);
  const pid = other.pid ?? 0;
  const theirs = join(
    temporary,
    basename(own).replace(`-${process.pid}-${startTime(process.pid)}-`, `-${pid}-${startTime(pid)}-`),
  );
  expect(theirs).not.toBe(own);
  mkdirSync(theirs);
  writeFileSync(join(theirs, "topology.yaml"), "title: left");
  const foreign = mkdtempSync(join(temporary, "wirespan-of-"));

  removeLeftFolders();
  expect([own, theirs, foreign].map((path) => existsSync(path))).toEqual([true, true, true]);
  other.kill("SIGKILL");
  await new Promise((resolve) => other.on("exit", resolve));
  removeLeftFolders();
  expect([own, theirs, foreign].map((path) => existsSync(path))).toEqual([true, false, true]);
});
