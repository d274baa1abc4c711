import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/**
 * A folder of its own for the state of a file's labs, so that no other lab of this machine has their names.
 */
const folder = mkdtempSync(join(tmpdir(), "wirespan-tests-"));
process.env["XDG_RUNTIME_DIR"] = folder;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
