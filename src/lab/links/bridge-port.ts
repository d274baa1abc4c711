import { runForJson } from "../command.ts";

/** A port of a bridge as `ip` and `bridge` tell of it, and the commands that make another port like it. */

/** TABLE: settings of a port, by their names in the output of `ip -json -details`, and as options of ip. */
const options: readonly (readonly [field: string, option: string])[] = [
  ["priority", "priority"],
  ["cost", "cost"],
  ["hairpin", "hairpin"],
  ["guard", "guard"],
  ["root_block", "root_block"],
  ["fastleave", "fastleave"],
  ["learning", "learning"],
  ["flood", "flood"],
  ["mcast_flood", "mcast_flood"],
  ["bcast_flood", "bcast_flood"],
  ["proxy_arp", "proxy_arp"],
  ["proxy_arp_wifi", "proxy_arp_wifi"],
  ["mcast_to_unicast", "mcast_to_unicast"],
  ["neigh_suppress", "neigh_suppress"],
  ["group_fwd_mask", "group_fwd_mask"],
  ["vlan_tunnel", "vlan_tunnel"],
  ["isolated", "isolated"],
];

type SlaveData = Readonly<Record<string, unknown>>;

/** What `ip -json -details link show` tells of an interface, as far as it is used. */
export interface LinkDetails {
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly flags: readonly string[];
  readonly linkinfo?: {
    readonly info_slave_data?: SlaveData;
    readonly info_data?: Readonly<Record<string, unknown>>;
  };
}

/** Reads an interface of a namespace. Rejects with CommandError. */
export async function readLinkDetails(namespace: string, device: string): Promise<LinkDetails> {
  const words = ["-json", "-details", "link", "show", "dev", device];
  const [link] = await runForJson<readonly LinkDetails[]>(["ip", "-n", namespace, ...words]);
  if (link === undefined) throw new Error(`ip link show dev ${device} in ${namespace}: told of nothing`);
  return link;
}

/** The options that make another port of a bridge like this one. */
export function portOptions({ linkinfo }: LinkDetails): readonly string[] {
  const port = linkinfo?.info_slave_data ?? {};
  return options.flatMap(([field, option]) => {
    const value = port[field];
    if (value === undefined) return [];
    return [option, typeof value === "boolean" ? (value ? "on" : "off") : `${value}`];
  });
}

/** A VLAN of a port, or several in a row, as `bridge -json vlan show` tells of it. */
export interface PortVlan {
  readonly vlan: number;
  readonly vlanEnd?: number;
  readonly flags?: readonly string[];
}

/** The VLANs of a port; none where its bridge does not look at tags. Rejects with CommandError. */
export async function readPortVlans(namespace: string, device: string): Promise<readonly PortVlan[]> {
  type Shown = readonly { readonly vlans?: readonly PortVlan[] }[];
  const [port] = await runForJson<Shown>(["bridge", "-n", namespace, "-json", "vlan", "show", "dev", device]);
  return port?.vlans ?? [];
}

/** Arguments of `bridge` that give a new port these VLANs; a bridge gives it VLAN 1 by itself. */
export function vlanCommands(device: string, vlans: readonly PortVlan[]): readonly string[] {
  if (vlans.length === 0) return [];
  const added = vlans.map(({ vlan, vlanEnd, flags = [] }) => {
    const range = vlanEnd === undefined ? `${vlan}` : `${vlan}-${vlanEnd}`;
    const words = flags.map((flag) => (flag === "PVID" ? "pvid" : flag.replace("Egress ", "").toLowerCase()));
    return ["vlan add dev", device, "vid", range, ...words].join(" ");
  });
  return [`vlan del dev ${device} vid 1`, ...added];
}
