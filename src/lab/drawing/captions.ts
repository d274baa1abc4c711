import type { Host, LabNode, Port, Segment, TaggedInterface } from "../format/topology.ts";
import { isCircuitPort } from "./sites.ts";

/** The texts of pictures of a lab: what stands in a node or a segment. */

/** What a node is, in a word or two. */
export function kindOf(node: LabNode): string {
  if (node.kind === "host") return "host";
  if (node.kind === "lcce") return node.wirespan === undefined ? "peer" : "Wirespan";
  const words = [node.nat === undefined ? undefined : "NAT", node.frr === undefined ? undefined : "FRR"];
  return ["router", ...words].filter((word) => word !== undefined).join(", ");
}

/** Addresses of a port or an interface. */
export function addressesText(addresses: Port["addresses"]): string {
  return addresses === "dhcp" ? "by DHCP" : addresses.join(", ");
}

/** Tags of an interface of a host, the outer one first: `VLAN 10`, or `S-VLAN 700, VLAN 10` for QinQ. */
export function tagsText({ tags }: TaggedInterface): string {
  return tags.map(({ id, protocol }) => `${protocol === "802.1ad" ? "S-VLAN" : "VLAN"} ${id}`).join(", ");
}

/** Lines of a node below its name. */
export function linesOf(node: LabNode): readonly string[] {
  return node.kind === "host" ? hostLines(node) : edgeLines(node);
}

function hostLines({ interfaces, access }: Host): readonly string[] {
  return interfaces.flatMap((one) => {
    const tags = access === undefined ? tagsText(one) : `access VLAN ${access}`;
    const addresses = one.addresses === "dhcp" ? ["by DHCP"] : one.addresses;
    return [...(tags === "" ? [] : [tags]), ...addresses];
  });
}

function edgeLines(node: LabNode): readonly string[] {
  const ports = node.ports.filter((port) => !isCircuitPort(node, port));
  const lines = ports.flatMap(({ name, addresses }) => {
    const all = addresses === "dhcp" ? ["by DHCP"] : addresses;
    return all.map((one) => (ports.length === 1 ? one : `${name} ${one}`));
  });
  const kind = node.start === "manual" ? `${kindOf(node)}, started by hand` : kindOf(node);
  return [kind, ...lines];
}

/** What a segment is: MTU, subnets, spanning tree. */
export function segmentText({ kind, mtu, stp, subnets }: Segment): string {
  const words = [
    kind === "network" || mtu !== 1500 ? `MTU ${mtu}` : undefined,
    ...subnets,
    stp ? "STP" : undefined,
  ];
  return words.filter((word) => word !== undefined).join(" · ");
}

/** VLANs of a host, those whose colours it has; none for an untagged one. */
export function vlansOf({ interfaces, access }: Host): readonly number[] {
  if (access !== undefined) return [access];
  return [...new Set(interfaces.flatMap(({ tags }) => tags.map(({ id }) => id)))];
}

/** All that is known of a node, in lines, for a tooltip. */
export function nodeTitle(node: LabNode): string {
  const ports = node.ports.map(({ name, segment, addresses, mtu }) => {
    const words = [segment, addressesText(addresses), `MTU ${mtu}`].filter((word) => word !== "");
    return `${name}: ${words.join(", ")}`;
  });
  const routes = Object.entries(node.routes).map(([subnet, via]) => `route ${subnet} via ${via}`);
  return [`${node.name}: ${kindOf(node)}`, ...ports, ...routes, ...particulars(node)].join("\n");
}

function particulars(node: LabNode): readonly string[] {
  if (node.kind === "router") {
    const { nat, dhcp } = node;
    const leases = Object.entries(dhcp).map(([port, range]) => `DHCP at ${port}: ${range}`);
    const translation =
      nat === undefined ? [] : [`NAT to ${nat.out}`, ...nat.forward.map((one) => `forwards ${one}`)];
    return [...translation, ...leases];
  }
  if (node.kind === "lcce") return node.bridge === undefined ? [] : [`bridge ${node.bridge}`];
  const interfaces = node.interfaces.map((one) =>
    [tagsText(one) || "untagged", addressesText(one.addresses)].join(": "),
  );
  const more = {
    gateway: node.gateway,
    "access VLAN": node.access,
    "DHCP server": node.dhcpServer,
    "HTTP on port": node.httpPort,
  };
  const told = Object.entries(more).filter(([, value]) => value !== undefined);
  return [...interfaces, ...told.map(([name, value]) => `${name} ${value}`)];
}
