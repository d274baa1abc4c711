import { expect, test } from "vitest";
import { natRules } from "../../../src/lab/network/nat.ts";
import { topologyOf } from "../../support/topology-text.ts";

/** The rules of a router with NAT. */
function rules(nat: string, lcces = "in: { wan: { home: [192.168.1.2/24, 'fd01::2/64'] }, run: a }"): string {
  const topology = topologyOf(`
networks: { internet: {} }
lans: { home: {} }
routers:
  cpe: { ports: { home: 192.168.1.1/24, internet: 203.0.113.9/24 }, nat: { out: internet, ${nat} } }
lcces: { ${lcces} }
`);
  const [router] = topology.routers;
  if (router === undefined) throw new Error("no router");
  return natRules(router, topology);
}

test("sources become the router's address, by random ports if wanted", () => {
  expect(rules("")).toContain('oifname "internet" masquerade\n');
  expect(rules("random_ports: true")).toContain('oifname "internet" masquerade random,fully-random\n');
});

test.each([
  ["udp 1701 -> 192.168.1.9", "ipv4 udp dport 1701 dnat ip to 192.168.1.9"],
  ["tcp 80 -> 192.168.1.9:8080", "ipv4 tcp dport 80 dnat ip to 192.168.1.9:8080"],
  ["udp 1701 -> fd01::9", "ipv6 udp dport 1701 dnat ip6 to fd01::9"],
  ["udp 1701 -> [fd01::9]:1702", "ipv6 udp dport 1701 dnat ip6 to [fd01::9]:1702"],
  ["ip 115 -> 192.168.1.9", "ipv4 meta l4proto 115 dnat ip to 192.168.1.9"],
])("%s is forwarded", (text, rule) => {
  expect(rules(`forward: ["${text}"]`)).toContain(
    `iifname "internet" fib daddr type local meta nfproto ${rule}\n`,
  );
});

test("without an address it goes to the LCCE behind the router, of either family", () => {
  const text = rules('forward: ["udp 1701"]');
  expect(text).toContain("udp dport 1701 dnat ip to 192.168.1.2\n");
  expect(text).toContain("udp dport 1701 dnat ip6 to fd01::2\n");
});

test.each([
  ["there is no LCCE", "out: { wan: { internet: 203.0.113.2/24 }, run: a }"],
  [
    "there is a and b",
    "a: { wan: { home: 192.168.1.2/24 }, run: a }, b: { wan: { home: 192.168.1.3/24 }, run: a }",
  ],
])("without an address it is refused where %s", (what, lcces) => {
  expect(() => rules('forward: ["udp 1701"]', lcces)).toThrow(`router cpe: ${what}; write the address`);
});
