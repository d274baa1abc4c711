import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { filterWords } from "../../src/lab/tcpdump.ts";

/** What each text is to tcpdump: filters stand behind `--`, and what begins as an option is refused. */
const options = [
  "-w/tmp/x",
  "-V/etc/passwd",
  "--version",
  "-",
  " -r /dev/null",
  "\t-F/etc/passwd",
  "-z sh -G1",
];

test.each(options)("a filter %s, which is an option of tcpdump, is refused", (filter) => {
  expect(() => filterWords(filter)).toThrow("begins with a dash");
});

test.each(["udp port 1701", "ip[0] - 4 = 0x41", "ether host 02:00:00:00:00:01", "not -1 = ip[0]"])(
  "the filter %s stands behind the end of the options",
  (filter) => {
    expect(filterWords(filter)).toEqual(["--", filter]);
  },
);

test("without a filter there is nothing behind the options", () => {
  expect(filterWords("")).toEqual([]);
});

test("tcpdump takes words behind -- for a filter, and for no option", () => {
  const dump = (filter: string) =>
    spawnSync("tcpdump", ["-y", "EN10MB", "-d", "--", filter], { encoding: "utf8" });
  expect(dump("udp port 1701").stdout).toContain("ldh");
  const option = dump("--version");
  expect(option.status).not.toBe(0);
  expect(option.stdout).toBe("");
});
