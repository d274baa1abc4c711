import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readSecret, type SecretLocation } from "../../src/os/secrets.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wirespan-secrets-"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function fileOf(content: string, mode = 0o600): string {
  const path = join(directory, "secret");
  writeFileSync(path, content, { mode });
  return path;
}

const text = (place: SecretLocation): string => Buffer.from(readSecret(place).octets).toString("utf8");

test.each([
  ["s3cret", "s3cret"],
  ["s3cret\n", "s3cret"],
  ["s3cret\n\n", "s3cret\n"],
  ["\u00e4 b", "\u00e4 b"],
  [`${"x".repeat(4096)}\n`, "x".repeat(4096)],
])("a secret is the octets of its file but one newline at the end (%#)", (content, secret) => {
  expect(text({ kind: "file", path: fileOf(content) })).toBe(secret);
});

test("a credential is read in the directory that the service manager names", () => {
  vi.stubEnv("CREDENTIALS_DIRECTORY", directory);
  fileOf("from systemd\n", 0o444);
  expect(text({ kind: "credential", name: "secret" })).toBe("from systemd");
  expect(readSecret({ kind: "credential", name: "secret" }).notes).toEqual([]);
  expect(() => readSecret({ kind: "credential", name: "other" })).toThrow(/ENOENT.*other/);
});

test("a credential without a service manager says how it is to be run", () => {
  vi.stubEnv("CREDENTIALS_DIRECTORY", undefined);
  expect(() => readSecret({ kind: "credential", name: "hq" })).toThrow(
    "read a secret: ENOENT (credential hq); " +
      "run it by its systemd unit, with LoadCredential=hq:PATH; by hand, use secret: { file: PATH }",
  );
});

test("an environment variable is a secret, too", () => {
  vi.stubEnv("WIRESPAN_TEST_SECRET", "e");
  expect(text({ kind: "environment", variable: "WIRESPAN_TEST_SECRET" })).toBe("e");
  vi.stubEnv("WIRESPAN_TEST_SECRET", undefined);
  expect(() => readSecret({ kind: "environment", variable: "WIRESPAN_TEST_SECRET" })).toThrow(
    /set it before the start/,
  );
});

test("what cannot be read says what to do, and never what it holds", () => {
  const path = (name: string): SecretLocation => ({ kind: "file", path: join(directory, name) });
  expect(() => readSecret(path("none"))).toThrow(/ENOENT .*none\); put the shared secret there.*chmod 600/);
  mkdirSync(join(directory, "inner"));
  expect(() => readSecret(path("inner"))).toThrow(/EISDIR .*name the file in this directory/);
  execFileSync("mkfifo", [join(directory, "pipe")]);
  expect(() => readSecret(path("pipe"))).toThrow(/ESPIPE .*it is a pipe/);
  expect(() => readSecret({ kind: "file", path: fileOf("\n") })).toThrow(/it is empty/);
  const long = fileOf("y".repeat(5000));
  expect(() => readSecret({ kind: "file", path: long })).toThrow(/EFBIG.*at most 4096 octets/);
  expect(() => readSecret({ kind: "file", path: long })).not.toThrow(/yyy/);
});

test("a file that everybody may read is noted", () => {
  const notes = (mode: number) => {
    rmSync(join(directory, "secret"), { force: true });
    return readSecret({ kind: "file", path: fileOf("x", mode) }).notes;
  };
  expect(notes(0o600)).toEqual([]);
  expect(notes(0o644)).toEqual([expect.stringContaining("readable by everyone: chmod 600 it")]);
});
