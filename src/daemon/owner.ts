import { createHash } from "node:crypto";
import type { Config } from "../config/config.ts";

/**
 * Identifies a daemon in what it leaves in the kernel: its control socket is its alone, and the same when it
 * is started again.
 */
export function ownerOf({ lcce: { controlSocket } }: Pick<Config, "lcce">): string {
  return createHash("sha256").update(controlSocket).digest("hex").slice(0, 16);
}
