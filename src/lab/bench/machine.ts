import { cpus, release, totalmem } from "node:os";
import { version } from "../../daemon/version.ts";
import type { MachineFacts } from "./results.ts";

/** What this machine is, as far as speeds depend on it. */
export function machineFacts(): MachineFacts {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    // What distributions and providers append names them rather than the kernel.
    kernel: /^\d+\.\d+(\.\d+)?/.exec(release())?.[0] ?? release(),
    processor: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    wirespan: version,
  };
}
