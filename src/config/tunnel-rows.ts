import { z } from "zod";
import { canonicalAddress, dottedQuad } from "../bytes/ip-address.ts";
import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { routerIdOf } from "./address.ts";
import { part, rowsFor } from "./rows.ts";
import {
  address,
  codePointOf,
  dscp,
  localPort,
  remotePort,
  secretFields,
  textOrUnsigned32,
} from "./value-schemas.ts";

/** What values of a tunnel's keys depend on beside themselves. */
export interface TunnelRowContext {
  readonly isUdp: boolean;
  readonly hasSecret: boolean;
}

/** What keys of the shared socket have in common. */
const SAME_SOCKET = "The same in all tunnels from one local address and port.";

const row = rowsFor<TunnelRowContext, "path" | "endpoint" | "peer" | "authentication" | "delivery">();
const portOf = (given: number | undefined, { isUdp }: TunnelRowContext) =>
  isUdp ? (given ?? UDP_PORT_L2TP) : 0;
const portInFile = (given: number, fields: Readonly<Record<string, unknown>>) =>
  fields["encapsulation"] === "udp" ? given : undefined;
/** A checked address in canonical form. */
const canonicalText = (text: string) => (canonicalAddress(text) as { readonly text: string }).text;

/**
 * TABLE: keys of a tunnel. Consumers: "path" are its two ends; "endpoint" is the local socket
 * (`PsnEndpoint`); "peer", "authentication" and "delivery" are parts of its control connection
 * (`PeerSettings`).
 */
export const tunnelRows = {
  local: row(address, {
    name: "local",
    consumer: "path",
    reload: "replace",
    value: canonicalText,
    help: "Our IPv4 or IPv6 address.",
  }),
  remote: row(address, {
    name: "remote",
    consumer: "path",
    reload: "replace",
    value: canonicalText,
    help: "The peer's address, of the same family.",
  }),
  encapsulation: row(z.enum(["udp", "ip"]).default("udp"), {
    name: "encapsulation",
    consumer: "path",
    reload: "replace",
    help: "In UDP, or directly in IP protocol 115.",
  }),
  local_port: row(localPort.optional(), {
    name: "localPort",
    consumer: "path",
    reload: "replace",
    value: portOf,
    inFile: portInFile,
    help: "Our UDP port, default 1701; 0 takes any free one.",
  }),
  remote_port: row(remotePort.optional(), {
    name: "remotePort",
    consumer: "path",
    reload: "replace",
    value: portOf,
    inFile: portInFile,
    help: "The peer's UDP port for our first message, default 1701.",
  }),
  fragmentation: row(z.enum(["outer", "none"]).default("outer"), {
    name: "fragmentation",
    consumer: "endpoint",
    reload: "replace",
    help:
      "Datagrams over the path MTU: fragmented by IP (`outer`), " +
      `or not sent and counted as \`path-mtu\` (\`none\`). ${SAME_SOCKET}`,
  }),
  udp_checksum: row(z.enum(["auto", "full", "zero"]).default("auto"), {
    name: "checksum",
    consumer: "endpoint",
    reload: "replace",
    help:
      "Checksums of data messages in UDP. eBPF programs can make none: " +
      "`full` leaves the tunnel to user space; " +
      "`zero` sends them without, which over IPv6 both ends must have (RFC 6935); " +
      `\`auto\` is \`zero\` over IPv4 and \`full\` over IPv6. ${SAME_SOCKET}`,
  }),
  gso: row(z.enum(["auto", "offload", "segment"]).default("auto"), {
    name: "gso",
    consumer: "endpoint",
    reload: "replace",
    help:
      "How eBPF programs send GSO packets (hosts hand over up to 64 KiB in one piece) " +
      "and packets with unfinished checksums. " +
      "`offload`: as they are; the WAN interface segments them and finishes checksums. " +
      "`segment`: both are done before they leave; " +
      "slower, and right for any peer behind an interface that does neither. " +
      "`auto`: `offload` where the WAN interface is hardware, or a VLAN, bond or bridge of nothing else, " +
      "and `segment` on virtual ones such as veth. " +
      `Where both ends of a veth forward by eBPF, \`offload\` at both is faster. ${SAME_SOCKET}`,
  }),
  control_dscp: row(dscp.default(0), {
    name: "controlDscp",
    consumer: "endpoint",
    reload: "replace",
    value: codePointOf,
    help:
      "Differentiated services code point of our control messages. " +
      "`cs6` is the custom within a network of one's own; " +
      `others may drop it (RFC 4594 §3.2). ${SAME_SOCKET}`,
  }),
  control: part(z.enum(["negotiated", "static"]).default("negotiated"), {
    name: "control",
    consumer: "path",
    reload: "replace",
    help:
      "`negotiated`: a control connection sets sessions up; " +
      "`static`: there is none, and each pseudowire has `static`.",
  }),
  role: row(z.enum(["either", "initiator", "responder"]).default("either"), {
    name: "role",
    consumer: "peer",
    reload: "replace",
    help:
      "Who opens the control connection: whoever is first, only we, or only the peer. " +
      "Both ends call for sessions: who opened it at once, the other where no call came for 10 s, " +
      "with `responder` for 12 s. `responder` suits peers that dial and do not answer.",
  }),
  authentication: row(z.enum(["digest", "integrity", "none"]).optional(), {
    name: "mode",
    consumer: "authentication",
    reload: "replace",
    value: (mode, { hasSecret }) => mode ?? (hasSecret ? "digest" : "none"),
    help:
      "Control message authentication, the same at both ends: `digest` by a `secret`, which it needs; " +
      "`integrity` finds damage, and authenticates nobody; `none`. " +
      "Default: `digest` with a `secret`, else `none` (RFC 3931 §4.3).",
  }),
  secret: part(secretFields.optional(), {
    name: "secrets",
    consumer: "authentication",
    reload: "replace",
    help: secretFields.description ?? "",
  }),
  next_secret: part(secretFields.optional(), {
    name: "secrets",
    consumer: "authentication",
    reload: "replace",
    help: "A second secret that is accepted too, while both ends change from one to the other.",
  }),
  digest: row(z.enum(["md5", "sha1"]).default("md5"), {
    name: "digestType",
    consumer: "authentication",
    reload: "replace",
    value: (digest) => `hmac-${digest}` as const,
    inFile: (type) => type.replace("hmac-", ""),
    help: "Hash of the HMAC in the digests we send; both are accepted.",
  }),
  hide_avps: row(z.boolean().default(false), {
    name: "hideAvps",
    consumer: "authentication",
    reload: "replace",
    help: "Encrypt the values of the AVPs that may be hidden (RFC 3931 §5.3); needs a `secret`.",
  }),
  hello_interval_s: row(z.int().min(0).max(3600).default(5), {
    name: "helloIntervalMs",
    consumer: "peer",
    reload: "in place",
    factor: 1000,
    help:
      "Seconds of silence before HELLO; 0 never sends one. RFC 3931 §4.4 suggests 60, " +
      "with which a dead peer is noticed after more than a minute; a HELLO costs two datagrams.",
  }),
  retransmit_initial_ms: row(z.int().min(10).max(60_000).default(1000), {
    name: "initialMs",
    consumer: "delivery",
    reload: "in place",
    help: "Pause before the first retransmission of a control message; doubles (RFC 3931 §4.2).",
  }),
  retransmit_cap_ms: row(z.int().min(8000).max(300_000).default(8000), {
    name: "capMs",
    consumer: "delivery",
    reload: "in place",
    help: "Longest pause between retransmissions; the RFC wants 8 s or more.",
  }),
  retransmit_limit: row(z.int().min(1).max(100).default(10), {
    name: "limit",
    consumer: "delivery",
    reload: "in place",
    help: "Retransmissions before the peer is given up, as RFC 3931 §4.2 recommends.",
  }),
  silence_limit_s: row(z.int().min(0).max(3600).default(24), {
    name: "silenceMs",
    consumer: "delivery",
    reload: "in place",
    factor: 1000,
    help:
      "Seconds that a control message may wait for its acknowledgement while nothing at all comes from " +
      "the peer, neither control messages nor data, before it is given up even with retransmissions left; " +
      "0 for no such limit. A dead peer is so noticed after `hello_interval_s` and this, 29 s by default; " +
      "the pauses of RFC 3931 §4.2 alone would make it 76 s.",
  }),
  receive_window: row(z.int().min(1).max(1024).default(8), {
    name: "receiveWindowSize",
    consumer: "delivery",
    reload: "in place",
    help:
      "Control messages that the peer may have unacknowledged; " +
      "the peer learns a new value when the connection is set up again.",
  }),
  reconnect_initial_s: row(z.number().min(0.1).max(3600).default(1), {
    name: "reconnectInitialMs",
    consumer: "peer",
    reload: "in place",
    factor: 1000,
    help: "Pause before a lost connection or session is tried again; doubles.",
  }),
  reconnect_cap_s: row(z.number().min(0.1).max(3600).default(60), {
    name: "reconnectCapMs",
    consumer: "peer",
    reload: "in place",
    factor: 1000,
    help: "Longest such pause.",
  }),
  peer_host_name: row(z.string().min(1).optional(), {
    name: "peerHostName",
    consumer: "peer",
    reload: "replace",
    help: "Refuse a peer with another Host Name.",
  }),
  peer_router_id: row(textOrUnsigned32.optional(), {
    name: "peerRouterId",
    consumer: "peer",
    reload: "replace",
    value: (id) => (id === undefined ? undefined : routerIdOf(id)),
    inFile: (id) => (id === undefined ? undefined : dottedQuad(id)),
    help: "Refuse a peer with another Router ID: dotted quad or number.",
  }),
} as const;
