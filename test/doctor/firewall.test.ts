import { expect, test } from "vitest";
import { iptablesChains } from "../../src/doctor/firewall/iptables-save.ts";
import { nftChains } from "../../src/doctor/firewall/nft-json.ts";
import { passCommands } from "../../src/doctor/firewall/pass-command.ts";
import { type FilterChain, type FilteredPacket, filterVerdict } from "../../src/doctor/firewall/ruleset.ts";

/** Statements of nft as `nft -j list ruleset` prints them (nftables 1.0.6). */
const match = (left: object, right: unknown, op = "==") => ({ match: { op, left, right } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const state = { ct: { key: "state" } };
const limit = { limit: { rate: 5, burst: 5, per: "second" } };
const drop = { drop: null };
const accept = { accept: null };

/** The chains of a table of one input chain with these rules, and a chain "other". */
function chains(
  policy: string,
  rules: readonly (readonly object[])[],
  other: readonly (readonly object[])[] = [],
) {
  const rule = (chain: string) => (expr: readonly object[]) => ({
    rule: { family: "inet", table: "filter", chain, handle: 1, expr },
  });
  const set = (name: string, elem: readonly unknown[]) => ({
    set: { family: "inet", table: "filter", name, type: "ipv4_addr", elem },
  });
  return nftChains(
    JSON.stringify({
      nftables: [
        { metainfo: { version: "1.0.6" } },
        { table: { family: "inet", name: "filter" } },
        set("peers", ["192.0.2.2", "192.0.2.3"]),
        set("nets", [{ prefix: { addr: "10.0.0.0", len: 8 } }, { range: ["192.0.2.7", "192.0.2.9"] }]),
        { chain: { family: "inet", table: "filter", name: "other" } },
        {
          chain: {
            family: "inet",
            table: "filter",
            name: "input",
            type: "filter",
            hook: "input",
            prio: 0,
            policy,
          },
        },
        ...other.map(rule("other")),
        ...rules.map(rule("input")),
      ],
    }),
  );
}

const packet: FilteredPacket = {
  ...{ protocol: "udp", ipVersion: 4, source: "192.0.2.2", destination: "192.0.2.1" },
  ...{ sourcePort: 1701, destinationPort: 1701, inputInterface: "eth0", connection: "new" },
};
const overIp: FilteredPacket = {
  ...{ protocol: "l2tp", ipVersion: 4, source: "192.0.2.2", destination: "192.0.2.1" },
  ...{ inputInterface: "eth0", connection: "new" },
};

/** The text of what is done, "passes" or "policy". */
function fate(all: readonly FilterChain[], of: FilteredPacket = packet): string {
  const verdict = filterVerdict(all, "input", "filter", of);
  if (verdict === undefined) return "passes";
  return verdict.rule === undefined ? "policy" : verdict.rule.text;
}

/** TABLE: rules in front of an accept of everything, and what becomes of the packet. */
const cases: readonly (readonly [string, readonly object[], FilteredPacket, string])[] = [
  ["its port", [match(payload("udp", "dport"), 1701), drop], packet, "udp dport 1701 drop"],
  ["another port", [match(payload("udp", "dport"), 53), drop], packet, "passes"],
  ["not its port", [match(payload("udp", "dport"), 53, "!="), drop], packet, "udp dport != 53 drop"],
  [
    "ports with a range",
    [match(payload("udp", "dport"), { set: [53, { range: [1701, 1703] }] }), { counter: {} }, drop],
    packet,
    "udp dport { 53, 1701-1703 } drop",
  ],
  [
    "transport header",
    [match(payload("th", "dport"), 1701), { reject: null }],
    packet,
    "th dport 1701 reject",
  ],
  ["TCP", [match(payload("tcp", "dport"), 1701), drop], packet, "passes"],
  ["UDP of IP 115", [match(payload("udp", "dport"), 1701), drop], overIp, "passes"],
  ["IP 115", [match(payload("ip", "protocol"), "l2tp"), drop], overIp, "ip protocol l2tp drop"],
  ["IP 115 by number", [match(meta("l4proto"), 115), drop], overIp, "meta l4proto 115 drop"],
  ["IPv6 alone", [match(payload("ip6", "nexthdr"), "l2tp"), drop], overIp, "passes"],
  ["the family", [match(meta("nfproto"), "ipv6"), drop], packet, "passes"],
  ["a named set", [match(payload("ip", "saddr"), "@peers"), drop], packet, "ip saddr @peers drop"],
  ["a set that lacks it", [match(payload("ip", "saddr"), "@nets"), drop], packet, "passes"],
  ["a set that is not there", [match(payload("ip", "saddr"), "@gone"), drop], packet, "passes"],
  [
    "a prefix",
    [match(payload("ip", "saddr"), { prefix: { addr: "192.0.2.0", len: 24 } }), drop],
    packet,
    "ip saddr 192.0.2.0/24 drop",
  ],
  [
    "a range of addresses",
    [match(payload("ip", "saddr"), { range: ["192.0.2.1", "192.0.2.4"] }), drop],
    packet,
    "ip saddr 192.0.2.1-192.0.2.4 drop",
  ],
  ["its interface", [match(meta("iifname"), "eth*"), drop], packet, "iifname eth* drop"],
  ["another interface", [match(meta("iif"), "lo"), drop], packet, "passes"],
  ["a limit", [limit, drop], packet, "passes"],
  ["what is not understood", [match(meta("mark"), 5), drop], packet, "passes"],
  ["answers", [match(state, ["established", "related"], "in"), drop], packet, "passes"],
  ["a new connection", [match(state, "new", "in"), drop], packet, "ct state new drop"],
  [
    "a verdict map",
    [
      {
        vmap: {
          key: state,
          data: {
            set: [
              ["invalid", drop],
              ["new", drop],
              ["established", accept],
            ],
          },
        },
      },
    ],
    packet,
    "ct state new drop",
  ],
  [
    "a map of ports",
    [
      {
        vmap: {
          key: payload("udp", "dport"),
          data: {
            set: [
              [53, drop],
              [1701, accept],
            ],
          },
        },
      },
    ],
    packet,
    "passes",
  ],
  [
    "a wildcard that nft does not print",
    [match(meta("iifname"), { set: [{ range: ["", ""] }] }), drop],
    packet,
    "passes",
  ],
];

test.each(cases)("nft: %s", (_name, rule, of, expected) => {
  expect(fate(chains("accept", [rule]), of)).toBe(expected);
});

test("nft: an earlier rule that accepts comes before, and one that may accept leaves nothing certain", () => {
  const dropping = [match(payload("udp", "dport"), 1701), drop];
  expect(fate(chains("accept", [[match(payload("ip", "saddr"), "@peers"), accept], dropping]))).toBe(
    "passes",
  );
  expect(fate(chains("accept", [[limit, accept], dropping]))).toBe("passes");
  expect(fate(chains("accept", [[match(meta("mark"), 5), drop], dropping]))).toBe("udp dport 1701 drop");
  expect(fate(chains("drop", []))).toBe("policy");
  expect(fate(chains("drop", [[limit, accept]]))).toBe("passes");
  expect(fate(chains("drop", [[{ queue: { num: 1 } }]]))).toBe("passes");
});

test("nft: jumps come back, gotos do not, and circles end", () => {
  const jump = [{ jump: { target: "other" } }];
  const goto = [{ goto: { target: "other" } }];
  const its = [match(payload("udp", "dport"), 1701), drop];
  expect(fate(chains("accept", [jump], [its]))).toBe("udp dport 1701 drop");
  expect(fate(chains("accept", [jump, its], [[{ return: null }], [drop]]))).toBe("udp dport 1701 drop");
  expect(fate(chains("accept", [jump, [drop]], [[match(payload("udp", "dport"), 1701), accept]]))).toBe(
    "passes",
  );
  expect(fate(chains("drop", [goto, [accept]], []))).toBe("policy");
  expect(fate(chains("accept", [jump], [jump]))).toBe("passes");
  expect(fate(chains("accept", [[{ jump: { target: "absent" } }], [drop]]))).toBe("passes");
});

test("a second chain drops what the first one accepted", () => {
  const [, first] = chains("accept", [[accept]]);
  const [, second] = chains("drop", []);
  expect(fate([first!, { ...second!, priority: 10 }])).toBe("policy");
});

const save = `# Generated by iptables-save
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [1:2]
:OUTPUT ACCEPT [0:0]
:ours - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT ! -s 198.51.100.0/24 -j ours
-A ours -p udp -m multiport --dports 500,1700:1702 --comment "our own" -j REJECT --reject-with tcp-reset
-A ours -p 115 -j ACCEPT
COMMIT
`;

test("iptables-save is read with its chains, tables, ports, states and negations", () => {
  const all = iptablesChains(save, "iptables-legacy");
  expect(fate(all)).toMatch(/^-A ours -p udp .* -j REJECT/);
  expect(fate(all, { ...packet, connection: "established" })).toBe("passes");
  expect(fate(all, { ...packet, source: "198.51.100.7" })).toBe("policy");
  expect(fate(all, overIp)).toBe("passes");
  const out = { ...packet, outputInterface: "eth0", inputInterface: undefined };
  expect(filterVerdict(all, "postrouting", "nat", out)?.action).toEqual({ kind: "masquerade" });
  expect(filterVerdict(all, "output", "filter", out)).toBeUndefined();
});

test("commands are those of the program that keeps the rules", () => {
  const [, input] = chains("drop", []);
  const verdict = (base: Partial<FilterChain>, chain: Partial<FilterChain> = {}) => ({
    action: { kind: "drop" as const },
    base: { ...input!, ...base },
    chain: { ...input!, ...base, ...chain },
    rule: undefined,
  });
  expect(passCommands(verdict({}), overIp)).toEqual([
    "nft insert rule inet filter input ip saddr 192.0.2.2 meta l4proto 115 accept",
  ]);
  expect(
    passCommands(verdict({ hook: "output", name: "output" }), {
      ...packet,
      ipVersion: 6,
      destination: "2001:db8::2",
    }),
  ).toEqual(["nft insert rule inet filter output ip6 daddr 2001:db8::2 udp dport 1701 accept"]);
  expect(passCommands(verdict({ table: "firewalld" }), packet)).toEqual([
    "firewall-cmd --permanent --add-port=1701/udp",
    "firewall-cmd --reload",
  ]);
  expect(passCommands(verdict({}, { name: "ufw-user-input" }), packet)).toEqual([
    "ufw allow proto udp from 192.0.2.2 to any port 1701",
  ]);
  expect(passCommands(verdict({ program: "ip6tables-legacy", name: "INPUT" }), overIp)).toEqual([
    "ip6tables-legacy -t filter -I INPUT -s 192.0.2.2 -p 115 -j ACCEPT",
  ]);
});
