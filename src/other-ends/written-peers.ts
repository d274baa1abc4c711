import type { PeerKind } from "../config/peer-kinds.ts";

/** TABLE: the implementations whose configuration is written. Their writers load more (`peer-config.ts`). */
export const writtenPeers = [
  "wirespan",
  "linux",
  "networkd",
  "vyos",
  "cisco-ios",
  "mikrotik",
  "freertr",
  "seil",
  "yamaha",
] as const satisfies readonly PeerKind[];

/** An implementation whose configuration is written. */
export type WrittenPeer = (typeof writtenPeers)[number];
