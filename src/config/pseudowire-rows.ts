import { z } from "zod";
import { fromHex, toHex } from "../bytes/hex.ts";
import { Writer } from "../bytes/writer.ts";
import type { DscpName } from "../wire/dscp.ts";
import {
  type DataSequencing,
  defaultSequenceRule,
  type L2SpecificSublayer,
} from "../wire/session-parameters.ts";
import { part, rowsFor } from "./rows.ts";
import {
  codePointOf,
  deviceName,
  dscpOrCopy,
  hexOctets,
  mssClamp,
  nonEmptyTextOrUnsigned32,
  sessionId,
  vlanId,
} from "./value-schemas.ts";

/** What values of a pseudowire's keys depend on beside themselves. */
export interface PseudowireContext {
  readonly name: string;
  readonly hasVlan: boolean;
  /** Digits of `static.receive_cookie`; undefined without `static`. */
  readonly staticCookieDigits: number | undefined;
  /** Whether the tunnel has `fragmentation: pseudowire`. */
  readonly isFragmented: boolean;
  /** Whether `sublayer` is `default`, by itself or as the default. */
  readonly hasSublayer: boolean;
}

/** What values of a circuit's keys depend on beside themselves. */
export interface CircuitContext {
  readonly kind: "tap" | "interface";
}

const circuitRow = rowsFor<CircuitContext, "circuit" | "attachment">();
const row = rowsFor<PseudowireContext, "session" | "attachment" | "sequence rule" | "presence">();

/**
 * TABLE: keys of the attachment circuit of a pseudowire. Consumers: "circuit" is its device; "attachment" the
 * part of the device that the pseudowire carries, and how (`AttachmentCircuit`).
 */
export const circuitRows = {
  interface: part(deviceName.optional(), {
    name: "device",
    consumer: "circuit",
    reload: "replace",
    help:
      "Existing interface to attach, such as `eth1`. Its frames cross the pseudowire while it is up; " +
      "give it no addresses.",
  }),
  tap: part(deviceName.optional(), {
    name: "device",
    consumer: "circuit",
    reload: "replace",
    help:
      "TAP device to create, and to remove when no pseudowire of the file has it; " +
      "it gets the largest `mtu` of its pseudowires.",
  }),
  bridge: circuitRow(deviceName.optional(), {
    name: "bridge",
    consumer: "circuit",
    reload: "replace",
    help:
      "Bridge into which the TAP device is put, one of `bridges:` or another that exists; only with `tap`. " +
      "In a bridge, frames from one pseudowire do not go to another (`port: { isolated: false }` lets them).",
  }),
  vlan: part(vlanId.optional(), {
    name: "vlan",
    consumer: "attachment",
    reload: "replace",
    help: "Carry the frames of this VLAN ID, 0 for priority tags; absent: the whole port, tags and all.",
  }),
  vlan_on_pseudowire: part(vlanId.optional(), {
    name: "vlan",
    consumer: "attachment",
    reload: "replace",
    help:
      "VLAN ID that our frames get on the pseudowire; default: `vlan`. " +
      "What arrives gets `vlan`, whatever ID it has.",
  }),
  vlan_protocol: part(z.enum(["802.1q", "802.1ad"]).default("802.1q"), {
    name: "vlan",
    consumer: "attachment",
    reload: "replace",
    help: "Kind of outer tag that `vlan` means: EtherType 0x8100 or 0x88a8.",
  }),
  link_local: circuitRow(z.enum(["forward", "no-pause", "block"]).default("forward"), {
    name: "linkLocal",
    consumer: "attachment",
    reload: "replace",
    help:
      "What crosses of the frames from the circuit to 01-80-C2-00-00-00..0F (STP, LACP, LLDP, " +
      "PAUSE): all, all but PAUSE, or none. " +
      "What the peer sends is delivered whatever this says: set it at both ends.",
  }),
  follow_peer: circuitRow(z.enum(["carrier", "link-down", "none"]).optional(), {
    name: "followPeer",
    consumer: "circuit",
    reload: "replace",
    value: (follow, { kind }) => follow ?? followPeerByDefault(kind),
    help:
      "What the device does while none of its pseudowires reaches a circuit that is up at the other end: " +
      "`carrier`: a TAP device has no carrier, so that its bridge forgets what it learnt there and hosts " +
      "see it; `link-down`: an interface is switched off, and on again with the peer; `none`: nothing. " +
      "Default: `carrier` with `tap`, `none` with `interface`. Pseudowires on one device say the same.",
  }),
  allow_host_use: circuitRow(z.boolean().default(false), {
    name: "allowHostUse",
    consumer: "circuit",
    reload: "replace",
    help:
      "Attach an interface although this machine has addresses or routes on it or on what stands on it, " +
      "or it is a port of a bridge. Its frames go into the pseudowire and not to the machine any more; " +
      "where they carry the tunnel itself, that cuts the machine off.",
  }),
} as const;

/** What a device does by default while the other end is down: only what is ours alone follows. */
export function followPeerByDefault(kind: CircuitContext["kind"]): "carrier" | "none" {
  return kind === "tap" ? "carrier" : "none";
}

/** What values of static keys depend on: the pseudowire's own of what it receives. */
export interface StaticContext {
  readonly sublayer: L2SpecificSublayer;
  readonly sequencing: DataSequencing;
}

const staticRow = rowsFor<StaticContext, "session">();

/** TABLE: keys of a static session, with the names of `SessionParameters`. */
export const staticRows = {
  local_session_id: staticRow(sessionId, {
    name: "localSessionId",
    consumer: "session",
    reload: "replace",
    help:
      "Session id in what we receive; `remote_session_id` of the other end. " +
      "No two pseudowires of a file share one.",
  }),
  remote_session_id: staticRow(sessionId, {
    name: "remoteSessionId",
    consumer: "session",
    reload: "replace",
    help: "Session id in what we send; `local_session_id` of the other end.",
  }),
  receive_cookie: staticRow(hexOctets.default(""), {
    name: "receiveCookie",
    consumer: "session",
    reload: "replace",
    value: fromHex,
    help:
      "Cookie that the peer must present: 0, 4 or 8 octets in hexadecimal digits without 0x; " +
      "`transmit_cookie` of the other end.",
  }),
  transmit_cookie: staticRow(hexOctets.default(""), {
    name: "transmitCookie",
    consumer: "session",
    reload: "replace",
    value: fromHex,
    help: "Cookie that we send, likewise; `receive_cookie` of the other end.",
  }),
  transmit_sublayer: staticRow(z.enum(["none", "default"]).optional(), {
    name: "transmitSublayer",
    consumer: "session",
    reload: "replace",
    value: (sublayer, received) => sublayer ?? received.sublayer,
    help: "Sublayer of what we send; default: the `sublayer` of what we receive.",
  }),
  transmit_sequencing: staticRow(z.enum(["none", "non-ip", "all"]).optional(), {
    name: "transmitSequencing",
    consumer: "session",
    reload: "replace",
    value: (sequencing, received) => sequencing ?? received.sequencing,
    help: "Which frames we number; default: the `sequencing` of what we receive.",
  }),
} as const;

/**
 * TABLE: keys of a pseudowire, but for `circuit` and `static`. Consumers: "session" is what we ask the peer
 * for (`PseudowireSettings`); "attachment" what the plane does with frames (`AttachmentCircuit`); "sequence
 * rule" its rule for the peer's numbers; "presence" whether it is among those of its tunnel at all.
 */
export const pseudowireRows = {
  enabled: row(z.boolean().default(true), {
    name: "enabled",
    consumer: "presence",
    reload: "create or remove",
    help:
      "`false`: the pseudowire is checked as all others and shown by `wirespan status` as `disabled`, but " +
      "gets no session, and its circuit is not touched: another pseudowire may have it.",
  }),
  type: row(z.enum(["ethernet", "ethernet-vlan"]).optional(), {
    name: "type",
    consumer: "session",
    reload: "replace",
    value: (type, { hasVlan }) => type ?? (hasVlan ? "ethernet-vlan" : "ethernet"),
    help: "Pseudowire type; default: `ethernet-vlan` with a `vlan`, else `ethernet` (RFC 4719 §2.1).",
  }),
  remote_end_id: row(nonEmptyTextOrUnsigned32.optional(), {
    name: "remoteEndId",
    consumer: "session",
    reload: "replace",
    value: (id, { name }) => endIdOctets(id ?? name),
    inFile: endIdText,
    help:
      "Tells the peer which of its pseudowires we mean; the same at both ends. Text goes as its octets, " +
      "a number without quotes as 4 octets. Default: the name, so that equal names find each other.",
  }),
  mtu: row(z.int().min(68).max(65_000).default(1500), {
    name: "mtu",
    consumer: "attachment",
    reload: "replace",
    help:
      "Largest layer-3 payload of a frame in octets; header and up to two tags come on top. " +
      "Longer frames are counted as `oversize`.",
  }),
  cookie: row(z.literal([0, 4, 8]).default(8), {
    name: "cookieOctets",
    consumer: "session",
    reload: "replace",
    value: (octets, { staticCookieDigits: digits }) =>
      digits === undefined ? octets : ((digits / 2) as 0 | 4 | 8),
    // With `static`, the length of its cookie counts instead.
    inFile: (octets, { staticSession }) => (staticSession === undefined ? octets : undefined),
    help:
      "Octets of the random cookie that the peer must present; 8 keep out blind insertion (RFC " +
      "3931 §8.2). With `static`, the length of `receive_cookie` counts instead.",
  }),
  sublayer: row(z.enum(["none", "default"]).optional(), {
    name: "sublayer",
    consumer: "session",
    reload: "replace",
    value: (sublayer, { isFragmented }) => sublayer ?? (isFragmented ? "default" : "none"),
    help:
      "L2-Specific Sublayer of what we receive; `default` has sequence numbers (RFC 3931 §4.6). " +
      "Default: `none`, and `default` with `fragmentation: pseudowire`, which needs it.",
  }),
  sequencing: row(z.enum(["none", "non-ip", "all"]).optional(), {
    name: "sequencing",
    consumer: "session",
    reload: "replace",
    value: (sequencing, { isFragmented }) => sequencing ?? (isFragmented ? "all" : "none"),
    help:
      "Which frames the peer must number, so that we drop late ones (RFC 3931 §4.6.1): none, " +
      "all but those with IPv4 or IPv6, or all; needs `sublayer: default`. " +
      "Default: `none`, and `all` with `fragmentation: pseudowire`, which needs it.",
  }),
  vccv: row(z.enum(["echo", "off"]).optional(), {
    name: "vccv",
    consumer: "session",
    reload: "replace",
    value: (vccv, { hasSublayer, staticCookieDigits }) =>
      vccv ?? (hasSublayer && staticCookieDigits === undefined ? "echo" : "off"),
    help:
      "Control channel beside the frames (VCCV, RFC 5085). `echo`: ICMP echo is answered in it, and " +
      "measures the path MTU of a tunnel without a `secret`; needs `sublayer: default`, and is used where " +
      "the peer offers it too. " +
      "Default: `echo` with that sublayer; `off` without it, and with `static`, where both ends must " +
      "say it.",
  }),
  sequencing_window: row(z.int().min(1).max(0x80_0000).default(defaultSequenceRule.window), {
    name: "window",
    consumer: "sequence rule",
    reload: "in place",
    help:
      "With `sequencing`: a number is new if it is less than so many ahead of the one expected, else old, " +
      "and its message is dropped; default: half of all numbers (RFC 3931 Appendix C).",
  }),
  sequencing_reset: row(z.int().min(2).max(65_535).default(defaultSequenceRule.resetAfter), {
    name: "resetAfter",
    consumer: "sequence rule",
    reload: "in place",
    help:
      "With `sequencing`: so many old messages in a row, their numbers consecutive, " +
      "mean that the peer restarted its numbers or that more than the window was lost; " +
      "the last of them is delivered, and what follows it (RFC 3931 Appendix C).",
  }),
  dscp: row(dscpOrCopy.default(0), {
    name: "dscp",
    consumer: "attachment",
    reload: "in place",
    value: (choice: "copy" | DscpName | number) => (choice === "copy" ? choice : codePointOf(choice)),
    help:
      "Differentiated services code point of the outer IP header of our data messages: the same for all, " +
      "or with `copy` that of the frame's own IPv4 or IPv6 header, behind up to two tags, " +
      "and 0 for other frames. ECN is never copied (RFC 2983, RFC 6040).",
  }),
  mss_clamp: row(mssClamp.default("auto"), {
    name: "mssClamp",
    consumer: "attachment",
    reload: "in place",
    help:
      "Largest MSS that SYNs of TCP keep, in both directions: `auto` is what `mtu` and the path to the " +
      "peer take without fragments; a number is the MSS of IPv4 in octets, and IPv6 gets 20 less; `off` " +
      "leaves SYNs as they are. It is never raised.",
  }),
  packet_too_big: row(z.enum(["off", "answer"]).default("off"), {
    name: "packetTooBig",
    consumer: "attachment",
    reload: "in place",
    help:
      "What becomes of IPv4 packets with DF, and IPv6 packets, that `mtu` or the path to the peer does not " +
      "take whole: `answer` drops them and tells their senders by ICMP what MTU fits, as a router does, " +
      "10 times a second; `off` tells nothing. Those without an answer are treated by `fragmentation`.",
  }),
} as const;

/**
 * Text as its octets; a number in 4 octets, the form that every Ethernet pseudowire must know (RFC 4719
 * §2.2).
 */
function endIdOctets(id: string | number): Uint8Array {
  return typeof id === "number" ? new Writer(4).u32(id).finish() : new TextEncoder().encode(id);
}

/** Octets as the text that they may have been; other 4 octets as a number. */
export function endIdText(id: Uint8Array): string {
  const text = new TextDecoder().decode(id);
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  return id.length === 4 ? String(new DataView(id.buffer, id.byteOffset).getUint32(0)) : `0x${toHex(id)}`;
}
