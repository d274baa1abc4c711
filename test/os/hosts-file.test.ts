import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HostsFile } from "../../src/os/hosts-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-hosts-"));
  path = join(folder, "hosts");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** TABLE: what a file says, the name that is looked for, and its addresses. */
const cases = [
  ["the first name of a line", "192.0.2.1 hub.example\n", "hub.example", ["192.0.2.1"]],
  ["a later name, without a line's end", "192.0.2.1\thub.example hub", "hub", ["192.0.2.1"]],
  ["a name in capitals", "192.0.2.1 Hub.Example\n", "hub.EXAMPLE", ["192.0.2.1"]],
  ["a name with a root", "192.0.2.1 hub.example\n", "hub.example.", ["192.0.2.1"]],
  ["several lines", "192.0.2.1 hub\n10.0.0.1 x\n2001:db8::1 hub\n", "hub", ["192.0.2.1", "2001:db8::1"]],
  ["once what a line says twice", "192.0.2.1 hub hub\n", "hub", ["192.0.2.1"]],
  ["no part of a longer name", "192.0.2.1 myhub hub.example hub2\n192.0.2.2 hub\n", "hub", ["192.0.2.2"]],
  ["no comment", "# 192.0.2.1 hub\n192.0.2.2 x # hub\n", "hub", []],
  ["no address as a name", "192.0.2.1 hub\n", "192.0.2.1", []],
  ["nothing in an empty file", "", "hub", []],
] as const;

test.each(cases)("%s is found", (_, text, name, addresses) => {
  writeFileSync(path, text);
  expect(new HostsFile(path).addresses(name)).toEqual(addresses);
});

test("a file that did not change is read once, whatever is looked for", () => {
  writeFileSync(path, "192.0.2.1 hub\n");
  const file = new HostsFile(path, () => Date.now() + 60_000);
  for (const name of ["hub", "other", "hub"]) file.addresses(name);
  expect(file.reads).toBe(1);
});

test("one that was just written is read again, for its times may not tell of the next change", () => {
  writeFileSync(path, "192.0.2.1 hub\n");
  const file = new HostsFile(path);
  for (const digit of [1, 2, 3]) {
    writeFileSync(path, `192.0.2.${digit} hub\n`);
    expect(file.addresses("hub")).toEqual([`192.0.2.${digit}`]);
  }
});

test("one that is replaced, goes away and comes back is what it is by then", () => {
  const file = new HostsFile(path, () => Date.now() + 60_000);
  expect(file.addresses("hub")).toEqual([]);
  writeFileSync(path, "192.0.2.1 hub\n");
  expect(file.addresses("hub")).toEqual(["192.0.2.1"]);
  const other = join(folder, "other");
  writeFileSync(other, "192.0.2.2 hub\n");
  utimesSync(other, 0, 0);
  renameSync(other, path);
  expect(file.addresses("hub")).toEqual(["192.0.2.2"]);
  rmSync(path);
  expect(file.addresses("hub")).toEqual([]);
});
