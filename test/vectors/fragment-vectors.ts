import { readFileSync } from "node:fs";

/** Frames in pseudowire fragments (RFC 4623), and messages that announce MRU and MRRU. */
export interface FragmentVectors {
  readonly lcce: Readonly<Record<"A" | "B", { readonly sid: number; readonly cookie: string }>>;
  /** Frames of A to B, whose MRU it is. */
  readonly fragments: readonly {
    readonly id: string;
    readonly transport: "udp" | "ip";
    readonly cookie: boolean;
    readonly peer_mru: number;
    readonly first_number: number;
    readonly frame_hex: string;
    readonly messages: readonly {
      readonly sublayer_hex: string;
      readonly payload_octets: number;
      /** What follows the UDP or IP header. */
      readonly payload_hex: string;
    }[];
  }[];
  /** What a receiver does with messages that arrive, each with its number, kind, and octets of a frame. */
  readonly reassembly: readonly {
    readonly id: string;
    readonly title: string;
    readonly mrru: number;
    readonly arrivals: readonly (readonly [number | null, "whole" | "first" | "middle" | "last", number])[];
    readonly actions: readonly string[];
  }[];
  readonly messages: readonly {
    readonly id: string;
    readonly title: string;
    readonly transport: "udp" | "ip";
    readonly message_hex: string;
  }[];
}

export const fragmentVectors: FragmentVectors = JSON.parse(
  readFileSync(new URL("fragment-vectors.json", import.meta.url), "utf8"),
);
