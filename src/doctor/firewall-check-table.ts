import { UNSPECIFIED } from "../daemon/settings.ts";
import type { Facts, TunnelFacts } from "./facts.ts";
import { passCommands } from "./firewall/pass-command.ts";
import {
  type FilterChain,
  type FilteredPacket,
  type FilterVerdict,
  filterVerdict,
} from "./firewall/ruleset.ts";
import { type CheckRow, type Found, judge } from "./outcome.ts";

/** Packet filters of this machine: what they do to messages of tunnels. */

type Direction = "incoming" | "outgoing";

/** TABLE: hooks that a packet meets at this machine, by its direction. */
const hooks = {
  incoming: ["prerouting", "input"],
  outgoing: ["output", "postrouting"],
} as const satisfies Readonly<Record<Direction, readonly string[]>>;

const KEEP = "put it into what loads your rules at the start too, such as /etc/nftables.conf";

/** A packet between the two ends of a tunnel; undefined where no end is known. */
function packetOf(
  { config, ends, path }: TunnelFacts,
  direction: Direction,
  connection: FilteredPacket["connection"],
): FilteredPacket | undefined {
  if (ends?.value === undefined) return undefined;
  const { local, remote } = ends.value;
  const isAny = remote === UNSPECIFIED[4] || remote === UNSPECIFIED[6];
  const [own, peer] = [local, isAny ? undefined : remote];
  const isUdp = config.encapsulation === "udp";
  const [ownPort, peerPort] = isUdp ? [config.localPort || undefined, config.remotePort || undefined] : [];
  const ofEnds =
    direction === "incoming" ? { source: peer, destination: own } : { source: own, destination: peer };
  const ports =
    direction === "incoming"
      ? { sourcePort: peerPort, destinationPort: ownPort }
      : { sourcePort: ownPort, destinationPort: peerPort };
  const name = path?.value?.interfaceName;
  return {
    ...{ protocol: isUdp ? "udp" : "l2tp", ipVersion: local.includes(":") ? 6 : 4, connection },
    ...{ ...ofEnds, ...ports },
    ...(direction === "incoming" ? { inputInterface: name } : { outputInterface: name }),
  };
}

function verdictOn(chains: readonly FilterChain[], packet: FilteredPacket, direction: Direction) {
  for (const hook of hooks[direction]) {
    const verdict = filterVerdict(chains, hook, "filter", packet);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function nameOf({ program, family, table, name }: FilterChain): string {
  return program === "nft" ? `${family} ${table} ${name}` : `${name} of ${program}`;
}

function verdictText({ chain, rule }: FilterVerdict): string {
  return rule === undefined
    ? `chain ${nameOf(chain)}, which drops what no rule accepts,`
    : `the rule "${rule.text}" of chain ${nameOf(chain)}`;
}

function messageText({ protocol, destinationPort }: FilteredPacket): string {
  if (protocol === "l2tp") return "IP protocol 115";
  return destinationPort === undefined ? "UDP" : `UDP ${destinationPort}`;
}

/** What is dropped of the messages that come from the peer of a tunnel. */
function incomingFindings(chains: readonly FilterChain[], tunnel: TunnelFacts): readonly Found[] {
  const packet = packetOf(tunnel, "incoming", "new");
  const verdict = packet && verdictOn(chains, packet, "incoming");
  if (packet === undefined || verdict === undefined) return [];
  const isAnswered = verdictOn(chains, { ...packet, connection: "established" }, "incoming") === undefined;
  const isPassive = tunnel.config.remote.kind === "any";
  // Any port of ours: only answers come.
  if (isAnswered && tunnel.config.encapsulation === "udp" && tunnel.config.localPort === 0) return [];
  const from = packet.source === undefined ? "peers" : packet.source;
  const what = isAnswered
    ? `looks as if it lets ${messageText(packet)} of ${from} pass only where this end sent before`
    : `looks as if it drops ${messageText(packet)} of ${from}`;
  return [
    {
      severity: isAnswered && !isPassive ? "warning" : "error",
      what: `${verdictText(verdict)} ${what}`,
      commands: passCommands(verdict, packet),
      advice: KEEP,
      path: ["tunnels", tunnel.config.name, "remote"],
    },
  ];
}

function outgoingFindings(chains: readonly FilterChain[], tunnel: TunnelFacts): readonly Found[] {
  const packet = packetOf(tunnel, "outgoing", "new");
  const verdict = packet && verdictOn(chains, packet, "outgoing");
  if (packet === undefined || verdict === undefined) return [];
  const to = packet.destination === undefined ? "peers" : packet.destination;
  return [
    {
      severity: "error",
      what: `${verdictText(verdict)} looks as if it drops ${messageText(packet)} to ${to}`,
      commands: passCommands(verdict, packet),
      advice: KEEP,
      path: ["tunnels", tunnel.config.name, "remote"],
    },
  ];
}

function natFindings(chains: readonly FilterChain[], tunnel: TunnelFacts): readonly Found[] {
  const packet = packetOf(tunnel, "outgoing", "new");
  const verdict = packet && filterVerdict(chains, "postrouting", "nat", packet);
  if (packet === undefined || verdict === undefined) return [];
  const { action } = verdict;
  if (action.kind !== "masquerade" && action.kind !== "snat") return [];
  const isSame = action.kind === "snat" && action.to?.startsWith(packet.source ?? "") === true;
  if (isSame) return [];
  return [
    {
      severity: action.kind === "snat" ? "warning" : "note",
      what:
        `${verdictText(verdict)} looks as if it translates our own ${messageText(packet)} ` +
        `${packet.destination === undefined ? "" : `to ${packet.destination} `}(source NAT)`,
      commands: passCommands(verdict, packet),
      advice: KEEP,
      path: ["tunnels", tunnel.config.name, "local"],
    },
  ];
}

function judgeFilters(
  { filters, tunnels }: Facts,
  act: (chains: readonly FilterChain[], tunnel: TunnelFacts) => readonly Found[],
) {
  if (tunnels.length === 0) return undefined;
  return judge(filters, (chains) => tunnels.flatMap((tunnel) => act(chains, tunnel)));
}

/** Whether a chain may drop packets that are forwarded. */
function dropsForwarded({ hook, policy, rules }: FilterChain): boolean {
  if (hook !== "forward") return false;
  return policy === "drop" || rules.some(({ action }) => ["drop", "jump", "goto"].includes(action.kind));
}

/** TABLE: checks of packet filters. */
export const firewallChecks = {
  "firewall-in": {
    group: "firewall",
    looksAt: "rules (nft, iptables-legacy) that drop messages of peers: UDP 1701 or IP protocol 115",
    why: "without them a tunnel stays in wait-ctl-reply; or data is lost where control messages pass",
    remedy: "a rule that accepts them, in front of the others",
    find: (facts) => judgeFilters(facts, incomingFindings),
  },
  "firewall-out": {
    group: "firewall",
    looksAt: "rules that drop what we send to peers",
    why: "nothing reaches the peer; sending fails with EPERM",
    remedy: "a rule that accepts it, in front of the others",
    find: (facts) => judgeFilters(facts, outgoingFindings),
  },
  "source-nat": {
    group: "firewall",
    looksAt: "rules that translate our own messages: masquerade, snat",
    why: "the peer sees another address or port; eBPF programs pass the rule by, so data would differ",
    remedy: "a rule that accepts them before they are translated",
    find: (facts) => judgeFilters(facts, natFindings),
  },
  "bridge-filter": {
    group: "firewall",
    looksAt: "net.bridge.bridge-nf-call-iptables and -ip6tables, where the file has bridges",
    why: "rules for routed packets then drop frames within bridges; Docker switches it on",
    remedy: "sysctl -w net.bridge.bridge-nf-call-iptables=0",
    find: ({ config, machine: { bridgeFilters }, filters }) => {
      if (config === undefined || config.bridges.length === 0) return undefined;
      const path = ["bridges", config.bridges[0]?.name ?? ""];
      // Without rules for what is forwarded it costs time only.
      const severity = filters.value?.some(dropsForwarded) === true ? "warning" : "note";
      return bridgeFilters.map((name) => ({
        severity,
        what: `${name} is 1: frames that cross a bridge have to pass the packet filter`,
        commands: [`sysctl -w ${name}=0`],
        advice: "unless containers or virtual machines of this machine rely on it",
        path,
      }));
    },
  },
} as const satisfies Readonly<Record<string, CheckRow>>;
