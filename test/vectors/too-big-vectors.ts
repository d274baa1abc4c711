import { readFileSync } from "node:fs";

/** A frame, and the answer to it where it is too long for the pseudowire. */
export interface TooBigVector {
  readonly id: string;
  readonly title: string;
  /** Largest layer-3 packet in octets, behind the tags of this frame. */
  readonly l3_mtu: number;
  readonly in_hex: string;
  readonly out_hex: string | null;
}

export const tooBigVectors: readonly TooBigVector[] = JSON.parse(
  readFileSync(new URL("too-big-vectors.json", import.meta.url), "utf8"),
).packet_too_big;
