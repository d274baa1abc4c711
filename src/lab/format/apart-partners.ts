import type { Check } from "./check-keys.ts";
import { type Host, nodeNamed, type Topology } from "./topology.ts";

/** Whom hosts that are apart should reach, so that nothing crossing between them shows something. */

/** As many hosts are tried, and as many routers and LCCEs. */
const MOST_HOSTS = 8;
const MOST_OTHERS = 2;

/** A node that another one should reach. */
export interface ApartPartner {
  readonly name: string;
  /** Its port that is pinged; undefined: the one that checks use. */
  readonly port?: string;
}

/**
 * Nodes that one of two hosts should reach though it does not reach the other: hosts first, then routers and
 * LCCEs with an address in its LAN. Of the hosts those come first that a ping is checked with, then those of
 * its VLAN, each in other LANs before its own, so that what connects the LANs is shown to work.
 */
export function apartPartners(topology: Topology, name: string, other: string): readonly ApartPartner[] {
  const self = nodeNamed(topology, name);
  const lan = self?.ports[0]?.segment;
  const vlan = self?.kind === "host" ? vlanOf(self) : "";
  const pinged = new Set(topology.checks.flatMap((check) => pingPartner(check, name)));
  const rank = (host: Host): number =>
    (pinged.has(host.name) ? 0 : 4) +
    (vlanOf(host) === vlan ? 0 : 2) +
    (host.ports[0]?.segment === lan ? 1 : 0);
  const hosts = topology.hosts.filter((host) => host.name !== name && host.name !== other);
  const others = [...topology.routers, ...topology.lcces].flatMap((node) => {
    const port = node.ports.find(
      ({ segment, addresses }) => segment === lan && (addresses === "dhcp" || addresses.length > 0),
    );
    return port === undefined || node.name === name || node.name === other
      ? []
      : [{ name: node.name, port: port.name }];
  });
  return [
    ...[...hosts]
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, MOST_HOSTS)
      .map((host) => ({ name: host.name })),
    ...others.slice(0, MOST_OTHERS),
  ];
}

/** What tells the frames of hosts in one LAN apart: the tags on them, or the VLAN of the switch's port. */
function vlanOf({ access, interfaces }: Host): string {
  const tags = interfaces[0]?.tags.map(({ id }) => id) ?? [];
  return (access === undefined ? tags : [access, ...tags]).join(".");
}

function pingPartner(check: Check, name: string): readonly string[] {
  if (!("ping" in check)) return [];
  const [from, to] = check.ping;
  return from === name ? [to] : to === name ? [from] : [];
}
