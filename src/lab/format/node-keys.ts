import { z } from "zod";
import { key, mappingOf } from "./keys.ts";
import {
  addresses,
  configuration,
  dnsRecords,
  filePath,
  filled,
  formed,
  hostVlan,
  mtu,
  nextHop,
  nodeName,
  portName,
  shellText,
  tagVlan,
} from "./values.ts";

/** Addresses by the names of the networks or LANs in which a node has a port. */
const portAddresses = filled(
  z.record(
    nodeName,
    z.union([addresses, z.literal("dhcp"), z.null()], {
      error: "wanted an address such as 192.0.2.1/24, a list of them, dhcp, or nothing",
    }),
  ),
  "wanted at least one network or LAN with the address there, such as { internet: 192.0.2.1/24 }",
);

const routes = key(
  z.record(z.string(), nextHop).default({}),
  "Static routes: a subnet or `default`, and the next hop.",
  "routes: { default: 203.0.113.254, 10.0.0.0/8: 203.0.113.1 }",
);

const run = key(
  shellText.optional(),
  "Program that runs in the node from start to end: a script beside the topology file, or a command line.",
  "run: ./old-router.sh",
);

const dns = key(
  dnsRecords.optional(),
  "Names that it answers for as a name server (dnsmasq), with their addresses, for 5 s each. Nodes ask the " +
    "name server in a segment of theirs, else the first one of the file in a network.",
  "dns: { hub.example: 203.0.113.1 }",
);

const start = key(
  z.enum(["auto", "manual"]).default("auto"),
  "Whether the node's program starts with the lab, or by `wirespan lab start`.",
  "start: manual",
);

const after = key(
  z.array(nodeName).default([]),
  "Nodes whose programs must be up before this one's is started.",
  "after: [hq1]",
);

/** TABLE: network address translation by a router. */
export const natKeys = {
  out: key(nodeName, "Network at whose port sources become the router's address.", "out: internet"),
  forward: key(
    z
      .array(
        formed(
          /^(udp|tcp) \d{1,5}( -> \S+)?$|^ip 115( -> \S+)?$/,
          "wanted what is forwarded, and where to, such as `udp 1701 -> 192.168.1.2` or `ip 115`",
          "`udp PORT`, `tcp PORT` or `ip 115`, each with or without `-> ADDRESS` or `-> ADDRESS:PORT`",
        ),
      )
      .default([]),
    "What comes to that port and is forwarded inward: a protocol, a port, and the inner address. " +
      "Without an address it goes to the only LCCE behind the router.",
    "forward: [udp 1701 -> 192.168.1.2]",
  ),
  random_ports: key(
    z.boolean().default(false),
    "Whether each flow gets a random source port, as by many home routers; else the source port stays.",
    "random_ports: true",
  ),
  udp_timeout_s: key(
    z.int().min(1).max(86_400).optional(),
    "Seconds of silence after which a UDP flow is forgotten; the kernel's default is 30, or 120 once both " +
      "sides have sent.",
    "udp_timeout_s: 30",
  ),
} as const;

/** Network address translation by a router. */
export const natFields = mappingOf(natKeys);

/** TABLE: keys of a router: a node that forwards IP packets between its ports. */
export const routerKeys = {
  ports: key(
    portAddresses,
    "Networks and LANs in which it has a port, each with its address there. The interface has the same name.",
    "ports: { home: 192.168.1.1/24, internet: 203.0.113.9/24 }",
  ),
  nat: key(
    natFields.optional(),
    "Network address translation (nftables).",
    "nat: { out: internet, forward: [udp 1701 -> 192.168.1.2] }",
  ),
  dhcp: key(
    z.record(nodeName, z.string()).default({}),
    "Addresses that it leases (dnsmasq), by the name of the port: first and last.",
    "dhcp: { home: 192.168.1.100-192.168.1.150 }",
  ),
  frr: key(
    filePath.optional(),
    "Configuration of FRR's daemons; those run that it has a `router` line for.",
    "frr: ./core.conf",
  ),
  dns,
  routes,
  run,
  start,
  after,
} as const;

/** TABLE: keys of a tag. */
export const tagKeys = {
  id: key(tagVlan, "VLAN ID.", "id: 700"),
  protocol: key(
    z.enum(["802.1q", "802.1ad"]).default("802.1q"),
    "TPID of the tag: 0x8100 or 0x88a8.",
    "protocol: 802.1ad",
  ),
} as const;

const tag = mappingOf(tagKeys);

/** Address of an interface: text, a list, or by DHCP. */
const hostAddress = z.union([addresses, z.literal("dhcp")], {
  error: "wanted an address such as 10.10.0.2/24, a list of them, or dhcp",
});

/** TABLE: keys of a host at a LAN. */
export const hostKeys = {
  lan: key(nodeName, "LAN or network that its interface `eth0` is connected to.", "lan: hq"),
  address: key(
    hostAddress.optional(),
    "Address or addresses, or `dhcp`; default: the next of 10.0.0.11/24 and up.",
    "address: 10.10.0.2/24",
  ),
  vlan: key(
    hostVlan.default(0),
    "VLAN of its frames (802.1Q); its interface is then `eth0.10`. 0 means untagged.",
    "vlan: 10",
  ),
  tags: key(
    z.array(tag).min(1, "wanted at least one tag, such as { id: 10 }").max(3).optional(),
    "Several tags on its frames, the outer one first; instead of `vlan`.",
    "tags: [{ id: 700, protocol: 802.1ad }, { id: 10 }]",
  ),
  vlans: key(
    filled(
      z.record(z.string().regex(/^\d{1,4}$/, "wanted a VLAN ID"), hostAddress),
      "wanted at least one VLAN with the address there, such as { 10: 10.10.0.2/24 }",
    ).optional(),
    "Several VLANs side by side, each with its address; instead of `vlan` and `address`.",
    "vlans: { 10: 10.10.0.2/24, 20: 10.20.0.2/24 }",
  ),
  access: key(
    tagVlan.optional(),
    "VLAN of the switch's port, an access port: the host sends untagged frames, the switch tags them.",
    "access: 10",
  ),
  gateway: key(nextHop.optional(), "Next hop of its default route.", "gateway: 10.10.0.1"),
  mtu: key(mtu.optional(), "MTU of its interface; default that of the LAN.", "mtu: 1400"),
  dhcp_server: key(
    z.string().optional(),
    "Addresses that it leases in its LAN and VLAN (dnsmasq): first and last.",
    "dhcp_server: 10.10.0.100-10.10.0.150",
  ),
  http: key(z.int().min(1).max(65_535).optional(), "Port of a small web server.", "http: 80"),
  dns,
  routes,
  run,
  start,
  after,
} as const;

/** TABLE: the configuration of a Wirespan, from a file of the user's own. */
export const wirespanFileKeys = {
  file: key(filePath, "The file, as `wirespan run -c` takes it.", "file: ./branch.yaml"),
  ports: key(
    z.record(portName, z.string()).default({}),
    "Names that interfaces have in the file, and which port each is: `trunk`, or a network's name.",
    "ports: { eth1: trunk, ens3: internet }",
  ),
  files: key(
    z.record(z.string(), filePath).default({}),
    "Files that the configuration names, such as those of secrets, and which to take in the lab instead.",
    "files: { /etc/wirespan.secret: ./lab-secret }",
  ),
} as const;

/** The configuration of a Wirespan, from a file of the user's own. */
export const wirespanFileFields = mappingOf(wirespanFileKeys);

/** TABLE: keys of an LCCE. */
export const lcceKeys = {
  lan: key(
    z
      .union([nodeName, filled(z.record(portName, nodeName), "wanted at least one LAN")], {
        error: "wanted the name of a LAN, or { PORT: LAN } for each of several",
      })
      .optional(),
    "LAN that its interface `trunk` is connected to; or several, by the names of its interfaces.",
    "lan: hq",
  ),
  wan: key(
    portAddresses,
    "Networks and LANs that it reaches its peers by, each with its address or addresses there. The " +
      "interface has the network's name.",
    "wan: { internet: 203.0.113.2/24 }",
  ),
  bridge: key(
    portName.optional(),
    "A bridge in it that `trunk` is put into, for pseudowires on TAP devices.",
    "bridge: lan",
  ),
  wirespan: key(
    z
      .union([wirespanFileFields, configuration.refine((config) => !("file" in config))], {
        error: "wanted the configuration as a mapping, or { file: PATH }",
      })
      .optional(),
    "Configuration of its daemon, as in a file of its own, whose interface `trunk` leads to the LAN; or " +
      "`{ file: PATH }`.",
    "wirespan: { file: ./branch.yaml, ports: { eth1: trunk } }",
  ),
  plane: key(
    z.enum(["auto", "userspace", "ebpf"]).optional(),
    "Plane of its daemon, instead of what the configuration says.",
    "plane: userspace",
  ),
  routes,
  run: key(
    shellText.optional(),
    "Any other peer instead of Wirespan: a script beside the topology file, or a command line.",
    "run: ./kernel-l2tp.sh",
  ),
  start,
  after,
} as const;
