import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { completesOffloads } from "../../src/os/offload-completion.ts";

/**
 * TABLE: interfaces as sysfs shows them: whether there is hardware, the kind, what they send by; and whether
 * packets leave them finished.
 */
const interfaces: readonly (readonly [string, boolean, string, readonly string[], boolean])[] = [
  ["eth0", true, "", [], true],
  ["veth0", false, "", [], false],
  ["tap0", false, "", [], false],
  ["eth0.7", false, "vlan", ["eth0"], true],
  ["veth0.7", false, "vlan", ["veth0"], false],
  ["bond0", false, "bond", ["eth0", "eth1"], true],
  ["eth1", true, "", [], true],
  ["br0", false, "bridge", ["eth0.7"], true],
  ["br1", false, "bridge", ["eth0", "veth0"], false],
  ["br2", false, "bridge", [], false],
  ["macvlan0", false, "macvlan", ["eth0"], false],
];

test("packets leave finished by hardware, and by what sends by hardware alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-sysfs-"));
  try {
    for (const [name, isHardware, kind, lower] of interfaces) {
      mkdirSync(join(folder, name));
      if (isHardware) mkdirSync(join(folder, name, "device"));
      for (const each of lower) mkdirSync(join(folder, name, `lower_${each}`));
      writeFileSync(
        join(folder, name, "uevent"),
        `${kind === "" ? "" : `DEVTYPE=${kind}\n`}INTERFACE=${name}\n`,
      );
    }
    for (const [name, , , , finishes] of interfaces)
      expect(completesOffloads(name, folder), name).toBe(finishes);
    expect(completesOffloads("none", folder)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
