import type { PinDirectory } from "../../../os/bpf-file-system.ts";

/** What a crash of the daemon would mean, in words. */
export function crashWords({
  reason,
  caveat,
}: Pick<PinDirectory, "reason"> & { caveat?: string | undefined }): string {
  if (reason !== undefined) return `forwarding ends with the daemon: ${reason}`;
  if (caveat === undefined) return "forwarding outlives a crash of the daemon";
  return `forwarding outlives a crash of the daemon only while another process of its mount namespace lives: ${caveat}`;
}
