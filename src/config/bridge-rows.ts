import { z } from "zod";
import { rowsFor } from "./rows.ts";
import { stormLimits, stormLimitsInFile, stormLimitsOf } from "./storm-limits.ts";
import { vlanRanges } from "./vlan-ranges.ts";

const bridgeRow = rowsFor<undefined, "bridge">();
const portRow = rowsFor<undefined, "port">();
const memberRow = rowsFor<undefined, "port">();

const WHERE_ABSENT = "Absent: our default in a bridge that we made, and as it is in one that exists";

/**
 * TABLE: keys of a bridge, but for its interfaces. Consumer: "bridge" is the daemon, which sets the kernel's
 * bridge. A field that is absent is left as it is where the bridge is not ours.
 */
export const bridgeRows = {
  create: bridgeRow(z.boolean().default(true), {
    name: "create",
    consumer: "bridge",
    reload: "in place",
    help:
      "Make the bridge where there is none, and remove it at the end. A bridge of this name that somebody " +
      "else made is used in either case: it stays, and what we changed on it is put back. " +
      "`false`: wait for one.",
  }),
  vlan_filtering: bridgeRow(z.boolean().optional(), {
    name: "vlanFiltering",
    consumer: "bridge",
    reload: "in place",
    help:
      "Forward a frame only between ports that have its VLAN (`pvid`, `vlans`), and learn MAC addresses " +
      `for each VLAN (RFC 4762 §7.2). ${WHERE_ABSENT}: \`false\`.`,
  }),
  stp: bridgeRow(z.boolean().optional(), {
    name: "stp",
    consumer: "bridge",
    reload: "in place",
    help:
      "Spanning tree of the kernel. With it a port that lost its carrier forwards again only after twice " +
      "the forward delay, 30 s; without it BPDUs of the sites pass, and `loops` can watch instead. " +
      `${WHERE_ABSENT}: \`false\`.`,
  }),
  mac_limit: bridgeRow(z.int().min(0).max(1_000_000).optional(), {
    name: "macLimit",
    consumer: "bridge",
    reload: "in place",
    help:
      "Most MAC addresses that the bridge learns, 0 for no limit; frames to others are flooded. " +
      `Needs Linux 6.7. ${WHERE_ABSENT}: 0.`,
  }),
  ageing_s: bridgeRow(z.int().min(1).max(1_000_000).optional(), {
    name: "ageingMs",
    consumer: "bridge",
    reload: "in place",
    inFile: (ms) => (ms === undefined ? undefined : ms / 1000),
    value: (seconds) => (seconds === undefined ? undefined : seconds * 1000),
    help: `Seconds after which a MAC address that sends nothing is forgotten. ${WHERE_ABSENT}: 300.`,
  }),
  mtu: bridgeRow(z.int().min(68).max(65_000).optional(), {
    name: "mtu",
    consumer: "bridge",
    reload: "in place",
    help:
      "MTU of the bridge itself; all pseudowires in it must have the same `mtu` (RFC 4762 §6.1.1). " +
      "Absent: the smallest of its ports, as the kernel has it.",
  }),
  loops: bridgeRow(z.enum(["off", "report", "block"]).optional(), {
    name: "loops",
    consumer: "bridge",
    reload: "in place",
    help:
      "Find loops by probes, broadcasts of 60 octets that leave by each pseudowire every 5 s: `report` " +
      "them in status and log, or `block` a pseudowire of each loop while it lasts, for which `stp` must " +
      "be off. Default: `off`.",
  }),
  multicast_snooping: bridgeRow(z.boolean().optional(), {
    name: "multicastSnooping",
    consumer: "bridge",
    reload: "in place",
    help:
      "Send multicast only where IGMP or MLD asked for it; without it multicast is flooded, as on a wire. " +
      `${WHERE_ABSENT}: \`false\`.`,
  }),
} as const;

/**
 * TABLE: keys of a port of a bridge, be it an interface or the device of a pseudowire. Consumer: "port" is
 * the daemon, which sets the kernel's port.
 */
export const portRows = {
  isolated: portRow(z.boolean().optional(), {
    name: "isolated",
    consumer: "port",
    reload: "in place",
    help:
      "Frames from an isolated port go to no other isolated port (split horizon, RFC 4762 §4.4). " +
      "Default: `true` for pseudowires, `false` for interfaces; `false` for a spoke pseudowire " +
      "that may reach all others.",
  }),
  link_local: portRow(z.enum(["bridge", "forward"]).optional(), {
    name: "portLinkLocal",
    consumer: "port",
    reload: "in place",
    help:
      "What becomes of frames from this port to 01-80-C2-00-00-00..0F: `bridge` takes them as a bridge " +
      "does, where only BPDUs pass, and only while its STP is off; `forward` forwards all but PAUSE " +
      "(LACP, LLDP, 802.1X), and BPDUs as before. Default: `bridge`.",
  }),
  pvid: portRow(z.int().min(0).max(4094).optional(), {
    name: "pvid",
    consumer: "port",
    reload: "in place",
    help:
      "VLAN ID of untagged frames, which leave without a tag too; 0: untagged frames do not pass. " +
      "Only with `vlan_filtering`. Default: 1, unless there are `vlans`, then 0.",
  }),
  vlans: portRow(vlanRanges.optional(), {
    name: "vlans",
    consumer: "port",
    reload: "in place",
    help:
      "VLAN IDs that pass with their tags, such as `[10, 20-29]`. Only with `vlan_filtering`. " +
      "Default: none.",
  }),
  storm_limits: portRow(stormLimits.optional(), {
    name: "stormLimits",
    consumer: "port",
    reload: "in place",
    value: (limits) => (limits === undefined ? undefined : stormLimitsOf(limits)),
    inFile: (limits) => (limits === undefined ? undefined : stormLimitsInFile(limits)),
    help:
      "Frames a second that the bridge takes from this port, of each kind that it floods: `broadcast`, " +
      "`multicast`, `unknown_unicast`. What is more is counted and dropped. Needs the rights of " +
      "`plane: ebpf`, with either plane. Default: no limits.",
  }),
} as const;

/** TABLE: further keys of an interface that is put into a bridge. */
export const memberRows = {
  allow_host_use: memberRow(z.boolean().default(false), {
    name: "allowHostUse",
    consumer: "port",
    reload: "in place",
    help:
      "Put the interface into the bridge although this machine has addresses or routes on it, which do " +
      "not work there any more: where it carries the tunnel, that cuts the machine off.",
  }),
} as const;
