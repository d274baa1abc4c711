import { z } from "zod";
import { type DscpName, dscpNames } from "../wire/dscp.ts";
import { defaultSequenceRule } from "../wire/session-parameters.ts";
import { addressProblem } from "./address.ts";

/**
 * TABLE: every key of the configuration, with its type, range, default and help. The validator, docs/configuration.md and the
 * JSON Schema are all made from here. To add a key, add a row.
 */

/** Text of the IP address of one end of a tunnel. */
const address = z
  .string({
    error: (issue) => (Array.isArray(issue.input) ? "write the address without brackets" : undefined),
  })
  .superRefine((text, context) => {
    const message = addressProblem(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
/** Names that the kernel gives no interface: they stand for all of them in /proc/sys/net. */
const reservedNames: ReadonlySet<string> = new Set(["all", "default"]);
/** What the kernel takes as a name (dev_valid_name), of US-ASCII alone. */
const deviceName = z
  .string()
  .min(1)
  .max(15)
  .regex(
    /^(?!\.\.?$)[!-$&-.0-9;-~]*$/,
    "an interface name is US-ASCII without blanks, slash, colon and percent",
  )
  .superRefine((name, context) => {
    if (reservedNames.has(name))
      context.addIssue({
        code: "custom",
        message: `the kernel gives no interface the name ${name}: choose another one`,
      });
  });
/** What is said of several VLAN IDs in one pseudowire. */
export const WANTED_ONE_VLAN =
  "wanted one VLAN ID: a pseudowire carries one VLAN, or the whole port without this key; make one for each";
/** One VLAN ID; 0 means priority tags. */
const vlanId = z
  .int({
    error: ({ input }) =>
      Array.isArray(input) || (typeof input === "string" && /^\d+\s*[-,]/.test(input))
        ? WANTED_ONE_VLAN
        : undefined,
  })
  .min(0)
  .max(4094);
/** What the kernel has room for in the address of a Unix socket, without the octet that ends it (unix(7)). */
const SOCKET_PATH_OCTETS = 107;
const unsigned32 = z.int().min(1).max(0xffff_ffff);
const dscpNameList = Object.keys(dscpNames) as [DscpName, ...DscpName[]];
const dscpNumber = z.int().min(0).max(63);
const wantedDscp = (...more: string[]) => ({
  error: `wanted 0 to 63, or one of ${[...more, ...dscpNameList].join(", ")}`,
});
const textOrNumber = { error: "wanted text or a number in range" };
const hexOctets = z.string().regex(/^([0-9a-fA-F]{2})*$/, "wanted pairs of hexadecimal digits, without 0x");

const secretKeys = ["file", "credential", "env"] as const;
const wantedSecret = "{ file: PATH }, { credential: NAME } or { env: NAME }";
/** What is said of a secret in the file itself. */
export const WANTED_SECRET = `wanted ${wantedSecret}: the secret itself does not belong into this file`;

export const secretFields = z
  .strictObject(
    {
      file: z
        .string()
        .min(1)
        .refine((path) => !path.startsWith("~"), "~ is not expanded here: write the whole path")
        .optional()
        .describe(
          "File that holds the secret; one newline at its end is not part of it. A relative path counts from the directory in " +
            "which `wirespan run` was started. Keep it to its owner (`chmod 600`).",
        ),
      credential: z
        .string()
        .regex(/^(?!\.\.?$)[^/]+$/, "a credential is named as in LoadCredential=, without slash")
        .optional()
        .describe(
          "Credential of the systemd unit that holds the secret (`LoadCredential=NAME:PATH`): a file of this name in the directory " +
            "that the environment variable CREDENTIALS_DIRECTORY names.",
        ),
      env: z
        .string()
        .min(1)
        .optional()
        .describe("Environment variable of the daemon that holds the secret; a reload sees no other value."),
    },
    {
      error: ({ code, input }) => {
        if (code !== "invalid_type" || input === undefined) return undefined;
        return input === null ? `wanted ${wantedSecret}` : WANTED_SECRET;
      },
    },
  )
  .refine((secret) => secretKeys.filter((place) => secret[place] !== undefined).length === 1, {
    error: `wanted exactly one of ${secretKeys.join(", ")}`,
  })
  .describe(
    "The shared secret, the same at both ends: exactly one of `file`, `credential` and `env`, read at the start and at each reload.",
  );

const wantedCircuit = ({ code, input }: { readonly code: string; readonly input?: unknown }) =>
  code === "invalid_type" && (typeof input === "string" || input === null)
    ? "wanted { interface: NAME }, or { tap: NAME } for a device that is made"
    : undefined;

export const circuitFields = z.strictObject(
  {
    interface: deviceName
      .optional()
      .describe(
        "Existing interface to attach, such as `eth1`. Its frames cross the pseudowire while it is up; give it no addresses.",
      ),
    tap: deviceName
      .optional()
      .describe(
        "TAP device to create, and to remove when no pseudowire of the file has it; it gets the largest `mtu` of its pseudowires.",
      ),
    bridge: deviceName
      .optional()
      .describe("Existing bridge into which the TAP device is put; only with `tap`."),
    vlan: vlanId
      .optional()
      .describe(
        "Carry the frames of this VLAN ID, 0 for priority tags; absent: the whole port, tags and all.",
      ),
    vlan_on_pseudowire: vlanId
      .optional()
      .describe(
        "VLAN ID that our frames get on the pseudowire; default: `vlan`. What arrives gets `vlan`, whatever ID it has.",
      ),
    vlan_protocol: z
      .enum(["802.1q", "802.1ad"])
      .default("802.1q")
      .describe("Kind of outer tag that `vlan` means: EtherType 0x8100 or 0x88a8."),
    link_local: z
      .enum(["forward", "no-pause", "block"])
      .default("forward")
      .describe(
        "What crosses of the frames from the circuit to 01-80-C2-00-00-00..0F (STP, LACP, LLDP, PAUSE): all, all but PAUSE, or none. " +
          "What the peer sends is delivered whatever this says: set it at both ends.",
      ),
    allow_host_use: z
      .boolean()
      .default(false)
      .describe(
        "Attach an interface although this machine has addresses or routes on it or on what stands on it, or it is a port of a bridge. " +
          "Its frames go into the pseudowire and not to the machine any more; where they carry the tunnel itself, that cuts the " +
          "machine off.",
      ),
  },
  { error: wantedCircuit },
);

export const staticFields = z.strictObject({
  local_session_id: unsigned32.describe(
    "Session id in what we receive; `remote_session_id` of the other end. No two pseudowires of a file share one.",
  ),
  remote_session_id: unsigned32.describe("Session id in what we send; `local_session_id` of the other end."),
  receive_cookie: hexOctets
    .default("")
    .describe(
      "Cookie that the peer must present: 0, 4 or 8 octets in hexadecimal digits without 0x; `transmit_cookie` of the other end.",
    ),
  transmit_cookie: hexOctets
    .default("")
    .describe("Cookie that we send, likewise; `receive_cookie` of the other end."),
  transmit_sublayer: z
    .enum(["none", "default"])
    .optional()
    .describe("Sublayer of what we send; default: the `sublayer` of what we receive."),
  transmit_sequencing: z
    .enum(["none", "non-ip", "all"])
    .optional()
    .describe("Which frames we number; default: the `sequencing` of what we receive."),
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
    .union([z.string().min(1), z.int().min(0).max(0xffff_ffff)], textOrNumber)
    .optional()
    .describe(
      "Tells the peer which of its pseudowires we mean; the same at both ends. Text goes as its octets, a number without quotes " +
        "as 4 octets. Default: the name, so that equal names find each other.",
    ),
  mtu: z
    .int()
    .min(68)
    .max(65_000)
    .default(1500)
    .describe(
      "Largest layer-3 payload of a frame in octets; header and up to two tags come on top. Longer frames are counted as `oversize`.",
    ),
  cookie: z
    .literal([0, 4, 8])
    .default(8)
    .describe(
      "Octets of the random cookie that the peer must present; 8 keep out blind insertion (RFC 3931 §8.2). With `static`, the " +
        "length of `receive_cookie` counts instead.",
    ),
  sublayer: z
    .enum(["none", "default"])
    .default("none")
    .describe(
      "L2-Specific Sublayer of what we receive; `default` has room for sequence numbers (RFC 3931 §4.6).",
    ),
  sequencing: z
    .enum(["none", "non-ip", "all"])
    .default("none")
    .describe(
      "Which frames the peer must number, so that we drop late ones (RFC 3931 §4.6.1): none, all but those with IPv4 or IPv6, " +
        "or all; needs `sublayer: default`.",
    ),
  sequencing_window: z
    .int()
    .min(1)
    .max(0x80_0000)
    .default(defaultSequenceRule.window)
    .describe(
      "With `sequencing`: a number is new if it is less than so many ahead of the one expected, else old, and its message is " +
        "dropped; default: half of all numbers (RFC 3931 Appendix C). Reloadable.",
    ),
  sequencing_reset: z
    .int()
    .min(2)
    .max(65_535)
    .default(defaultSequenceRule.resetAfter)
    .describe(
      "With `sequencing`: so many old messages in a row, their numbers consecutive, mean that the peer began anew or that more than the " +
        "window was lost; the last of them is delivered, and what follows it (RFC 3931 Appendix C). Reloadable.",
    ),
  dscp: z
    .union([z.enum(["copy", ...dscpNameList]), dscpNumber], wantedDscp("copy"))
    .default(0)
    .describe(
      "Differentiated services code point of the outer IP header of our data messages: the same for all, or with `copy` that of the " +
        "frame's own IPv4 or IPv6 header, behind up to two tags, and 0 for other frames. ECN is never copied (RFC 2983, RFC 6040). " +
        "Reloadable.",
    ),
  static: staticFields
    .optional()
    .describe("Ids and cookies agreed by hand; required with `control: static`, else not allowed."),
});

/** Names of tunnels and pseudowires. */
export const nameRule = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

/** Keys of a tunnel that are taken over while its control connection runs; any other change makes it anew. */
export const updatable: readonly string[] = [
  "hello_interval_s",
  "retransmit_initial_ms",
  "retransmit_cap_ms",
  "retransmit_limit",
  "silence_limit_s",
  "receive_window",
  "reconnect_initial_s",
  "reconnect_cap_s",
];

/** Keys of a pseudowire that are taken over while its session runs; any other change makes it anew. */
export const updatableOfPseudowires: readonly string[] = ["sequencing_window", "sequencing_reset", "dscp"];

export const tunnelFields = z.strictObject({
  local: address.describe("Our IPv4 or IPv6 address."),
  remote: address.describe("The peer's address, of the same family."),
  encapsulation: z.enum(["udp", "ip"]).default("udp").describe("In UDP, or directly in IP protocol 115."),
  local_port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe("Our UDP port, default 1701; 0 takes any free one."),
  remote_port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("The peer's UDP port for our first message, default 1701."),
  fragmentation: z
    .enum(["outer", "none"])
    .default("outer")
    .describe(
      "Datagrams over the path MTU: fragmented by IP (`outer`), or not sent and counted as `path-mtu` (`none`). The same in all " +
        "tunnels from one local address and port.",
    ),
  udp_checksum: z
    .enum(["auto", "full", "zero"])
    .default("auto")
    .describe(
      "Checksums of data messages in UDP. Programs in the kernel can make none: `full` leaves the tunnel to user space; `zero` lets " +
        "them go without, which over IPv6 both ends must say (RFC 6935); `auto` is `zero` over IPv4 and `full` over IPv6. The same " +
        "in all tunnels from one local address and port.",
    ),
  gso: z
    .enum(["auto", "offload", "segment"])
    .default("auto")
    .describe(
      "How eBPF programs send GSO packets (hosts hand over up to 64 KiB in one piece) and packets with unfinished " +
        "checksums. `offload`: as they are; the WAN interface segments them and finishes checksums. `segment`: both " +
        "are done before they leave; slower, and right for any peer behind an interface that does neither. " +
        "`auto`: `offload` where the WAN interface is hardware, or a VLAN, bond or bridge of nothing else, and " +
        "`segment` on virtual ones such as veth. Where both ends of a veth forward by eBPF, `offload` at both is " +
        "faster. The same in all tunnels from one local address and port.",
    ),
  control_dscp: z
    .union([z.enum(dscpNameList), dscpNumber], wantedDscp())
    .default(0)
    .describe(
      "Differentiated services code point of our control messages. `cs6` is the custom within a network of one's own; others may drop " +
        "it (RFC 4594 §3.2). The same in all tunnels from one local address and port.",
    ),
  control: z
    .enum(["negotiated", "static"])
    .default("negotiated")
    .describe(
      "`negotiated`: a control connection sets sessions up; `static`: there is none, and each pseudowire has `static`.",
    ),
  role: z
    .enum(["either", "initiator", "responder"])
    .default("either")
    .describe(
      "Who opens the control connection: whoever is first, only we, or only the peer. Both ends call for sessions: who opened it at " +
        "once, the other where no call came for 2 s, with `responder` for 12 s. `responder` suits peers that dial and do not answer.",
    ),
  authentication: z
    .enum(["digest", "integrity", "none"])
    .optional()
    .describe(
      "Control message authentication, the same at both ends: `digest` by a `secret`, which it needs; `integrity` finds damage, and " +
        "authenticates nobody; `none`. Default: `digest` with a `secret`, else `none` (RFC 3931 §4.3).",
    ),
  secret: secretFields.optional(),
  next_secret: secretFields
    .optional()
    .describe("A second secret that is accepted too, while both ends change from one to the other."),
  digest: z
    .enum(["md5", "sha1"])
    .default("md5")
    .describe("Hash of the HMAC in the digests we send; both are accepted."),
  hide_avps: z
    .boolean()
    .default(false)
    .describe("Encrypt the values of the AVPs that may be hidden (RFC 3931 §5.3); needs a `secret`."),
  hello_interval_s: z
    .int()
    .min(0)
    .max(3600)
    .default(5)
    .describe(
      "Seconds of silence before HELLO; 0 never sends one. RFC 3931 §4.4 suggests 60, with which a dead peer is noticed after more " +
        "than a minute; a HELLO costs two datagrams. Reloadable.",
    ),
  retransmit_initial_ms: z
    .int()
    .min(10)
    .max(60_000)
    .default(1000)
    .describe(
      "Pause before the first retransmission of a control message; doubles (RFC 3931 §4.2). Reloadable.",
    ),
  retransmit_cap_ms: z
    .int()
    .min(8000)
    .max(300_000)
    .default(8000)
    .describe("Longest pause between retransmissions; the RFC wants 8 s or more. Reloadable."),
  retransmit_limit: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe("Retransmissions before the peer is given up, as RFC 3931 §4.2 recommends. Reloadable."),
  silence_limit_s: z
    .int()
    .min(0)
    .max(3600)
    .default(24)
    .describe(
      "Seconds that a control message may wait for its acknowledgement while nothing at all comes from the peer, neither control " +
        "messages nor data, before it is given up even with retransmissions left; 0 for no such limit. A dead peer is so noticed " +
        "after `hello_interval_s` and this, 29 s by default; with the pauses of RFC 3931 §4.2 alone it would take 71 s more. Reloadable.",
    ),
  receive_window: z
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .describe(
      "Control messages that the peer may have unacknowledged; told to it when the connection is set up. Reloadable.",
    ),
  reconnect_initial_s: z
    .number()
    .min(0.1)
    .max(3600)
    .default(1)
    .describe("Pause before a lost connection or session is tried again; doubles. Reloadable."),
  reconnect_cap_s: z.number().min(0.1).max(3600).default(60).describe("Longest such pause. Reloadable."),
  peer_host_name: z.string().min(1).optional().describe("Refuse a peer with another Host Name."),
  peer_router_id: z
    .union([z.string(), z.int().min(0).max(0xffff_ffff)], textOrNumber)
    .optional()
    .describe("Refuse a peer with another Router ID: dotted quad or number."),
  pseudowires: z
    .record(nameRule, pseudowireFields)
    .default({})
    .describe("The pseudowires, by name; no two of a file share one."),
});

export const configFields = z.strictObject({
  lcce: z
    .strictObject({
      host_name: z
        .string()
        .min(1)
        .max(255)
        .regex(
          /^[\x21-\x7e]+$/,
          "wanted US-ASCII without blanks: the name goes to peers as it is, such as lcce-a.example.org",
        )
        .optional()
        .describe("Host Name that we tell peers; default: the machine's."),
      router_id: z
        .union([z.string(), z.int().min(0).max(0xffff_ffff)], textOrNumber)
        .optional()
        .describe(
          "Router ID that we tell peers, a dotted quad or a number; default: the first IPv4 `local` of the file, else made from " +
            "the host name. Set it where tunnels come and go, for a change of it makes all of them anew.",
        ),
      control_socket: z
        .string()
        .min(1)
        .refine((path) => new TextEncoder().encode(path).length <= SOCKET_PATH_OCTETS, {
          error: `longer than ${SOCKET_PATH_OCTETS} octets, which is all that the kernel takes of the path of a Unix socket`,
        })
        .default("/run/wirespan/wirespan.sock")
        .describe(
          "Unix socket of `wirespan status` and `wirespan reload`; a change counts from the next start.",
        ),
    })
    .prefault({})
    .describe("This node."),
  log: z
    .strictObject({
      level: z
        .enum(["trace", "debug", "info", "warn", "error"])
        .default("info")
        .describe("The least grave messages that are logged. Reloadable."),
      format: z
        .enum(["auto", "text", "json"])
        .default("auto")
        .describe("`auto`: text on a terminal, else JSON lines. A change counts from the next start."),
    })
    .prefault({})
    .describe("Logging, to standard error."),
  plane: z
    .enum(["auto", "userspace", "ebpf"])
    .default("auto")
    .describe(
      "What forwards: programs in the kernel (`ebpf`, needs root), a thread of the daemon (`userspace`), or the former where it can " +
        "be had (`auto`). `wirespan status` tells which one does, and why. A change counts from the next start.",
    ),
  tunnels: z.record(nameRule, tunnelFields).describe("The tunnels, by name."),
});

export type RawConfig = z.output<typeof configFields>;
export type RawTunnel = z.output<typeof tunnelFields>;
export type RawPseudowire = z.output<typeof pseudowireFields>;
