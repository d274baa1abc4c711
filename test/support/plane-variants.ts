import { hex } from "../../src/bytes/hex.ts";
import type { AttachmentCircuit, CircuitDevice } from "../../src/forwarding/plane.ts";
import type { UdpChecksum } from "../../src/forwarding/transport.ts";
import type { Encapsulation, SessionParameters } from "../../src/wire/session-parameters.ts";
import { frameOf, specialFrames } from "./frames.ts";
import { type Family, pathBetween } from "./plane-test-bed.ts";
import { attachment, sessionParameters, vlanAttachment } from "./sessions.ts";

/** A session, and what it stands on. */
export interface SessionVariant {
  readonly session: SessionParameters;
  readonly attachment: AttachmentCircuit;
  readonly device: CircuitDevice;
  readonly checksum: UdpChecksum;
  /** Whether a plane of programs must carry it by them. */
  readonly programs: boolean;
}

interface VariantOptions {
  readonly session?: Partial<SessionParameters>;
  readonly attachment?: AttachmentCircuit;
  readonly kind?: CircuitDevice["kind"];
  readonly checksum?: UdpChecksum;
  readonly programs?: boolean;
}

const cookies = { receiveCookie: hex`a0a1a2a3a4a5a6a7`, transmitCookie: hex`b0b1b2b3` };
const sublayers = { receiveSublayer: "default", transmitSublayer: "default" } as const;
const numbers = (which: "non-ip" | "all") =>
  ({ ...sublayers, receiveSequencing: which, transmitSequencing: which }) as const;
const onCircuit = { device: "circuit" } as const;

export function variantOver(
  encapsulation: Encapsulation,
  family: Family,
  options: VariantOptions = {},
): SessionVariant {
  const { kind = "interface", checksum = "zero", programs = true } = options;
  const device = kind === "interface" ? "circuit" : "pw0";
  return {
    session: sessionParameters({ path: pathBetween(family, encapsulation), ...options.session }),
    attachment: { ...(options.attachment ?? attachment()), device },
    // Of a device of its own: room for every frame that is tried.
    device: { kind, name: device, mtu: 9000 },
    checksum,
    programs,
  };
}

/** TABLE: sessions of every kind that a plane must carry. */
export const variants = {
  "UDP over IPv4": variantOver("udp", 4),
  "UDP over IPv4 with checksums": variantOver("udp", 4, { checksum: "full", programs: false }),
  "UDP over IPv4, cookies, all frames numbered": variantOver("udp", 4, {
    session: { ...cookies, ...numbers("all") },
  }),
  "UDP over IPv6, a sublayer one way, frames that are not IP numbered": variantOver("udp", 6, {
    session: { ...numbers("non-ip"), receiveSublayer: "none", receiveCookie: cookies.receiveCookie },
  }),
  "UDP over IPv6 with checksums, a sublayer": variantOver("udp", 6, {
    session: { ...cookies, ...sublayers },
    checksum: "auto",
    programs: false,
  }),
  "IP protocol 115 over IPv4, cookies": variantOver("ip", 4, { session: cookies }),
  "IP protocol 115 over IPv6, all frames numbered": variantOver("ip", 6, { session: numbers("all") }),
  "UDP over IPv4, long frames": variantOver("udp", 4, { attachment: attachment({ mtu: 9000 }) }),
  "UDP over IPv4, VLAN 111 as 222": variantOver("udp", 4, {
    session: { ...cookies, pseudowireType: "ethernet-vlan" },
    attachment: vlanAttachment(111, 222, 0x8100, onCircuit),
  }),
  "IP protocol 115 over IPv6, an 802.1ad VLAN, no PAUSE": variantOver("ip", 6, {
    session: { ...numbers("non-ip"), pseudowireType: "ethernet-vlan" },
    attachment: vlanAttachment(200, 33, 0x88a8, { linkLocal: "no-pause" }),
  }),
  "UDP over IPv4, a device of its own, link-local frames kept": variantOver("udp", 4, {
    kind: "tap",
    attachment: attachment({ linkLocal: "block" }),
  }),
  "IP protocol 115 over IPv4, a device of its own": variantOver("ip", 4, { kind: "tap" }),
} as const satisfies Record<string, SessionVariant>;

/** Frames of every kind that hosts may send. */
export const contractFrames = {
  ...specialFrames,
  IPv6: frameOf({ type: "86dd", length: 100 }),
  "multicast of IPv4": frameOf({ to: "01005e010101", length: 100 }),
  "15 octets": frameOf({ type: "88b5", length: 15 }),
  "VLAN 111, IPv4": frameOf({ tags: ["8100a06f"], length: 80 }),
  "802.1ad VLAN 200, PAUSE": frameOf({ to: "0180c2000001", tags: ["88a800c8"], type: "8808", length: 64 }),
  "802.1ad VLAN 200 with priority 7": frameOf({ tags: ["88a8e0c8"], type: "86dd", length: 100 }),
  "one octet too many": frameOf({ length: 1515 }),
  "one octet too many with a tag": frameOf({ tags: ["8100006f"], length: 1519 }),
  "longest of 9000": frameOf({ length: 9014 }),
} as const;
