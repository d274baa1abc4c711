import { concat, fromHex } from "../../src/bytes/hex.ts";

const OWN = "02000000000a";

export interface FrameShape {
  /** 12 hexadecimal digits. */
  readonly to?: string;
  /** Each 8 hexadecimal digits: EtherType of the tag and control information. */
  readonly tags?: readonly string[];
  /** 4 hexadecimal digits: EtherType or length. */
  readonly type?: string;
  /** First octets behind the type, such as those of an IP header. */
  readonly first?: Uint8Array;
  /** Octets in all, without FCS. */
  readonly length?: number;
}

/** An Ethernet frame with a payload that counts up, so that no octet can be lost unseen. */
export function frameOf({
  to = "02000000000b",
  tags = [],
  type = "0800",
  first = new Uint8Array(0),
  length = 60,
}: FrameShape = {}): Uint8Array {
  const head = fromHex(`${to}${OWN}${tags.join("")}${type}`).subarray(0, length);
  const body = Uint8Array.from({ length: length - head.length }, (_, index) => first[index] ?? index & 0xff);
  return concat(head, body);
}

/** Frames that bridges have been known to spoil, by name. */
export const specialFrames = {
  "shortest of a port": frameOf(),
  "runt of 20 octets": frameOf({ length: 20, type: "9000" }),
  "bare header": frameOf({ length: 14, type: "9000" }),
  "VLAN 111 with priority 5": frameOf({ tags: ["8100a06f"], length: 64 }),
  "priority tag": frameOf({ tags: ["8100a000"], length: 64 }),
  "QinQ of 802.1ad and 802.1Q": frameOf({ tags: ["88a800c8", "8100006f"], length: 68 }),
  "unknown unicast": frameOf({ to: "02deadbeef01", type: "88b5" }),
  broadcast: frameOf({ to: "ffffffffffff", type: "0806" }),
  LLDP: frameOf({ to: "0180c200000e", type: "88cc" }),
  STP: frameOf({ to: "0180c2000000", type: "0026" }),
  PAUSE: frameOf({ to: "0180c2000001", type: "8808" }),
  LACP: frameOf({ to: "0180c2000002", type: "8809", length: 124 }),
  "longest without tag": frameOf({ length: 1514 }),
  "longest with a tag": frameOf({ tags: ["8100006f"], length: 1518 }),
  "longest with two tags": frameOf({ tags: ["88a800c8", "8100006f"], length: 1522 }),
} as const satisfies Record<string, Uint8Array>;

/** A frame as it leaves on a port: padded with zeros to 60 octets. */
export function padded(frame: Uint8Array): Uint8Array {
  return concat(frame, new Uint8Array(Math.max(0, 60 - frame.length)));
}
