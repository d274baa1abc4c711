import { readFileSync } from "node:fs";

/** A message of the vectors; `message_hex` starts at the T bit, `payload_hex` after the UDP or IP header. */
export interface VectorMessage {
  readonly id: string;
  readonly scenario: string;
  readonly kind: "control" | "data";
  readonly title: string;
  readonly transport: "udp" | "ip";
  readonly src: "A" | "B";
  readonly message_hex: string;
  readonly payload_hex: string;
  readonly header?: { ver: number; length: number; ccid: number; ns: number; nr: number };
  readonly msg_type?: number;
  readonly avps?: readonly {
    type: number;
    name: string;
    vendor: number;
    m: number;
    h: number;
    len: number;
    value: string;
    decoded?: unknown;
  }[];
  readonly digests?: readonly {
    digest_type: number;
    secret_hex: string;
    nonce_prefix: string;
    digest: string;
  }[];
  readonly [field: string]: unknown;
}

export interface Vectors {
  readonly meta: { readonly scenario_secret: Readonly<Record<string, string>> };
  readonly keys: readonly { secret_hex: string; hide_key: string; auth_key: string }[];
  readonly hidden: readonly {
    id: string;
    attr: number;
    secret_hex: string;
    random_vector: string;
    clear_value: string;
    padding: string;
    hidden_value: string;
  }[];
  readonly messages: readonly VectorMessage[];
  readonly wrong_digests: readonly { of: string; right: string; wrong: Readonly<Record<string, string>> }[];
  readonly malformed: readonly {
    id: string;
    transport: "udp" | "ip";
    payload_hex: string;
    why: string;
    expect: string;
  }[];
  readonly arithmetic: {
    readonly ns_compare: readonly { last: number; recv: number; le: boolean }[];
    readonly seq24_compare: readonly { last: number; recv: number; le: boolean }[];
    readonly retransmit: readonly {
      cap: number;
      max_retransmissions: number;
      retransmit_at: readonly number[];
      give_up_at: number;
    }[];
    readonly slow_start: {
      readonly window: number;
      readonly log: readonly { event: "ack" | "rexmit"; cwnd: number; ssthresh: number }[];
    };
  };
  readonly seq_receiver: readonly { seq: number; action: string; expected_after: number }[];
  readonly vlan_rewrite: readonly {
    id: string;
    pw_type: number;
    action: string;
    in_hex: string;
    out_hex: string;
  }[];
  readonly mtu: readonly Readonly<Record<string, number | string>>[];
  readonly inner_frames: Readonly<Record<string, string>>;
}

export const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
