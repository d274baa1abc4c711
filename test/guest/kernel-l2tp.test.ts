import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { allCheckNames, type CheckResult } from "../../src/lab/kernel-peer-plan.ts";

/**
 * Wirespan against the Linux kernel's own l2tp, in a guest: see src/lab/kernel-peer.ts. The guest boots once; each line that
 * it prints becomes a test.
 */

const GUEST = ".lab/guest";
/** The whole run takes 70 s on an idle machine of two cores, and two minutes on a busy one. */
const GUEST_LIMIT_S = 290;
const BUILD_LIMIT_MS = 240_000;

const results = new Map<string, CheckResult>();
/** All that the guest printed but its results. */
let words = "";

/** The guest runs what is in dist/. */
async function buildProgram(): Promise<void> {
  const compiler = [process.execPath, "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
  const { status, stdout } = await run(compiler, { timeoutMs: BUILD_LIMIT_MS, accept: [0, 1, 2] });
  if (status !== 0) throw new Error(`build dist/: exit status ${status}\n${stdout}`);
}

/** Both scripts say what to install when something is missing. */
async function runGuest(): Promise<void> {
  await run(["lab/guest/build.sh", GUEST], { timeoutMs: BUILD_LIMIT_MS });
  const { status, stdout, stderr } = await run(["lab/guest/run.sh", GUEST, "lab/guest/kernel-peer.sh"], {
    timeoutMs: (GUEST_LIMIT_S + 20) * 1000,
    environment: { ...process.env, LIMIT_S: `${GUEST_LIMIT_S}` },
    accept: [0, 124],
  });
  const lines = `${stdout}\n${stderr}`.split(/\r?\n/);
  const isResult = (line: string): boolean => line.startsWith('{"check":') && line.endsWith("}");
  for (const line of lines.filter(isResult)) {
    const result = JSON.parse(line) as CheckResult;
    results.set(result.check, result);
  }
  words = lines.filter((line) => !isResult(line)).join("\n");
  if (status === 124) words += `\nthe guest was ended after ${GUEST_LIMIT_S} s`;
}

beforeAll(
  async () => {
    await buildProgram();
    await runGuest();
  },
  2 * BUILD_LIMIT_MS + (GUEST_LIMIT_S + 30) * 1000,
);

describe("RFC 3931 §4.1, §4.5, §4.6, RFC 4719 §3.1: static sessions with the Linux kernel's own l2tp", () => {
  test.each(allCheckNames)("%s", (name) => {
    const result = results.get(name) ?? { ok: false, detail: "the guest did not come to this check" };
    expect(result.ok, result.detail).toBe(true);
  });

  test("the guest comes to its end, with the checks that are planned and no other", () => {
    expect([...results.keys()].sort(), words).toEqual([...allCheckNames].sort());
    expect(words, words).toContain("guest: exit status 0");
  });
});
