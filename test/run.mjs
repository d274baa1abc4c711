/*
 * Runs all tests (`npm test`). Files of tests that take the machine's network or a guest, and failed beside
 * others, are run once more with nothing beside them: a test that waits for timers and packets may miss its
 * time on a machine that is busy elsewhere. What fails twice has failed; what passed alone is named.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the coverage provider says of a floor that is not reached; it has no exit status of its own. */
const belowFloor = /Coverage for .* does not meet.*/g;
const folder = mkdtempSync(join(tmpdir(), "tests-"));
process.exitCode = await runAll(process.argv.slice(2));
rmSync(folder, { recursive: true });

async function runAll(options) {
  const first = await run("first", ["--coverage", ...options]);
  if (first.status === 0 || first.again === undefined) return first.status;
  const { files, others } = first.again;
  console.log(`\nOnce more, with nothing beside them:\n${files.map((file) => `  ${file}`).join("\n")}`);
  const second = await run("second", ["--maxWorkers=1", ...files]);
  const passed = second.status === 0;
  for (const file of files)
    console.log(`failed beside other tests, ${passed ? "passed" : "tried once more"} alone: ${file}`);
  for (const line of first.belowFloor) console.log(line);
  const sum = (key) => others[key] + (second[key] ?? 0);
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  return first.belowFloor.length > 0 ? 1 : second.status;
}

/** What `test/support/run-result.ts` says of a run, its exit status, and which floors coverage is below. */
async function run(name, options) {
  const path = join(folder, `${name}.json`);
  const child = spawn("npx", ["--no-install", "vitest", "run", ...options], {
    stdio: ["inherit", "inherit", "pipe"],
    env: { ...process.env, TEST_RESULT: path },
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
    process.stderr.write(chunk);
  });
  const [status] = await once(child, "close");
  const result = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  return { ...result, status: status ?? 1, belowFloor: said.match(belowFloor) ?? [] };
}
