import { cpus, release, totalmem } from "node:os";
import { version } from "../../src/daemon/version.ts";
import type { MachineFacts } from "./results.ts";

/** Properties of this machine that speeds depend on. */
export function machineFacts(): MachineFacts {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    // Without suffixes of distributions and providers.
    kernel: /^\d+\.\d+(\.\d+)?/.exec(release())?.[0] ?? release(),
    processor: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    wirespan: version,
  };
}
