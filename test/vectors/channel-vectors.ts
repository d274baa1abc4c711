import { readFileSync } from "node:fs";

/** Words of the sublayer, and messages of the VCCV control channel (RFC 5085). */
export interface ChannelVectors {
  readonly lcce: Readonly<Record<"A" | "B", { readonly sid: number; readonly cookie: string }>>;
  readonly sublayer: readonly {
    readonly id: string;
    readonly word_hex: string;
    readonly v: 0 | 1;
    readonly s?: 0 | 1;
    readonly sequence?: number | null;
    readonly b?: 0 | 1;
    readonly e?: 0 | 1;
    readonly channel_type?: number;
    readonly note: string;
  }[];
  /** `payload_hex` is what follows the UDP or IP header. */
  readonly channel: readonly {
    readonly id: string;
    readonly title: string;
    readonly src: "A" | "B";
    readonly dst: "A" | "B";
    readonly transport: "udp" | "ip";
    readonly channel_type: number;
    readonly channel_message_hex: string;
    readonly payload_hex: string;
  }[];
}

export const channelVectors: ChannelVectors = JSON.parse(
  readFileSync(new URL("channel-vectors.json", import.meta.url), "utf8"),
);
