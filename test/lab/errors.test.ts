import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Lab, wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-topology-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a topology with mistakes is refused as wirespan check refuses a configuration", async () => {
  const file = join(folder, "own.yaml");
  const sites = "{ a: { address: 192.0.2.1/24, hosts: { a1: 0 }, wirespan: { tunels: {} } } }";
  writeFileSync(file, `title: own\nwan: { mtu: 20 }\nsites: ${sites}\n`);
  for (const command of ["test", "up"]) {
    const { status, stderr } = await wirespan("lab", command, file);
    expect(status).toBe(3);
    expect(stderr.replaceAll(`${folder}/`, "").split("\n")).toEqual([
      "own.yaml:2:13  wan.mtu: wanted at least 576",
      "own.yaml:3:68  sites.a.wirespan.tunels: unknown key; did you mean tunnels?",
      "",
    ]);
  }
});

test("a node that the lab does not have is told with those that it has", async () => {
  await using _lab = await Lab.up("point-to-point");
  const { status, stderr } = await wirespan("lab", "exec", "point-to-point", "nonode", "true");
  expect(status).toBe(1);
  expect(stderr).toMatch(/run a command in node nonode of lab point-to-point: there are a10, .*lcce-a, /);
  expect((await wirespan("lab", "exec", "point-to-point", "a10", "true")).status).toBe(0);
});
