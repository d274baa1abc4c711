import type { LabNode, Router, Topology } from "../format/topology.ts";
import type { NetworkCommands } from "./commands.ts";
import { natRules } from "./nat.ts";
import type { LabRoute } from "./routes.ts";

/** TABLE: settings of the kernel that make a node a router. */
export const forwardingSettings: Readonly<Record<string, number>> = {
  "net/ipv4/ip_forward": 1,
  "net/ipv6/conf/all/forwarding": 1,
  // The way back may be another one.
  "net/ipv4/conf/all/rp_filter": 0,
  "net/ipv4/conf/default/rp_filter": 0,
};

/** The setting of the kernel that a NAT's `udp_timeout_s` is; that of flows both ways ends in `_stream`. */
export const UDP_TIMEOUT_SETTING = "net/netfilter/nf_conntrack_udp_timeout";

/** Makes a node a router, with network address translation if it has any. */
export function addRouter(router: Router, topology: Topology, commands: NetworkCommands): void {
  const { name, nat } = router;
  const set = (setting: string, value: number) =>
    commands.script(name, `echo ${value} >/proc/sys/${setting}`);
  for (const [setting, value] of Object.entries(forwardingSettings)) set(setting, value);
  if (nat === undefined) return;
  commands.script(name, `nft -f - <<'END'\n${natRules(router, topology)}END`);
  if (nat.udp_timeout_s === undefined) return;
  // There only once connections are tracked.
  set(UDP_TIMEOUT_SETTING, nat.udp_timeout_s);
  set(`${UDP_TIMEOUT_SETTING}_stream`, nat.udp_timeout_s);
}

/** Adds the routes of a node. */
export function addRoutes({ name }: LabNode, routes: readonly LabRoute[], commands: NetworkCommands): void {
  for (const { destination, via } of routes) commands.inside(name, `route replace ${destination} via ${via}`);
}
