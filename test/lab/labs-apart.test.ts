import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LABS_VARIABLE, runningLabs } from "../../src/lab/running.ts";
import { wirespan } from "../support/lab.ts";
import { processesOf } from "../support/lab-leftovers.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-labs-apart-"));
const here = join(folder, "here", "same.yaml");
const there = join(folder, "there", "same.yaml");
const labs = process.env[LABS_VARIABLE] ?? "";

const site = (name: string, own: string, peer: string) => `
  ${name}:
    address: ${own}/24
    hosts: { ${name}1: 0, ${name}2: 10 }
    wirespan:
      tunnels:
        peer:
          local: ${own}
          remote: ${peer}
          control: static
          pseudowires:
            lan: { circuit: { interface: trunk }, static: { local_session_id: 1, remote_session_id: 1 } }`;

/** Static sessions, so that there is nobody to wait for. */
const topology = `title: two sites
wan: { mtu: 1600 }
sites:${site("a", "192.0.2.1", "192.0.2.2")}${site("b", "192.0.2.2", "192.0.2.1")}
checks:
  - ping: [a1, b1]
`;

beforeAll(() => {
  for (const file of [here, there]) {
    mkdirSync(join(file, ".."));
    writeFileSync(file, topology);
  }
});
afterAll(async () => {
  for (const file of [here, there]) await wirespan("lab", "down", file);
  rmSync(folder, { recursive: true, force: true });
});

test("labs of one name in two folders are apart", async () => {
  for (const file of [here, there]) expect((await wirespan("lab", "up", file)).stderr).toBe("");
  const ambiguous = await wirespan("lab", "exec", "same", "a1", "true");
  expect(ambiguous.status).toBe(1);
  expect(ambiguous.stderr).toContain("2 labs of that name are up");
  for (const file of [here, there]) {
    expect(ambiguous.stderr).toContain(file);
    expect((await wirespan("lab", "exec", file, "a1", "true")).status).toBe(0);
  }
  expect((await wirespan("lab", "down", there)).status).toBe(0);
  expect(runningLabs().map(({ path }) => path)).toEqual([here]);
  const gone = await wirespan("lab", "down", there);
  expect(gone.stderr).toContain("it is not up");
  expect((await wirespan("lab", "exec", "same", "a1", "true")).status).toBe(0);
  expect((await wirespan("lab", "down", "same")).status).toBe(0);
  expect(runningLabs()).toEqual([]);
});

test("labs of another set are not seen", async () => {
  await wirespan("lab", "up", here);
  const own = process.env[LABS_VARIABLE];
  process.env[LABS_VARIABLE] = "another";
  expect(runningLabs()).toEqual([]);
  process.env[LABS_VARIABLE] = own;
  expect(runningLabs().map(({ path }) => path)).toEqual([here]);
  await wirespan("lab", "down", here);
});

test("of two commands that bring the same lab up at once, one does, and one says so", async () => {
  const results = await Promise.all([wirespan("lab", "up", here), wirespan("lab", "up", here)]);
  expect(results.map(({ status }) => status).sort()).toEqual([0, 1]);
  expect(results.map(({ stderr }) => stderr).join("")).toMatch(/it is up already|brought it up meanwhile/);
  expect(runningLabs().map(({ path }) => path)).toEqual([here]);
  await wirespan("lab", "down", here);
});

describe("building that fails", () => {
  const programs = join(folder, "programs");
  const path = process.env["PATH"];
  beforeAll(() => {
    mkdirSync(programs);
    // Fails where the last part of the network is built, when the relay for VLANs runs already.
    const script = `#!/bin/sh
case "$*" in *batch*)
  input=$(cat)
  case "$input" in *addr*10.0.0.*) echo "no room" >&2; exit 1;; esac
  echo "$input" | PATH='${path}' exec ip "$@"
esac
PATH='${path}' exec ip "$@"
`;
    writeFileSync(join(programs, "ip"), script, { mode: 0o755 });
    process.env["PATH"] = `${programs}:${path}`;
  });
  afterAll(() => {
    process.env["PATH"] = path;
  });

  test.each(["up", "test"])("ends lab %s at once, with the reason", async (command) => {
    const beganMs = performance.now();
    const { status, stderr } = await wirespan("lab", command, here);
    expect(stderr).toMatch(/ip .*exit status 1; it said: no room/);
    expect(status).toBe(1);
    expect(performance.now() - beganMs).toBeLessThan(20_000);
    expect(processesOf(labs)).toEqual([]);
  });
});
