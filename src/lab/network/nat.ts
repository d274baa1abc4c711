import { familyOf, plainAddresses } from "../../bytes/subnets.ts";
import type { Router, Topology } from "../format/topology.ts";

/** Network address translation by nftables. */

/**
 * What a router does not take from its outer side by itself: a flow that it began to remember would keep a
 * flow from inside from the same port. DHCP, RIP and BFD are its own.
 */
const UNWANTED = ["meta l4proto 115 drop", "udp dport != { 67, 68, 520, 521, 546, 3784, 4784 } drop"];

/** Where what comes to a port from outside goes to. */
interface Forward {
  readonly protocol: "udp" | "tcp" | "ip";
  readonly port: number;
  readonly address: string;
  /** Port at that address; undefined for the same one. */
  readonly toPort: number | undefined;
}

/** The rules of a router with NAT, as `nft -f` takes them. Throws where a forward has no target. */
export function natRules(router: Router, topology: Topology): string {
  const { nat } = router;
  if (nat === undefined) return "";
  const { out, random_ports: random } = nat;
  const outer = JSON.stringify(out);
  const forwards = nat.forward.flatMap((text) => forwardsOf(text, router, topology)).map(forwardRule);
  return `table inet nat {
  chain outward {
    type nat hook postrouting priority srcnat
    oifname ${outer} masquerade${random ? " random,fully-random" : ""}
  }
  chain inward {
    type nat hook prerouting priority dstnat
    ${forwards.map((rule) => `iifname ${outer} fib daddr type local ${rule}`).join("\n    ")}
  }
  chain through {
    type filter hook forward priority filter
    iifname ${outer} ct status dnat accept
    iifname ${outer} ct state new drop
  }
  chain own {
    type filter hook input priority filter
    ${UNWANTED.map((rule) => `iifname ${outer} ct state new ${rule}`).join("\n    ")}
  }
}
`;
}

function forwardRule({ protocol, port, address, toPort }: Forward): string {
  const what = protocol === "ip" ? "meta l4proto 115" : `${protocol} dport ${port}`;
  const isV6 = familyOf(address) === 6;
  const target = toPort === undefined ? address : `${isV6 ? `[${address}]` : address}:${toPort}`;
  return `meta nfproto ${isV6 ? "ipv6" : "ipv4"} ${what} dnat ${isV6 ? "ip6" : "ip"} to ${target}`;
}

/** A forward of a file; one without a target goes to all addresses of the only LCCE behind the router. */
function forwardsOf(text: string, router: Router, topology: Topology): readonly Forward[] {
  const [what = "", target] = text.split(" -> ");
  const [protocol = "", number] = what.split(" ");
  const given = { protocol: protocol as Forward["protocol"], port: Number(number) };
  if (target === undefined)
    return forwardTargets(router, topology).map((address) => ({ ...given, address, toPort: undefined }));
  const [, address = target, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(withPort(target)) ?? [];
  return [{ ...given, address, toPort: port === undefined ? undefined : Number(port) }];
}

/** The target, if it has a port: an address of IPv6 has one behind brackets alone. */
function withPort(target: string): string {
  return familyOf(target) === 6 ? "" : target;
}

/**
 * The addresses that a forward without a target goes to: those of the only LCCE in the segments behind a
 * router. Throws where there is none, or more than one.
 */
export function forwardTargets({ name, nat, ports }: Router, { lcces }: Topology): readonly string[] {
  const inner = ports.map(({ segment }) => segment).filter((segment) => segment !== nat?.out);
  const behind = lcces.filter((lcce) => lcce.ports.some((port) => isInner(port, inner)));
  const [only] = behind;
  if (only === undefined || behind.length > 1) {
    const found = behind.length === 0 ? "no LCCE" : behind.map((lcce) => lcce.name).join(" and ");
    throw new Error(
      `forward to the LCCE behind router ${name}: there is ${found}; write the address: udp 1701 -> ADDRESS`,
    );
  }
  return only.ports.filter((port) => isInner(port, inner)).flatMap(plainAddresses);
}

function isInner(
  { segment, addresses }: { readonly segment: string; readonly addresses: readonly string[] | "dhcp" },
  inner: readonly string[],
): boolean {
  return inner.includes(segment) && addresses.length > 0;
}
