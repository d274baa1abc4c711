import type { LoadedConfig } from "../daemon/configuration-file.ts";
import { exitCode, type Shell } from "./shell.ts";

/**
 * What a file says; undefined for one with problems, which are reported, and the exit code says so. Rejects
 * with SystemError for a file that cannot be read.
 */
export async function validConfig(file: string, shell: Shell): Promise<LoadedConfig | undefined> {
  const { loadConfig } = await import("../daemon/configuration-file.ts");
  const loaded = loadConfig(file);
  if (!("problems" in loaded)) return loaded;
  for (const problem of loaded.problems) shell.error(`${problem}\n`);
  shell.exit(exitCode.badConfiguration);
  return undefined;
}
