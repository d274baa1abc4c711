import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemError } from "../../src/os/errors.ts";
import {
  absolutePath,
  checkReadable,
  entryAt,
  linkTarget,
  makeDirectories,
  makeOneDirectory,
  namesInDirectory,
  OpenFile,
  readOctets,
  readText,
  removeEmptyDirectory,
  replaceText,
  statOf,
  writeText,
} from "../../src/os/files.ts";
import { lockFile } from "../../src/os/locks.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-files-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** TABLE: functions that touch a path, on one below a file. */
const touching: Readonly<Record<string, (path: string) => unknown>> = {
  readOctets,
  readText,
  writeText: (path) => writeText(path, "x"),
  replaceText: (path) => replaceText(path, "x"),
  namesInDirectory,
  linkTarget,
  statOf,
  entryAt,
  checkReadable,
  makeOneDirectory,
  makeDirectories: (path) => makeDirectories(path, 0o700),
  removeEmptyDirectory,
  OpenFile: (path) => new OpenFile(path, "read"),
  lockFile: (path) => lockFile(path),
};

test.each(Object.entries(touching))("%s throws SystemError with errno, path and what to do", (_, touch) => {
  writeFileSync(join(folder, "file"), "");
  const path = join(folder, "file", "below");
  let thrown: unknown;
  try {
    touch(path);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SystemError);
  expect(thrown).toMatchObject({ errno: "ENOTDIR", target: path });
  expect(String(thrown)).toContain("a part of the path is a file and no directory");
});

test("a lock file that cannot be written is not locked: the next attempt does not meet ourselves", () => {
  // Writing to it always fails, as on a full disk.
  expect(() => lockFile("/dev/full")).toThrow(/: (ENOSPC|EINVAL) \(\/dev\/full\)/);
  expect(() => lockFile("/dev/full")).toThrow(SystemError);
});

test("a lock file has the pid of its holder, and is free again once it is released", () => {
  const path = join(folder, "lock");
  const lock = () => {
    const attempt = lockFile(path);
    return attempt.holder === undefined ? attempt.lock : attempt.holder;
  };
  const first = lock();
  expect(lock()).toEqual({ pid: process.pid });
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  for (let times = 0; times < 2; times += 1) if (Symbol.dispose in first) first[Symbol.dispose]();
  const again = lock();
  expect(again).not.toHaveProperty("pid");
  if (Symbol.dispose in again) again[Symbol.dispose]();
});

test("an absolute path needs no working directory", () => {
  mkdirSync(join(folder, "sub"));
  expect(absolutePath(join(folder, "sub"))).toBe(join(folder, "sub"));
  expect(absolutePath("x")).toBe(join(process.cwd(), "x"));
});

test("a file that is replaced has the new text, or on a full disk the former, and nothing else", () => {
  const path = join(folder, "file");
  replaceText(path, "first");
  replaceText(path, "second");
  expect(readFileSync(path, "utf8")).toBe("second");
  symlinkSync("/dev/full", `${path}.new`);
  expect(() => replaceText(path, "third")).toThrow(/^write a file: ENOSPC \(.*file\)/);
  expect(readFileSync(path, "utf8")).toBe("second");
  expect(readdirSync(folder)).toEqual(["file"]);
  replaceText(path, "fourth");
  expect(readFileSync(path, "utf8")).toBe("fourth");
});
