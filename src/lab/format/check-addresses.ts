import {
  addressRange,
  hostAddressProblem,
  isBefore,
  isInSubnet,
  type PrefixedAddress,
  prefixedAddress,
  subnetProblem,
  subnetText,
} from "../../bytes/subnets.ts";
import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import { type Report, reported, type Scope } from "./scope.ts";
import { segmentNamed } from "./topology.ts";

/** Addresses: that they are in their subnets, that no two interfaces share one, that next hops are near. */

/** An address of an interface, as the file has it. */
interface GivenAddress {
  readonly path: KeyPath;
  readonly node: string;
  readonly segment: string;
  /** Tags of the frames: interfaces with different ones do not meet. */
  readonly tags: string;
  readonly text: string;
  /** With the prefix length that it has in the lab. */
  readonly whole: PrefixedAddress | undefined;
}

/** Issues of addresses. */
export function checkAddresses(scope: Scope): readonly Issue[] {
  return reported((report) => {
    const given = givenAddresses(scope);
    for (const address of given) checkSubnet(scope, address, report);
    checkShared(given, report);
    checkHops(scope, given, report);
    checkLeases(scope, given, report);
    checkDhcpClients(scope, report);
  });
}

type Given = string | readonly string[] | null | undefined;

/** The texts of a value, each with its path. */
function textsAt(path: KeyPath, value: Given): readonly (readonly [KeyPath, string])[] {
  if (value === undefined || value === null || value === "dhcp") return [];
  if (typeof value === "string") return [[path, value]];
  return value.map((text, index) => [[...path, index], text]);
}

/** All addresses of the file. */
function givenAddresses({ raw, topology }: Scope): readonly GivenAddress[] {
  const subnets = new Map(topology.segments.map((segment) => [segment.name, segment.subnets]));
  const listed = (node: string, segment: string, tags: string, path: KeyPath, value: Given) =>
    textsAt(path, value).map(([at, text]): GivenAddress => {
      const around = (subnets.get(segment) ?? [])
        .map(prefixedAddress)
        .find((one) => one && isInSubnet(text, one));
      const whole = prefixedAddress(text.includes("/") ? text : `${text}/${around?.prefixLength}`);
      return { path: at, node, segment, tags, text, whole };
    });
  const ofPorts = (
    section: "routers" | "lcces",
    key: string,
    node: string,
    ports: Readonly<Record<string, Given>>,
  ) =>
    Object.entries(ports).flatMap(([segment, value]) =>
      listed(node, segment, "", [section, node, key, segment], value),
    );
  return [
    ...Object.entries(raw.routers).flatMap(([name, { ports }]) => ofPorts("routers", "ports", name, ports)),
    ...Object.entries(raw.lcces).flatMap(([name, { wan }]) => ofPorts("lcces", "wan", name, wan)),
    ...Object.entries(raw.sites).flatMap(([name, { address }]) =>
      listed(`lcce-${name}`, "wan", "", ["sites", name, "address"], address),
    ),
    ...Object.entries(raw.hosts).flatMap(([name, { lan, address, vlan, vlans, tags, access }]) => [
      ...listed(name, lan, tagsText(tags, access ?? vlan), ["hosts", name, "address"], address),
      ...Object.entries(vlans ?? {}).flatMap(([id, value]) =>
        listed(name, lan, id === "0" ? "" : id, ["hosts", name, "vlans", id], value),
      ),
    ]),
  ];
}

function tagsText(tags: readonly { readonly id: number }[] | undefined, vlan: number): string {
  if (tags !== undefined) return tags.map(({ id }) => id).join(".");
  return vlan === 0 ? "" : `${vlan}`;
}

function checkSubnet({ topology }: Scope, { path, text, segment, tags }: GivenAddress, report: Report): void {
  const subnets = segmentNamed(topology, segment)?.subnets;
  if (subnets === undefined) return;
  const known = subnets.flatMap((subnet) => prefixedAddress(subnet) ?? []);
  const [host = ""] = text.split("/");
  const isSix = host.includes(":");
  const ofFamily = known.filter(({ family }) => (family === 6) === isSix);
  const around = ofFamily.find((subnet) => isInSubnet(host, subnet));
  const there = ofFamily.map(subnetText).join(" and ");
  if (!text.includes("/") && around === undefined) {
    const why = there === "" ? `${segment} has no subnet for it` : `${segment} has only ${there}`;
    report(path, `${text} needs its prefix length, as ${host}/${isSix ? 64 : 24}: ${why}`);
  } else if (tags === "" && around === undefined && there !== "")
    report(path, `${host} is not in ${there}, the subnet of ${segment}`);
  else if (tags === "" && around !== undefined && text.includes("/")) {
    const length = text.replace(/.*\//, "");
    if (Number(length) !== around.prefixLength)
      report(path, `/${length} differs from ${subnetText(around)}, the subnet of ${segment}`);
  }
}

/** In a segment, and of frames with the same tags, each address is that of one interface. */
function checkShared(given: readonly GivenAddress[], report: Report): void {
  const first = new Map<string, GivenAddress>();
  for (const address of given) {
    if (address.whole === undefined) continue;
    const key = `${address.segment} ${address.tags} ${address.whole.address}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, address);
    else report(address.path, `${other.node} has ${address.whole.address} in ${address.segment} already`);
  }
}

/** Next hops are in a subnet of their node. */
function checkHops({ raw }: Scope, given: readonly GivenAddress[], report: Report): void {
  for (const section of ["routers", "hosts", "lcces"] as const) {
    for (const [name, node] of Object.entries<AnyRawNode>(raw[section])) {
      const path = [section, name] as const;
      const own = given.filter(({ node: of }) => of === name).flatMap(({ whole }) => whole ?? []);
      const hasDhcp = usesDhcp(node);
      const check = (at: KeyPath, hop: string): void => {
        if (own.some(({ address }) => address === hop)) report(at, `${hop} is an address of ${name} itself`);
        else if (!hasDhcp && own.length > 0 && !own.some((subnet) => isInSubnet(hop, subnet))) {
          const subnets = own.map(subnetText).join(", ");
          report(
            at,
            `${hop} is in none of the subnets of ${name}, so it is no next hop: these are ${subnets}`,
          );
        }
      };
      for (const [to, hop] of Object.entries(node.routes)) {
        const at = [...path, "routes", to];
        const problem = to === "default" ? undefined : subnetProblem(to);
        if (problem !== undefined) report(at, `wanted a subnet or default: ${problem}`, "at key");
        else if (to !== "default" && to.includes(":") !== hop.includes(":"))
          report(at, `${hop} and ${to} are of different versions of IP`);
        else check(at, hop);
      }
      if ("gateway" in node && node.gateway !== undefined) check([...path, "gateway"], node.gateway);
    }
  }
}

type AnyRawNode = Scope["raw"]["routers" | "hosts" | "lcces"][string];

function usesDhcp(node: AnyRawNode): boolean {
  const values: readonly unknown[] =
    "ports" in node
      ? Object.values(node.ports)
      : "wan" in node
        ? Object.values(node.wan)
        : [node.address, ...Object.values(node.vlans ?? {})];
  return values.includes("dhcp");
}

/** Leased addresses are in the subnet of the interface that leases them. */
function checkLeases({ raw }: Scope, given: readonly GivenAddress[], report: Report): void {
  const check = (path: KeyPath, range: string, own: readonly GivenAddress[], of: string): void => {
    const problem = rangeProblem(range);
    if (problem !== undefined) return report(path, problem);
    const subnets = own.flatMap(({ whole }) => whole ?? []);
    const [first = "", last = ""] = addressRange(range) ?? [];
    if (subnets.length === 0) report(path, `${of} has no address of its own there: its leases need a subnet`);
    else if (!subnets.some((subnet) => isInSubnet(first, subnet) && isInSubnet(last, subnet)))
      report(path, `${range} is not in ${subnets.map(subnetText).join(" or ")}, the subnet of ${of}`);
    else {
      const inside = subnets.find(({ address }) => !isBefore(address, first) && !isBefore(last, address));
      if (inside !== undefined) report(path, `${inside.address}, the address of ${of}, is among its leases`);
    }
  };
  for (const [name, { dhcp, ports }] of Object.entries(raw.routers)) {
    for (const [port, range] of Object.entries(dhcp)) {
      const path = ["routers", name, "dhcp", port];
      const own = given.filter(({ node, segment }) => node === name && segment === port);
      if (Object.hasOwn(ports, port)) check(path, range, own, name);
      else report(path, `${name} has no port ${port}; there are ${Object.keys(ports).join(", ")}`, "at key");
    }
  }
  for (const [name, { dhcp_server: range }] of Object.entries(raw.hosts)) {
    if (range === undefined) continue;
    check(
      ["hosts", name, "dhcp_server"],
      range,
      given.filter(({ node }) => node === name),
      name,
    );
  }
}

function rangeProblem(range: string): string | undefined {
  const wanted = "wanted the first and the last address, such as 192.168.1.100-192.168.1.150";
  const parts = range.split("-");
  const [first = "", last = ""] = parts.map((part) => part.trim());
  if (parts.length !== 2) return wanted;
  const problem = hostAddressProblem(first) ?? hostAddressProblem(last);
  if (problem !== undefined) return `${wanted}: ${problem}`;
  if (first.includes(":") !== last.includes(":")) return `${wanted}: these are of different versions of IP`;
  return isBefore(last, first) ? `the last address, ${last}, is before the first one, ${first}` : undefined;
}

/** Who asks for an address needs somebody who leases one. */
function checkDhcpClients({ raw }: Scope, report: Report): void {
  const leases =
    Object.values(raw.routers).some(({ dhcp }) => Object.keys(dhcp).length > 0) ||
    Object.values(raw.hosts).some(({ dhcp_server: range }) => range !== undefined) ||
    // A program of the topology's own may do it.
    [...Object.values(raw.routers), ...Object.values(raw.hosts)].some(({ run }) => run !== undefined);
  if (leases) return;
  const tell = (path: KeyPath): void =>
    report(path, "nobody leases addresses: write dhcp: into a router, or dhcp_server: into a host");
  for (const [name, { address, vlans }] of Object.entries(raw.hosts)) {
    if (address === "dhcp") tell(["hosts", name, "address"]);
    for (const [id, value] of Object.entries(vlans ?? {}))
      if (value === "dhcp") tell(["hosts", name, "vlans", id]);
  }
  for (const [name, { ports }] of Object.entries(raw.routers))
    for (const [port, value] of Object.entries(ports))
      if (value === "dhcp") tell(["routers", name, "ports", port]);
  for (const [name, { wan }] of Object.entries(raw.lcces))
    for (const [port, value] of Object.entries(wan)) if (value === "dhcp") tell(["lcces", name, "wan", port]);
}
