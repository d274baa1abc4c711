import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { readSecret } from "../../src/os/secrets.ts";
import { runCommand } from "../support/run-command.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-keygen-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keygen = (...words: readonly string[]) => runCommand("keygen", ...words);

test("without --out a secret of 32 octets is printed, another one each time", async () => {
  const [one, other] = [await keygen(), await keygen()];
  expect(Buffer.from(one.out.trim(), "base64").length).toBe(32);
  expect(one.out).not.toBe(other.out);
  expect((await keygen("--format", "hex")).out).toMatch(/^[0-9a-f]{64}\n$/);
});

test("--out writes it for its owner alone, and prints the line for the file, never the secret", async () => {
  const path = join(folder, "a, b.secret");
  const { out, error } = await keygen("--out", path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const secret = readFileSync(path, "utf8").trim();
  expect(Buffer.from(secret, "base64").length).toBe(32);
  expect(parse(out)).toEqual({ secret: { file: path } });
  expect(out + error).not.toContain(secret);
  expect(readSecret({ kind: "file", path }).notes).toEqual([]);
});

test("what is there is kept, also behind a symbolic link, unless --force replaces it", async () => {
  const path = join(folder, "secret");
  writeFileSync(path, "in use", { mode: 0o644 });
  const link = join(folder, "link");
  symlinkSync(path, link);
  for (const name of [path, link]) {
    await expect(keygen("--out", name)).rejects.toThrow(/EEXIST .*--force/);
    expect(readFileSync(path, "utf8")).toBe("in use");
  }
  await keygen("--out", link, "--force");
  expect(readFileSync(path, "utf8")).toBe("in use");
  await keygen("--out", path, "--force");
  expect(readFileSync(path, "utf8").trim().length).toBe(44);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a directory that is not there is named", async () => {
  await expect(keygen("--out", join(folder, "absent", "secret"))).rejects.toThrow(/ENOENT .*absent/);
});
