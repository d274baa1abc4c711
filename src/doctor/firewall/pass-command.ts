import { shellLine } from "../../bytes/shell-words.ts";
import type { FilterChain, FilteredPacket, FilterVerdict } from "./ruleset.ts";

/**
 * Commands that let packets of a tunnel pass before anything that drops or translates them: those from the
 * peer where they come in, those to it where they go out. With programs that keep rules of their own it is
 * theirs; otherwise a rule is put in front of those of the chain to which the packet comes first.
 */
export function passCommands({ base, chain }: FilterVerdict, packet: FilteredPacket): readonly string[] {
  const { protocol, source, destinationPort } = packet;
  const isIncoming = base.hook === "input" || base.hook === "prerouting";
  if (isIncoming && base.table === "firewalld") {
    const what = protocol === "l2tp" ? "--add-protocol=l2tp" : `--add-port=${destinationPort}/udp`;
    return [`firewall-cmd --permanent ${what}`, "firewall-cmd --reload"];
  }
  if (isIncoming && protocol === "udp" && /^ufw6?-/.test(chain.name))
    return [`ufw allow proto udp from ${source ?? "any"} to any port ${destinationPort}`];
  return [
    base.program === "nft" ? nftRule(base, packet, isIncoming) : iptablesRule(base, packet, isIncoming),
  ];
}

function nftRule({ family, table, name }: FilterChain, packet: FilteredPacket, isIncoming: boolean): string {
  const { protocol, ipVersion, destinationPort } = packet;
  const ip = ipVersion === 6 ? "ip6" : "ip";
  const peer = isIncoming ? packet.source : packet.destination;
  const words = [
    `nft insert rule ${family} ${table} ${name}`,
    ...(peer === undefined ? [] : [`${ip} ${isIncoming ? "saddr" : "daddr"} ${peer}`]),
    protocol === "l2tp" ? "meta l4proto 115" : `udp dport ${destinationPort}`,
    "accept",
  ];
  return words.join(" ");
}

function iptablesRule(
  { program, table, name }: FilterChain,
  { protocol, source, destination, destinationPort }: FilteredPacket,
  isIncoming: boolean,
): string {
  const peer = isIncoming ? source : destination;
  return shellLine([
    ...[program, "-t", table, "-I", name],
    ...(peer === undefined ? [] : [isIncoming ? "-s" : "-d", peer]),
    ...(protocol === "l2tp" ? ["-p", "115"] : ["-p", "udp", "--dport", String(destinationPort)]),
    ...["-j", "ACCEPT"],
  ]);
}
