import { z } from "zod";
import { key } from "./keys.ts";
import { mtu, subnet } from "./values.ts";

const subnets = z
  .union([subnet, z.array(subnet)], { error: "wanted a subnet, such as 192.0.2.0/24, or a list of them" })
  .optional();

/** TABLE: keys of a network: what LCCEs and routers reach each other by, such as the Internet. */
export const networkKeys = {
  mtu: key(mtu.default(1500), "MTU of the network and of all ports in it.", "mtu: 1600"),
  subnet: key(
    subnets,
    "Subnet or subnets. Routers know the way to them, and ports in the network may be given " +
      "addresses without prefix length.",
    "subnet: 203.0.113.0/24",
  ),
} as const;

/** TABLE: keys of a LAN: a switch that hosts, LCCEs and routers share. */
export const lanKeys = {
  mtu: key(mtu.default(1500), "MTU of the switch's ports and of what is connected to them.", "mtu: 9000"),
  stp: key(
    z.boolean().default(false),
    "Whether the switch runs the spanning tree protocol (IEEE 802.1D), with a hello time of 1 s, a max age " +
      "of 6 s and a forward delay of 2 s.",
    "stp: true",
  ),
  subnet: key(
    subnets,
    "Subnet or subnets, as those of a network; for LANs with a router.",
    "subnet: 192.168.1.0/24",
  ),
} as const;
