import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hex } from "../../src/bytes/hex.ts";
import { maskOf, steerReceivedOf } from "../../src/os/receive-packet-steering.ts";

test.each([
  [1, "1"],
  [2, "3"],
  [31, "7fffffff"],
  [32, "ffffffff"],
  [33, "1,ffffffff"],
  [96, "ffffffff,ffffffff,ffffffff"],
])("the set of %i processors is %s", (processors, mask) => expect(maskOf(processors)).toBe(mask));

const pair = { name: "wsh0", index: 7, address: hex`02 00 00 00 0a bc` };

test.each([
  ["the same interface", "7", "02:00:00:00:0a:bc", true],
  ["one of another index", "8", "02:00:00:00:0a:bc", false],
  ["one of the same name and index of another namespace", "7", "02:00:00:00:0a:bd", false],
  ["one without an address", "7", "", false],
])("files of sysfs are written where they are of %s", (_, ifindex, address, isOurs) => {
  const sysfs = mkdtempSync(join(tmpdir(), "wirespan-sysfs-"));
  try {
    const queue = join(sysfs, pair.name, "queues", "rx-0");
    mkdirSync(queue, { recursive: true });
    writeFileSync(join(sysfs, pair.name, "ifindex"), `${ifindex}\n`);
    writeFileSync(join(sysfs, pair.name, "address"), `${address}\n`);
    writeFileSync(join(queue, "rps_cpus"), "none");
    expect(steerReceivedOf(pair, sysfs)).toBe(isOurs);
    expect(readFileSync(join(queue, "rps_cpus"), "utf8") === "none").toBe(!isOurs);
    expect(steerReceivedOf({ ...pair, address: undefined }, sysfs)).toBe(false);
    expect(steerReceivedOf({ ...pair, name: "other" }, sysfs)).toBe(false);
  } finally {
    rmSync(sysfs, { recursive: true, force: true });
  }
});
