import { isIP, isIPv6 } from "node:net";
import { isBefore, isInSubnet, prefixedAddress } from "../../bytes/subnets.ts";

/** A packet filter as far as it is understood, whatever program made it, and what it does to a packet. */

/** What a rule asks of a packet. */
export type PacketField =
  | "protocol"
  | "source"
  | "destination"
  | "sourcePort"
  | "destinationPort"
  | "inputInterface"
  | "outputInterface"
  | "connection"
  | "family";

/** A value, or those from one to another; addresses may be prefixes. */
export type FieldValue = string | number | { readonly from: string | number; readonly to: string | number };

/** A condition of a rule; "unknown" for one that is not understood. */
export type Condition =
  | "unknown"
  | { readonly field: PacketField; readonly isNot: boolean; readonly values: readonly FieldValue[] };

/** What becomes of a packet that meets all conditions; a source address with "snat" where it is told. */
export type RuleAction =
  | { readonly kind: "accept" | "drop" | "return" | "masquerade" | "unknown" | "none" }
  | { readonly kind: "snat"; readonly to: string | undefined }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

export interface FilterRule {
  readonly conditions: readonly Condition[];
  readonly action: RuleAction;
  /** As its program writes it, for people. */
  readonly text: string;
}

/** A chain of rules; one with a hook is where packets come. */
export interface FilterChain {
  /** What reads it: `nft`, or `iptables-legacy` and `ip6tables-legacy`. */
  readonly program: "nft" | "iptables-legacy" | "ip6tables-legacy";
  /** Of IP: "ip", "ip6", or "inet" for both. */
  readonly family: "ip" | "ip6" | "inet";
  readonly table: string;
  readonly name: string;
  readonly hook?: string | undefined;
  readonly kind?: string | undefined;
  readonly priority?: number | undefined;
  readonly policy?: "accept" | "drop" | undefined;
  readonly rules: readonly FilterRule[];
}

/** A packet of a tunnel. */
export interface FilteredPacket {
  readonly protocol: "udp" | "l2tp";
  /** Absent where any address may be meant. */
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly ipVersion: 4 | 6;
  /** Absent over IP protocol 115. */
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly inputInterface?: string | undefined;
  readonly outputInterface?: string | undefined;
  /** The state that connection tracking would give it. */
  readonly connection: "new" | "established";
}

/** What a filter does to a packet: the rule, or the policy of the chain where there is no rule. */
export interface FilterVerdict {
  readonly action: RuleAction | { readonly kind: "drop" };
  readonly chain: FilterChain;
  /** The chain that the packet came to first. */
  readonly base: FilterChain;
  readonly rule: FilterRule | undefined;
}

/** Jumps of chains into chains, as deep as the kernel follows. */
const MOST_JUMPS = 16;

/** TABLE: numbers and names of the protocols that are of interest. */
const protocolNames: Readonly<Record<string, FilteredPacket["protocol"]>> = {
  udp: "udp",
  "17": "udp",
  l2tp: "l2tp",
  "115": "l2tp",
};

/**
 * What is done for certain to a packet at a hook, by chains of a kind ("filter" or "nat"): dropped or given
 * another source address. Undefined where it passes, and where that depends on what is not understood.
 */
export function filterVerdict(
  chains: readonly FilterChain[],
  hook: string,
  kind: string,
  packet: FilteredPacket,
): FilterVerdict | undefined {
  const family = packet.ipVersion === 6 ? "ip6" : "ip";
  const bases = chains
    .filter((chain) => chain.hook === hook && (chain.kind ?? "filter") === kind)
    .filter((chain) => chain.family === family || chain.family === "inet")
    .toSorted((one, other) => (one.priority ?? 0) - (other.priority ?? 0));
  for (const base of bases) {
    const found = walk(base, { base, chains, packet }, MOST_JUMPS);
    const ends = found === undefined && base.policy === "drop";
    if (ends) return { action: { kind: "drop" }, chain: base, base, rule: undefined };
    if (typeof found === "object") return found;
  }
  return undefined;
}

interface Walk {
  readonly base: FilterChain;
  readonly chains: readonly FilterChain[];
  readonly packet: FilteredPacket;
}

/**
 * A verdict; "passes" where it is accepted, or may be; undefined where the packet reaches the chain's end.
 */
function walk(chain: FilterChain, context: Walk, jumps: number): FilterVerdict | "passes" | undefined {
  const { base, chains, packet } = context;
  for (const rule of chain.rules) {
    const { action } = rule;
    const isMet = matches(rule.conditions, packet);
    if (isMet === "no" || action.kind === "none") continue;
    if (action.kind === "unknown") return "passes";
    if (action.kind === "jump" || action.kind === "goto") {
      const next = chains.find(
        ({ name, table, family, program }) =>
          name === action.chain &&
          table === chain.table &&
          family === chain.family &&
          program === chain.program,
      );
      if (next === undefined || jumps === 0) return "passes";
      const found = walk(next, context, jumps - 1);
      if (isMet === "yes" && (found !== undefined || action.kind === "goto")) return found;
      if (isMet === "perhaps" && found === "passes") return found;
      continue;
    }
    if (isMet === "perhaps") {
      // It may be accepted here, or leave this chain: what follows proves nothing.
      if (action.kind === "accept" || action.kind === "return") return "passes";
      continue;
    }
    if (action.kind === "accept") return "passes";
    if (action.kind === "return") return undefined;
    return { action, chain, base, rule };
  }
  return undefined;
}

function matches(conditions: readonly Condition[], packet: FilteredPacket): "yes" | "no" | "perhaps" {
  let isSure = true;
  for (const condition of conditions) {
    if (condition === "unknown") {
      isSure = false;
      continue;
    }
    const value = valueOfField(condition.field, packet);
    const isMet =
      value !== undefined && condition.values.some((each) => isValue(condition.field, value, each));
    if (isMet === condition.isNot) return "no";
  }
  return isSure ? "yes" : "perhaps";
}

function valueOfField(field: PacketField, packet: FilteredPacket): string | number | undefined {
  return field === "family" ? (packet.ipVersion === 6 ? "ip6" : "ip") : packet[field];
}

function isValue(field: PacketField, value: string | number, wanted: FieldValue): boolean {
  if (typeof wanted === "object") return isBetween(value, wanted.from, wanted.to);
  if (field === "protocol") return protocolNames[String(wanted)] === value;
  if (field === "source" || field === "destination") return isAddressIn(String(value), String(wanted));
  if (typeof wanted === "string" && /[*+]$/.test(wanted))
    return String(value).startsWith(wanted.slice(0, -1));
  return String(wanted) === String(value);
}

function isBetween(value: string | number, from: string | number, to: string | number): boolean {
  if (typeof value === "number") return value >= Number(from) && value <= Number(to);
  if (!isIP(value) || isIP(value) !== isIP(String(from)) || isIP(value) !== isIP(String(to))) return false;
  return !isBefore(value, String(from)) && !isBefore(String(to), value);
}

function isAddressIn(address: string, wanted: string): boolean {
  const prefix = prefixedAddress(wanted.includes("/") ? wanted : `${wanted}/${isIPv6(wanted) ? 128 : 32}`);
  return prefix !== undefined && isIPv6(address) === isIPv6(prefix.address) && isInSubnet(address, prefix);
}
