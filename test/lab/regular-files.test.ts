import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-regular-files-"));
const pipe = join(folder, "pipe.yaml");
const large = join(folder, "large.yaml");
beforeAll(async () => {
  await run(["mkfifo", pipe]);
  writeFileSync(large, "#".repeat(16 * 1024 * 1024 + 1));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const router = (file: string) => `title: t
networks: { wan: { mtu: 1600, subnet: 192.0.2.0/24 } }
routers:
  r: { ports: { wan: 192.0.2.9 }, frr: ${file} }
`;
const lcce = (file: string) => `title: t
networks: { wan: { mtu: 1600, subnet: 192.0.2.0/24 } }
lans: { hq: {} }
lcces:
  r: { lan: hq, wan: { wan: 192.0.2.1 }, wirespan: { file: ${file} } }
`;

/** TABLE: how a file is named, and the line of that place. */
const places = [
  ["frr", router, 4],
  ["wirespan.file", lcce, 5],
] as const;
const files = [
  [pipe, "is no regular file"],
  ["/dev/zero", "is no regular file"],
  [folder, "is no regular file"],
  [large, "is larger than 16 MiB"],
] as const;

const rows = places.flatMap(([key, text, line]) =>
  files.map(([file, why]) => [key, file, why, text(file), line] as const),
);

test.each(rows)("%s: %s is refused at its line: it %s", async (key, file, why, text, line) => {
  const topology = join(folder, `${key}.yaml`);
  writeFileSync(topology, text);
  for (const command of ["check", "up"]) {
    const { stderr, status } = await wirespan("lab", command, topology);
    expect(stderr).toMatch(new RegExp(`^\\S+:${line}:\\d+ .*${file} ${why}`, "m"));
    expect(status).toBe(3);
  }
});

test.each(["check", "up", "test", "draw", "grade"])("lab %s of a pipe is refused", async (command) => {
  const { stdout, stderr, status } = await wirespan("lab", command, pipe);
  expect(stdout + stderr).toMatch(/pipe\.yaml:? (it )?is no (regular )?file/);
  expect(status).not.toBe(0);
});
