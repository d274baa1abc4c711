import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { readTopology } from "../../src/lab/format/read.ts";
import { effort } from "../support/effort.ts";
import { MAIN, planes, wirespan } from "../support/lab.ts";

/**
 * The long form of the topology `any-branch`, ten minutes for each plane: NATs forget a flow after 30 s as
 * real ones do, and before each change nobody says anything for more than a minute.
 * `npm run test:branch-behind-nat` runs it and prints each gap.
 */

/** From this effort on it runs; below, it is only read. */
const LEAST_EFFORT = 10;
const LIMIT_MS = 900_000;
const IDLE = "  - run: [ns, sleep 75]\n    title: nobody says anything for 75 s\n    within: 90s\n";
const SHORT = fileURLToPath(new URL("../../lab/topologies/any-branch.yaml", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "wirespan-branch-behind-nat-"));
afterAll(() => rmSync(folder, { recursive: true }));

function longForm(plane: string): string {
  const text = readFileSync(SHORT, "utf8")
    .replaceAll("udp_timeout_s: 8", "udp_timeout_s: 30")
    .replaceAll(/^ {2}- failover:/gm, `${IDLE}  - failover:`)
    .replace("sleep 10", "sleep 29");
  const file = join(folder, `nat-${plane}.yaml`);
  writeFileSync(file, text);
  return file;
}

describe.each(planes)("ten minutes of a branch behind NAT, plane %s", (plane) => {
  test(
    effort < LEAST_EFFORT ? "are a topology in order" : "no change costs 2 s of traffic",
    async () => {
      const file = longForm(plane);
      const { checks } = readTopology(file);
      const idle = checks.flatMap((check) =>
        "run" in check ? [Number(/^sleep (\d+)$/.exec(check.run.slice(1).join(" "))?.[1] ?? 0)] : [],
      );
      expect(idle.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThanOrEqual(450);
      expect((await wirespan("lab", "check", file)).stderr).toBe("");
      if (effort < LEAST_EFFORT) return;
      const words = [process.execPath, MAIN, "lab", "test", file, "--plane", plane];
      const { status, stdout } = await run(words, { accept: [0, 1], timeoutMs: LIMIT_MS });
      process.stdout.write(`plane ${plane}\n${stdout}`);
      expect(status).toBe(0);
    },
    LIMIT_MS,
  );
});
