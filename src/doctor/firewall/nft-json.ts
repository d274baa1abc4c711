import type { Condition, FieldValue, FilterChain, FilterRule, PacketField, RuleAction } from "./ruleset.ts";

/**
 * Rule sets as `nft -j list ruleset` prints them (libnftables-json(5)). What is not understood becomes an
 * unknown condition or action: nothing is concluded from it.
 */

type Json = Readonly<Record<string, unknown>>;

/** TABLE: expressions of nft that are fields of a packet, as "kind key" or "kind protocol field". */
const fields: Readonly<Record<string, PacketField>> = {
  "meta l4proto": "protocol",
  "meta iifname": "inputInterface",
  "meta iif": "inputInterface",
  "meta oifname": "outputInterface",
  "meta oif": "outputInterface",
  "meta nfproto": "family",
  "meta protocol": "family",
  "ct state": "connection",
  "payload ip protocol": "protocol",
  "payload ip6 nexthdr": "protocol",
  "payload ip saddr": "source",
  "payload ip daddr": "destination",
  "payload ip6 saddr": "source",
  "payload ip6 daddr": "destination",
  "payload udp sport": "sourcePort",
  "payload udp dport": "destinationPort",
  "payload th sport": "sourcePort",
  "payload th dport": "destinationPort",
};

/** TABLE: what some fields say of the packet beside their value: the protocol that they belong to. */
const impliedBy: Readonly<Record<string, Condition>> = {
  "payload udp": { field: "protocol", isNot: false, values: ["udp"] },
  "payload tcp": { field: "protocol", isNot: false, values: ["tcp"] },
  "payload icmp": { field: "protocol", isNot: false, values: ["icmp"] },
  "payload icmpv6": { field: "protocol", isNot: false, values: ["icmpv6"] },
  "payload ip": { field: "family", isNot: false, values: ["ip"] },
  "payload ip6": { field: "family", isNot: false, values: ["ip6"] },
};

/** TABLE: statements that decide nothing. */
const silent: ReadonlySet<string> = new Set(["counter", "log", "notrack", "flow", "set", "mangle"]);

/** TABLE: names of families of nft as addresses have them. */
const familyNames: Readonly<Record<string, string>> = { ipv4: "ip", ipv6: "ip6", ip: "ip", ip6: "ip6" };

/** The chains of a rule set. Throws SyntaxError for what is no JSON. */
export function nftChains(text: string): readonly FilterChain[] {
  const { nftables = [] } = JSON.parse(text) as { readonly nftables?: readonly Json[] };
  const of = (kind: string): readonly Json[] =>
    nftables.map((each) => objectIn(each, kind)).filter((each) => each !== undefined);
  const sets = new Map(of("set").map((set) => [keyOf(set), listOf(set["elem"])]));
  const rules = of("rule");
  return of("chain").flatMap((chain) => {
    const family = chain["family"];
    if (family !== "ip" && family !== "ip6" && family !== "inet") return [];
    const [table, name] = [String(chain["table"]), String(chain["name"])];
    return {
      program: "nft" as const,
      ...{ family, table, name },
      hook: textIn(chain, "hook"),
      kind: textIn(chain, "type"),
      priority: typeof chain["prio"] === "number" ? chain["prio"] : 0,
      policy: chain["policy"] === "drop" ? ("drop" as const) : ("accept" as const),
      rules: rules
        .filter(({ family: of, table: at, chain: own }) => of === family && at === table && own === name)
        .flatMap((rule) => rulesOf(rule, (set) => sets.get(`${family} ${table} ${set}`))),
    };
  });
}

type SetElements = (name: string) => readonly unknown[] | undefined;

function keyOf({ family, table, name }: Json): string {
  return `${family} ${table} ${name}`;
}

/** A rule, or for a verdict map one for each of its elements. */
function rulesOf(rule: Json, elementsOf: SetElements): readonly FilterRule[] {
  const conditions: Condition[] = [];
  const words: string[] = [];
  for (const statement of listOf(rule["expr"]) as readonly Json[]) {
    const [kind = "", value] = Object.entries(statement)[0] ?? [];
    if (silent.has(kind)) continue;
    if (kind === "match") {
      conditions.push(...conditionsOf(value as Json, elementsOf));
      words.push(matchText(value as Json));
    } else if (kind === "vmap") return mapRules(value as Json, conditions, words, elementsOf);
    else {
      const action = actionOf(kind, value);
      if (action === undefined) conditions.push("unknown");
      else return [{ conditions, action, text: [...words, actionText(kind, value)].join(" ") }];
    }
  }
  return [{ conditions, action: { kind: "none" }, text: words.join(" ") }];
}

function mapRules(
  { key, data }: Json,
  conditions: readonly Condition[],
  words: readonly string[],
  elementsOf: SetElements,
): readonly FilterRule[] {
  const elements = typeof data === "string" ? elementsOf(data.slice(1)) : listOf(objectIn(data, "set") ?? []);
  const unknown: FilterRule = { conditions: [], action: { kind: "unknown" }, text: words.join(" ") };
  if (elements === undefined) return [unknown];
  return elements.flatMap((element): readonly FilterRule[] => {
    const [value, verdict] = listOf(element);
    const [kind = "", of] = Object.entries((verdict ?? {}) as Json)[0] ?? [];
    if (kind === "continue") return [];
    const action = actionOf(kind, of) ?? { kind: "unknown" };
    const match = { op: "==", left: key, right: value };
    const text = [...words, matchText(match), actionText(kind, of)].join(" ");
    return [{ conditions: [...conditions, ...conditionsOf(match, elementsOf)], action, text }];
  });
}

function conditionsOf({ op, left, right }: Json, elementsOf: SetElements): readonly Condition[] {
  const name = expressionName(left);
  const implied = impliedBy[name.split(" ").slice(0, 2).join(" ")];
  const before = implied === undefined ? [] : [implied];
  const field = fields[name];
  const values =
    field === undefined ? undefined : valuesOf(right, elementsOf)?.map((each) => named(field, each));
  if (field === undefined || values === undefined || !["==", "!=", "in"].includes(String(op)))
    return [...before, "unknown"];
  return [...before, { field, isNot: op === "!=", values }];
}

/** "meta iifname", "ct state" or "payload udp dport"; empty for anything else. */
function expressionName(expression: unknown): string {
  if (typeof expression !== "object" || expression === null) return "";
  const [kind = "", of] = Object.entries(expression as Json)[0] ?? [];
  if (typeof of !== "object" || of === null) return "";
  const { key, protocol, field } = of as Json;
  return [kind, ...(kind === "payload" ? [protocol, field] : [key])].join(" ");
}

/** Undefined where a value is not understood. */
function valuesOf(right: unknown, elementsOf: SetElements): readonly FieldValue[] | undefined {
  if (typeof right === "string" && right.startsWith("@"))
    return listed(elementsOf(right.slice(1)), elementsOf);
  if (typeof right === "string" || typeof right === "number") return [right];
  if (Array.isArray(right)) return listed(right, elementsOf);
  const set = objectIn(right, "set");
  if (set !== undefined) return listed(listOf(set), elementsOf);
  const element = objectIn(right, "elem");
  if (element !== undefined) return valuesOf(element["val"], elementsOf);
  const prefix = objectIn(right, "prefix");
  if (prefix !== undefined) return [`${prefix["addr"]}/${prefix["len"]}`];
  const [from, to] = listOf(objectIn(right, "range") ?? []);
  if ((typeof from !== "string" && typeof from !== "number") || from === "") return undefined;
  return typeof to === "string" || typeof to === "number" ? [{ from, to }] : undefined;
}

function listed(elements: readonly unknown[] | undefined, elementsOf: SetElements) {
  const values = elements?.map((each) => valuesOf(each, elementsOf));
  return values === undefined || values.includes(undefined)
    ? undefined
    : values.flatMap((each) => each ?? []);
}

function named(field: PacketField, value: FieldValue): FieldValue {
  return field === "family" ? (familyNames[String(value)] ?? value) : value;
}

/** Undefined for a statement that may end the rule, such as a limit. */
function actionOf(kind: string, value: unknown): RuleAction | undefined {
  switch (kind) {
    case "accept":
    case "return":
    case "drop":
    case "masquerade":
      return { kind };
    case "reject":
      return { kind: "drop" };
    case "jump":
    case "goto":
      return { kind, chain: String((value as Json)["target"]) };
    case "snat": {
      const to = (value as Json | null)?.["addr"];
      return { kind, to: typeof to === "string" ? to : undefined };
    }
    case "queue":
    case "dnat":
    case "redirect":
    case "tproxy":
    case "fwd":
    case "dup":
      return { kind: "unknown" };
    default:
      return undefined;
  }
}

function actionText(kind: string, value: unknown): string {
  if (kind === "jump" || kind === "goto") return `${kind} ${(value as Json)["target"]}`;
  const to = kind === "snat" ? (value as Json | null)?.["addr"] : undefined;
  return to === undefined ? kind : `${kind} to ${typeof to === "string" ? to : "..."}`;
}

function matchText({ op, left, right }: Json): string {
  const name = expressionName(left).replace(/^payload /, "");
  const shown = name.replace(/^meta (iif|oif)/, "$1") || "...";
  return `${shown} ${op === "!=" ? "!= " : ""}${valueText(right)}`;
}

/** As nft writes it; what is long is cut. */
function valueText(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  const many = Array.isArray(value) ? value : objectIn(value, "set");
  if (many !== undefined) {
    const all = listOf(many).map(valueText);
    return `{ ${all.slice(0, 4).join(", ")}${all.length > 4 ? ", ..." : ""} }`;
  }
  const prefix = objectIn(value, "prefix");
  if (prefix !== undefined) return `${prefix["addr"]}/${prefix["len"]}`;
  const range = objectIn(value, "range");
  return range === undefined ? "..." : listOf(range).join("-");
}

function objectIn(value: unknown, key: string): Json | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = (value as Json)[key];
  return typeof found === "object" && found !== null ? (found as Json) : undefined;
}

function textIn(value: Json, key: string): string | undefined {
  const found = value[key];
  return typeof found === "string" ? found : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}
