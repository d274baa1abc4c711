import type { Condition, FilterChain, FilterRule, PacketField, RuleAction } from "./ruleset.ts";

/** Rules as `iptables-legacy-save` prints them, one option after another. */

/** TABLE: chains of the kernel with their hooks. */
const hooks: Readonly<Record<string, string>> = {
  INPUT: "input",
  OUTPUT: "output",
  FORWARD: "forward",
  POSTROUTING: "postrouting",
};
const NAT_PRIORITY = 100;

/** TABLE: options with one value that are fields of a packet. */
const fields: Readonly<Record<string, PacketField>> = {
  "-p": "protocol",
  "-s": "source",
  "-d": "destination",
  "-i": "inputInterface",
  "-o": "outputInterface",
  "--sport": "sourcePort",
  "--dport": "destinationPort",
  "--sports": "sourcePort",
  "--dports": "destinationPort",
  "--ctstate": "connection",
  "--state": "connection",
};

/** TABLE: options with one value that say nothing of the packet. */
const silent: ReadonlySet<string> = new Set([
  "-m",
  "--comment",
  "--reject-with",
  "--log-prefix",
  "--log-level",
]);

/** TABLE: targets that are no chains, and may end the rules. */
const extensions: ReadonlySet<string> = new Set([
  ...["QUEUE", "NFQUEUE", "DNAT", "REDIRECT", "NETMAP", "TPROXY", "TEE", "CT", "SYNPROXY"],
]);

/** The chains of a text. */
export function iptablesChains(
  text: string,
  program: "iptables-legacy" | "ip6tables-legacy",
): readonly FilterChain[] {
  const chains: (Omit<FilterChain, "rules"> & { readonly rules: FilterRule[] })[] = [];
  let table = "";
  for (const line of text.split("\n")) {
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (line.startsWith("*")) table = line.slice(1).trim();
    else if (name !== undefined) {
      const isNat = table === "nat";
      chains.push({
        ...{ program, table, name, hook: hooks[name], kind: isNat ? "nat" : "filter", rules: [] },
        family: program === "iptables-legacy" ? "ip" : "ip6",
        priority: isNat ? NAT_PRIORITY : 0,
        policy: policy === "DROP" ? "drop" : "accept",
      });
    } else if (line.startsWith("-A ")) {
      const [, chain = "", ...words] = wordsOf(line);
      chains.find((each) => each.table === table && each.name === chain)?.rules.push(ruleOf(words, line));
    }
  }
  return chains;
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

function ruleOf(words: readonly string[], line: string): FilterRule {
  const conditions: Condition[] = [];
  let action: RuleAction = { kind: "none" };
  let isNot = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const value = words[at + 1] ?? "";
    const field = fields[word];
    if (word === "!") {
      isNot = true;
      continue;
    }
    if (field !== undefined) {
      const values = value.split(",").map((each) => valueIn(field, each));
      conditions.push({ field, isNot, values });
      at += 1;
    } else if (word === "-j" || word === "-g") {
      action = actionOf(word, value, words);
      break;
    } else if (silent.has(word)) at += 1;
    else conditions.push("unknown");
    isNot = false;
  }
  return { conditions, action, text: line };
}

function valueIn(field: PacketField, text: string) {
  if (field === "connection") return text.toLowerCase();
  const [, from, to] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return { from: Number(from), to: Number(to) };
  return field.endsWith("Port") ? Number(text) : text;
}

function actionOf(word: string, target: string, words: readonly string[]): RuleAction {
  switch (target) {
    case "ACCEPT":
      return { kind: "accept" };
    case "DROP":
    case "REJECT":
      return { kind: "drop" };
    case "RETURN":
      return { kind: "return" };
    case "MASQUERADE":
      return { kind: "masquerade" };
    case "SNAT":
      return { kind: "snat", to: words[words.indexOf("--to-source") + 1] };
    case "LOG":
    case "MARK":
    case "CONNMARK":
    case "TCPMSS":
    case "NFLOG":
      return { kind: "none" };
    default:
      return extensions.has(target)
        ? { kind: "unknown" }
        : { kind: word === "-g" ? "goto" : "jump", chain: target };
  }
}
