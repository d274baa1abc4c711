import { z } from "zod";
import { dottedQuad } from "../bytes/ip-address.ts";
import { UDP_PORT_L2TP } from "../wire/constants.ts";
import { routerIdOf } from "./address.ts";
import { localEndOf, localText, remoteEndOf, remoteText } from "./ends.ts";
import { part, rowsFor } from "./rows.ts";
import {
  codePointOf,
  dscp,
  localEnd,
  localPort,
  remoteEnd,
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

const row = rowsFor<
  TunnelRowContext,
  "path" | "path MTU" | "endpoint" | "peer" | "authentication" | "delivery" | "presence"
>();
const portOf = (given: number | undefined, { isUdp }: TunnelRowContext) =>
  isUdp ? (given ?? UDP_PORT_L2TP) : 0;
const portInFile = (given: number, fields: Readonly<Record<string, unknown>>) =>
  fields["encapsulation"] === "udp" ? given : undefined;

/**
 * TABLE: keys of a tunnel. Consumers: "path" are its two ends; "path MTU" is the search for what the path
 * takes, of a control connection (`PeerSettings`) or a static tunnel; "endpoint" is the local socket
 * (`PsnEndpoint`); "presence" whether it is among the tunnels of `Config` at all; "peer", "authentication"
 * and "delivery" are parts of its control connection (`PeerSettings`).
 */
export const tunnelRows = {
  enabled: row(z.boolean().default(true), {
    name: "enabled",
    consumer: "presence",
    reload: "create or remove",
    help:
      "`false`: the tunnel is checked as all others and shown by `wirespan status` as `disabled`, but not " +
      "opened. Its ends and circuits may be those of another tunnel.",
  }),
  local: row(localEnd.optional(), {
    name: "local",
    consumer: "path",
    reload: "replace",
    value: localEndOf,
    inFile: localText,
    help:
      "Our end: an IPv4 or IPv6 address; or the name of an interface, whose address is taken; or left out, " +
      "for the address that the kernel's route to the peer has (with `remote: any` that of the default " +
      "route). The latter two are followed when they change, as by DHCP, while sessions go on. " +
      "An address or interface that is not there yet is waited for.",
  }),
  remote: row(remoteEnd, {
    name: "remote",
    consumer: "path",
    reload: "replace",
    value: remoteEndOf,
    inFile: remoteText,
    help:
      "The peer: its address, of the same family as that of `local`; or its DNS name, which is asked again " +
      "by its TTL, but after 5 s at the soonest and 300 s at the latest, and when the connection is lost; " +
      "or `any`, for whoever proves to have the `secret`, from anywhere, with `{ any: [PREFIX, ...] }` " +
      "from these prefixes: it opens the connection. Several tunnels of `any` from one `local` are told " +
      "apart by `peer_host_name` and `peer_router_id`; one may be without.",
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
  fragmentation: row(z.enum(["outer", "none", "pseudowire"]).default("outer"), {
    name: "fragmentation",
    consumer: "endpoint",
    reload: "replace",
    help:
      "Datagrams over the path MTU: fragmented by IP (`outer`), or not sent and counted as `path-mtu` " +
      "(`none`). `pseudowire`: frames are fragmented before, by the path MTU, and put " +
      "together by the peer (RFC 4623); for both ends, where both are Wirespan, in user space. A peer that " +
      `announces no MRRU gets what it does with \`outer\`. ${SAME_SOCKET}`,
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
  follow: row(z.enum(["none", "cookie"]).default("none"), {
    name: "follow",
    consumer: "path",
    reload: "replace",
    help:
      "With `control: static` alone, where no control connection tells that the peer has another address " +
      "or port, as behind a NAT. `cookie`: it is followed to where messages with a right cookie come from, " +
      "3 in a second at least, once nothing came from where it was for 3 s; needs cookies of 8 octets. " +
      "A cookie proves little: whoever hears one message can repeat it, and take the tunnel over while the " +
      "peer is silent.",
  }),
  path_mtu: row(z.enum(["probe", "echo", "none"]).default("probe"), {
    name: "pathMtu",
    consumer: "path MTU",
    reload: "in place",
    help:
      "`probe`: the largest packet that the path to the peer takes is searched for (RFC 8899): without a " +
      "`secret` by ICMP echo in the control channel of a pseudowire with `vccv: echo`; else by HELLOs " +
      "padded with Random Vector AVPs (RFC 3931 §6.5), of which what is lost is repeated without padding; " +
      "or by ICMP echo, in such a channel or to the peer's address, where the peer does not answer or " +
      "closes upon such HELLOs, or with `control: static`. `echo`: by ICMP echo alone, for a peer that " +
      "cannot take padded HELLOs. `none`: not at all; the MTU of the interface, or what routers say, is " +
      "assumed.",
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
  roaming: row(z.enum(["control", "off"]).optional(), {
    name: "roaming",
    consumer: "peer",
    reload: "in place",
    value: (roaming, { isUdp, hasSecret }) => roaming ?? (isUdp && hasSecret ? "control" : "off"),
    help:
      "Whether the connection follows a peer whose address or UDP port changes, and its sessions with it. " +
      "`control`: after a new control message with a right digest, or a hint such as data with a right " +
      "cookie, came from elsewhere, and the peer acknowledged a HELLO there; it needs a `secret`. " +
      "`off`: what comes from elsewhere is dropped, and the peer has to connect anew. " +
      "Default: `control` over UDP with a `secret`, else `off`.",
  }),
  nat_keepalive_s: row(z.int().min(0).max(3600).optional(), {
    name: "natKeepaliveMs",
    consumer: "peer",
    reload: "in place",
    value: (seconds) => (seconds === undefined ? undefined : seconds * 1000),
    inFile: (ms) => (ms === undefined ? undefined : ms / 1000),
    help:
      "Seconds without anything sent, control messages or data, before HELLO: a NAT forgets a silent peer, " +
      "some after 30 s. 0 never sends one for that. Default: 20 where a NAT was noticed, that is, " +
      "where the peer's address or UDP port is not the configured one, " +
      "or our address is private (RFC 1918, RFC 6598, RFC 4193) and the peer's is not; else 0. " +
      "`hello_interval_s` counts what is received, and does not keep a NAT's mapping.",
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
    help:
      "Refuse a peer with another Host Name. Of several tunnels to one address, or to `any`, it tells " +
      "which one a peer is for.",
  }),
  peer_router_id: row(textOrUnsigned32.optional(), {
    name: "peerRouterId",
    consumer: "peer",
    reload: "replace",
    value: (id) => (id === undefined ? undefined : routerIdOf(id)),
    inFile: (id) => (id === undefined ? undefined : dottedQuad(id)),
    help: "The same by its Router ID: dotted quad or number.",
  }),
} as const;
