import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readTopology } from "../../src/lab/topology.ts";
import { Lab, wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-topology-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What reading a topology with this text throws, without the folder. */
function told(text: string): string {
  const file = join(folder, "own.yaml");
  writeFileSync(file, text);
  try {
    readTopology(file);
  } catch (error) {
    return (error as Error).message.replaceAll(`${folder}/`, "");
  }
  return "nothing";
}

const sites = "sites:\n  a: { address: 192.0.2.1/24, hosts: { a1: 0, a2: 0 }, wirespan: {} }\n";
const good = `title: own\nwan: { mtu: 1500 }\n${sites}checks:\n  - ping: [a1, a2]\n`;

test("each mistake in a topology has its file, line and column", () => {
  expect(told(good)).toBe("nothing");
  const wrong = good.replace("mtu: 1500", "mtu: 20").replace("192.0.2.1/24", "none");
  expect(told(wrong).split("\n")).toEqual([
    expect.stringMatching(/^own\.yaml:2:13: wan\.mtu: /),
    expect.stringMatching(/^own\.yaml:4:17: sites\.a\.address: /),
  ]);
});

test("a missing key is told at the mapping that it is missing from, broken YAML at its place", () => {
  expect(told(good.replace("title: own\n", ""))).toMatch(/^own\.yaml:1:1: title: /);
  expect(told(`${good}a: [1\n`)).toMatch(/^own\.yaml:\d+:\d+: /);
});

test("a node that the lab does not have is told with those that it has", async () => {
  await using _lab = await Lab.up("point-to-point");
  const { status, stderr } = await wirespan("lab", "exec", "point-to-point", "nonode", "true");
  expect(status).toBe(1);
  expect(stderr).toMatch(/run a command in node nonode of lab point-to-point: there are a10, .*lcce-a, /);
  expect((await wirespan("lab", "exec", "point-to-point", "a10", "true")).status).toBe(0);
});
