import type { PinDirectory } from "../../../os/bpf-file-system.ts";

/** Describes what a crash of the daemon means for forwarding. */
export function describeCrash({
  reason,
  caveat,
}: Pick<PinDirectory, "reason"> & { caveat?: string | undefined }): string {
  if (reason !== undefined) return `forwarding stops if the daemon crashes: ${reason}`;
  if (caveat === undefined) return "forwarding continues if the daemon crashes";
  return (
    "forwarding continues if the daemon crashes, " +
    `but only while another process of its mount namespace runs: ${caveat}`
  );
}
