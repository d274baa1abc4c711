import { z } from "zod";

/**
 * TABLE: every key of the configuration, with its type, range, default and help. The validator, docs/configuration.md and the
 * JSON Schema are all made from here. To add a key, add a row.
 */

/** Text of an IP address; the check in words is in check.ts. */
const address = z.string();
const deviceName = z
  .string()
  .min(1)
  .max(15)
  .regex(/^[^\s/]+$/, "an interface name has no blanks and no slash");
const unsigned32 = z.int().min(1).max(0xffff_ffff);
const hexOctets = z.string().regex(/^([0-9a-fA-F]{2})*$/, "wanted pairs of hexadecimal digits");

export const secretFields = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .describe("File that holds the secret; one newline at its end is not part of it."),
    env: z.string().min(1).optional().describe("Environment variable that holds the secret."),
  })
  .describe("Where a shared secret comes from: exactly one of `file` and `env`.");

export const circuitFields = z.strictObject({
  interface: deviceName.optional().describe("Existing interface to attach; it must be up."),
  tap: deviceName.optional().describe("TAP device to create and remove with the pseudowire."),
  bridge: deviceName.optional().describe("Existing bridge into which the TAP device is put."),
  vlan: z
    .int()
    .min(0)
    .max(4094)
    .optional()
    .describe("Carry this one VLAN of the device; absent: the whole port."),
  vlan_on_pseudowire: z
    .int()
    .min(0)
    .max(4094)
    .optional()
    .describe("VLAN ID the frames have on the pseudowire; default: `vlan`."),
  vlan_protocol: z.enum(["802.1q", "802.1ad"]).default("802.1q").describe("Kind of tag that `vlan` means."),
  link_local: z
    .enum(["forward", "no-pause", "block"])
    .default("forward")
    .describe("Frames to 01-80-C2-00-00-00..0F (STP, LACP, LLDP, PAUSE): all cross, all but PAUSE, or none."),
});

export const staticFields = z.strictObject({
  local_session_id: unsigned32.describe("Session id in what we receive."),
  remote_session_id: unsigned32.describe("Session id in what we send."),
  receive_cookie: hexOctets
    .default("")
    .describe("Cookie that the peer must present: 0, 4 or 8 octets in hexadecimal."),
  transmit_cookie: hexOctets.default("").describe("Cookie that we send: 0, 4 or 8 octets in hexadecimal."),
  transmit_sublayer: z
    .enum(["none", "default"])
    .optional()
    .describe("Sublayer of what we send; default: `sublayer`."),
  transmit_sequencing: z
    .enum(["none", "non-ip", "all"])
    .optional()
    .describe("What of ours is numbered; default: `sequencing`."),
});

export const pseudowireFields = z.strictObject({
  circuit: circuitFields.describe(
    "Attachment circuit: an interface or a TAP device, whole or one VLAN of it.",
  ),
  type: z
    .enum(["ethernet", "ethernet-vlan"])
    .optional()
    .describe("Pseudowire type; default: `ethernet-vlan` with a `vlan`, else `ethernet` (RFC 4719 §2.1)."),
  remote_end_id: z
    .union([z.string().min(1), z.int().min(0).max(0xffff_ffff)])
    .optional()
    .describe(
      "Names the circuit, the same at both ends: text as its octets, a number as 4 octets. Default: the name.",
    ),
  mtu: z
    .int()
    .min(68)
    .max(65_000)
    .default(1500)
    .describe("Largest layer-3 payload in octets; tags come on top."),
  cookie: z
    .literal([0, 4, 8])
    .default(8)
    .describe("Octets of the cookie that the peer must present (RFC 3931 §8.2)."),
  sublayer: z
    .enum(["none", "default"])
    .default("none")
    .describe("L2-Specific Sublayer of what we receive (RFC 3931 §4.6)."),
  sequencing: z
    .enum(["none", "non-ip", "all"])
    .default("none")
    .describe("Which frames the peer must number; needs `sublayer: default`."),
  static: staticFields.optional().describe("Ids and cookies agreed by hand; only with `control: static`."),
});

/** Names of tunnels and pseudowires. */
export const nameRule = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

/** Keys of a tunnel that are taken over while its control connection runs; any other change makes it anew. */
export const updatable: readonly string[] = [
  "helloIntervalMs",
  "retransmitInitialMs",
  "retransmitCapMs",
  "retransmitLimit",
  "receiveWindowSize",
  "reconnectInitialMs",
  "reconnectCapMs",
];

const port = z.int().min(0).max(65_535);

export const tunnelFields = z.strictObject({
  local: address.describe("Our IPv4 or IPv6 address."),
  remote: address.describe("The peer's address, of the same family."),
  encapsulation: z.enum(["udp", "ip"]).default("udp").describe("UDP, or directly IP protocol 115."),
  local_port: port.optional().describe("Our UDP port, default 1701; 0 takes any free one."),
  remote_port: port.min(1).optional().describe("The peer's UDP port, default 1701."),
  fragmentation: z
    .enum(["outer", "none"])
    .default("outer")
    .describe("Datagrams over the path MTU: fragmented by IP, or counted as `path-mtu` and not sent."),
  control: z
    .enum(["negotiated", "static"])
    .default("negotiated")
    .describe("With or without a control connection."),
  role: z
    .enum(["either", "initiator", "responder"])
    .default("either")
    .describe("Who opens the control connection."),
  authentication: z
    .enum(["digest", "integrity", "none"])
    .optional()
    .describe(
      "Control message authentication; default: `digest` with a secret, else `none` (RFC 3931 §4.3).",
    ),
  secret: secretFields.optional(),
  next_secret: secretFields
    .optional()
    .describe("A second secret that is accepted too, while secrets are changed."),
  digest: z.enum(["md5", "sha1"]).default("md5").describe("HMAC of the digests we send; both are accepted."),
  hide_avps: z.boolean().default(false).describe("Hide the AVPs that may be hidden (RFC 3931 §5.3)."),
  hello_interval_s: z
    .int()
    .min(0)
    .max(3600)
    .default(60)
    .describe("Seconds of silence before HELLO; 0 never sends one (RFC 3931 §4.4). Reloadable."),
  retransmit_initial_ms: z
    .int()
    .min(10)
    .max(60_000)
    .default(1000)
    .describe("First retransmission (RFC 3931 §4.2). Reloadable."),
  retransmit_cap_ms: z
    .int()
    .min(8000)
    .max(300_000)
    .default(8000)
    .describe("Longest pause between retransmissions. Reloadable."),
  retransmit_limit: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe("Retransmissions before the peer is given up. Reloadable."),
  receive_window: z
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .describe("Control messages the peer may have unacknowledged. Reloadable."),
  reconnect_initial_s: z
    .number()
    .min(0.1)
    .max(3600)
    .default(1)
    .describe("Pause before a lost connection or session is tried again; doubles. Reloadable."),
  reconnect_cap_s: z.number().min(0.1).max(3600).default(60).describe("Longest such pause. Reloadable."),
  peer_host_name: z.string().min(1).optional().describe("Refuse a peer with another host name."),
  peer_router_id: z
    .union([z.string(), unsigned32])
    .optional()
    .describe("Refuse a peer with another router id: dotted quad or number."),
  pseudowires: z.record(nameRule, pseudowireFields).default({}).describe("The pseudowires, by name."),
});

export const configFields = z.strictObject({
  lcce: z
    .strictObject({
      host_name: z
        .string()
        .min(1)
        .max(255)
        .regex(/^[\x21-\x7e]+$/, "wanted US-ASCII without blanks")
        .optional()
        .describe("Our host name; default: the machine's."),
      router_id: z
        .union([z.string(), z.int().min(0).max(0xffff_ffff)])
        .optional()
        .describe("Dotted quad or number; default: the first IPv4 `local`, else made from the host name."),
      control_socket: z
        .string()
        .min(1)
        .default("/run/wirespan/wirespan.sock")
        .describe("Unix socket of `wirespan status` and `wirespan reload`."),
    })
    .prefault({})
    .describe("This node."),
  log: z
    .strictObject({
      level: z
        .enum(["trace", "debug", "info", "warn", "error"])
        .default("info")
        .describe("Least weight that is logged. Reloadable."),
      format: z
        .enum(["auto", "text", "json"])
        .default("auto")
        .describe("`auto`: text on a terminal, else JSON lines."),
    })
    .prefault({})
    .describe("Logging, to standard error."),
  tunnels: z.record(nameRule, tunnelFields).describe("The tunnels, by name."),
});

export type RawConfig = z.output<typeof configFields>;
export type RawTunnel = z.output<typeof tunnelFields>;
export type RawPseudowire = z.output<typeof pseudowireFields>;
