import type { UnknownPeerReason } from "../control/unknown-peers.ts";

/** TABLE: why an SCCRQ of an unknown peer was not taken, by the name of the tunnel whose secret was tried. */
const reasonTexts: Readonly<Record<UnknownPeerReason, (tunnel: string) => string>> = {
  "unknown-peer": () => "no tunnel is for its address and names",
  "wrong-digest": (tunnel) =>
    `it fails authentication by the secret of tunnel ${tunnel}: do both ends have the same secret, ` +
    "and is its Host Name what peer_host_name says?",
  "missing-digest": (tunnel) =>
    `it carries no Message Digest, and tunnel ${tunnel} has a secret: is one configured at its end?`,
};

/** Why such an SCCRQ was not taken, for people. */
export function unknownPeerText(reason: UnknownPeerReason, tunnel: string | undefined): string {
  return reasonTexts[reason](tunnel ?? "");
}
