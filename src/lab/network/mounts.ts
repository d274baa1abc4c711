import { mkdirSync } from "node:fs";
import { run } from "../command.ts";
import { RUN } from "../nodes.ts";

/**
 * Mounts a lab's own file systems in its mount namespace: /run, and the bpf file system, in which pins
 * outlive the daemons. Both go with the last process of the lab. Rejects with CommandError.
 */
export async function mountOwn(): Promise<void> {
  await run(["mount", "-t", "tmpfs", "tmpfs", RUN]);
  mkdirSync(`${RUN}/netns`);
  // Without a bpf file system, or the right to mount it, nothing can be pinned, and daemons report that.
  await run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], { accept: [0, 1, 32] });
}
