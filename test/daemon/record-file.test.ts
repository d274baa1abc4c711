import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BridgeRecords } from "../../src/daemon/bridge-records.ts";
import { HeldDownRecords } from "../../src/daemon/held-down-records.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-records-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const socket = () => join(folder, "daemon.sock");

/** TABLE: the files of records: the suffix, how one is opened, and something kept in it. */
const files: readonly (readonly [string, (told: (problem: string) => void) => unknown, object])[] = [
  [
    "bridges",
    (told) => [...BridgeRecords.open(socket(), told).bridges],
    { bridges: { lan: { index: 3, former: {} } }, ports: {} },
  ],
  ["down", (told) => new HeldDownRecords({ warn: (_, text) => told(text) }, socket()).all(), { eth1: 7 }],
];

test.each(files)(
  "records in %s: what a former daemon kept is there; what is none is told",
  (suffix, open, kept) => {
    const problems: string[] = [];
    const told = (problem: string) => void problems.push(problem);
    expect(open(told)).toEqual([]);
    const file = `${socket()}.${suffix}`;
    writeFileSync(file, JSON.stringify(kept));
    expect(open(told)).toHaveLength(1);
    expect(problems).toEqual([]);
    for (const text of ["", "{", "[]", "null", '{"eth1": "x"}', '{"bridges": 1, "ports": {}}']) {
      problems.length = 0;
      writeFileSync(file, text);
      expect(open(told)).toEqual([]);
      expect(problems.join()).toMatch(/^cannot read .*, where a former daemon kept .*; that stays as it is$/);
    }
  },
);

test("an interface is in the file while it is switched off, and without any there is no file", () => {
  const records = new HeldDownRecords({ warn: (_, text) => expect(text).toBe("") }, socket());
  const file = `${socket()}.down`;
  records.add("eth1", 7);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ eth1: 7 });
  expect([records.has("eth1", 7), records.has("eth1", 8), records.has("eth2", 7)]).toEqual([
    true,
    false,
    false,
  ]);
  records.remove("eth1");
  expect(existsSync(file)).toBe(false);
});

test("on a full disk what was kept before stays, for the next daemon, and that is told", () => {
  const problems: string[] = [];
  const records = new HeldDownRecords({ warn: (_, text) => void problems.push(text) }, socket());
  records.add("eth1", 7);
  // What is written before it takes the place of the file.
  symlinkSync("/dev/full", `${socket()}.down.new`);
  records.add("eth2", 8);
  expect(problems.join()).toContain("ENOSPC");
  expect(new HeldDownRecords({ warn: () => undefined }, socket()).all()).toEqual([["eth1", 7]]);
});
