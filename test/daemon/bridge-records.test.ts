import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { afterRelease, BridgeRecords } from "../../src/daemon/bridge-records.ts";
import type { HostInterface } from "../../src/os/host-network.ts";
import { configOf, configText } from "../support/configuration.ts";

/** What a killed daemon put into a bridge is released by the next one: check asks nobody to take it out. */

const folder = mkdtempSync(join(tmpdir(), "wirespan-records-"));
afterAll(() => rmSync(folder, { recursive: true }));

const none = { lower: undefined, vlanId: undefined, addresses: [], hasRoutes: false };
const interfaces: readonly HostInterface[] = [
  { ...none, kind: "bridge", master: undefined, name: "br7", index: 1 },
  { ...none, kind: "bridge", master: undefined, name: "br9", index: 2 },
  { ...none, kind: undefined, master: 1, name: "eth5", index: 5 },
];

/** TABLE: the record of eth5, the bridges of the next file, and its master once that is in use. */
const rows = [
  ["put there by us", {}, {}, undefined],
  ["put there by us, and in another bridge now", {}, { br8: { interfaces: { eth5: {} } } }, undefined],
  ["put there by us, and wanted there", {}, { br7: { interfaces: { eth5: {} } } }, 1],
  ["there before us", { isJoined: false }, {}, 1],
  ["another interface of that name", { index: 4 }, {}, 1],
  ["put into another bridge by us, and here by others", { bridge: "br9" }, {}, 1],
] as const;

test.each(rows)("an interface that is a port, %s", (what, changes, bridges, master) => {
  const socket = join(folder, what.replace(/\W/g, "-"));
  const records = BridgeRecords.open(socket, () => undefined);
  records.ports.set("eth5", { ...{ index: 5, bridge: "br7", isJoined: true, former: {} }, ...changes });
  records.save();
  const { bridges: wanted } = configOf(configText({ top: `bridges: ${JSON.stringify(bridges)}` }));
  const { lcce } = configOf(configText());
  const left = afterRelease({ lcce: { ...lcce, controlSocket: socket }, bridges: wanted }, interfaces);
  expect(left.map((one) => one.master)).toEqual([undefined, undefined, master]);
});

test("without records, or where they cannot be read, interfaces are as they are", () => {
  const config = configOf(configText());
  const lcce = { ...config.lcce, controlSocket: join(folder, "none") };
  expect(afterRelease({ ...config, lcce }, interfaces)).toEqual(interfaces);
});
