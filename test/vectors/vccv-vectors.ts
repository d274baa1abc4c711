import { readFileSync } from "node:fs";

/** A pair of octets of the VCCV Capability AVP: control channel types, verification types. */
type Capability = readonly [channels: number, checks: number];

/** VCCV Capability AVPs (RFC 5085), and what two ends agree on by them. */
export interface VccvVectors {
  readonly capability: readonly {
    readonly id: string;
    readonly avp_hex: string;
    readonly cc_types: number;
    readonly cv_types: number;
    readonly note: string;
  }[];
  readonly selection: readonly {
    readonly id: string;
    readonly sent: Capability | null;
    readonly received: Capability | null;
    /** Value of the L2-Specific Sublayer AVP beside it; null without one. */
    readonly peer_sublayer: number | null;
    readonly outcome: "vccv" | "no-vccv" | "cdn";
    readonly ping: boolean;
    readonly note: string;
  }[];
  readonly messages: readonly { readonly id: string; readonly title: string; readonly message_hex: string }[];
  /** Data messages, without the UDP or IP header, that are not answered. */
  readonly drop: readonly { readonly id: string; readonly payload_hex: string; readonly why: string }[];
}

export const vccvVectors: VccvVectors = JSON.parse(
  readFileSync(new URL("vccv-vectors.json", import.meta.url), "utf8"),
);
