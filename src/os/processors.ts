import { cpus } from "node:os";

/** How many processors this machine has. */
export function processorCount(): number {
  return cpus().length;
}
