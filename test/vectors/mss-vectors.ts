import { readFileSync } from "node:fs";

/** A frame before and after the MSS clamp. */
export interface MssVector {
  readonly id: string;
  readonly title: string;
  /** Largest layer-3 packet in octets, behind the tags of this frame. */
  readonly l3_mtu: number;
  readonly in_hex: string;
  readonly out_hex: string;
  readonly changed: boolean;
}

export const mssVectors: readonly MssVector[] = JSON.parse(
  readFileSync(new URL("mss-vectors.json", import.meta.url), "utf8"),
).mss_clamp;
