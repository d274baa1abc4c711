import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives a run of the tests a folder of its own for the state of labs, so that no other lab of this machine has their names. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-tests-"));
  process.env["XDG_RUNTIME_DIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
