import { expect, test } from "vitest";
import { familiesOf, localEndOf, remoteEndOf } from "../../src/config/ends.ts";
import { configOf, linesOf } from "../support/configuration.ts";

const tunnelOf = (keys: string) => configOf(`tunnels:\n  t: { ${keys} }\n`).tunnels[0];
const problemOf = (keys: string) =>
  linesOf(`tunnels:\n  t: { ${keys} }\n`).map((line) => line.replace(/^\S+ /, ""));

const locals: readonly (readonly [string, object])[] = [
  ["local: 192.0.2.1", { kind: "address", address: "192.0.2.1" }],
  ["local: '2001:DB8::0:1'", { kind: "address", address: "2001:db8::1" }],
  ["local: wan0", { kind: "interface", name: "wan0" }],
  ["local: eth0.35", { kind: "interface", name: "eth0.35" }],
  ["local: dead", { kind: "interface", name: "dead" }],
  ["", { kind: "route" }],
];

test.each(locals)("our end: %s", (keys, end) => {
  const comma = keys === "" ? "" : ", ";
  expect(tunnelOf(`${keys}${comma}remote: hub.example`)?.local).toEqual(end);
});

const remotes: readonly (readonly [string, object])[] = [
  ["192.0.2.2", { kind: "address", address: "192.0.2.2" }],
  ["Hub.Example.net", { kind: "name", name: "hub.example.net" }],
  ["hub", { kind: "name", name: "hub" }],
  ["hub.example.net.", { kind: "name", name: "hub.example.net." }],
  ["_x.a-b.example", { kind: "name", name: "_x.a-b.example" }],
  ["3com.example", { kind: "name", name: "3com.example" }],
  ["dead.beef", { kind: "name", name: "dead.beef" }],
  ["any", { kind: "any", prefixes: [] }],
  [
    "{ any: [192.0.2.0/24, 2001:DB8::/32, 198.51.100.7] }",
    {
      kind: "any",
      prefixes: ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"],
    },
  ],
  ["{ any: [0.0.0.0/0] }", { kind: "any", prefixes: ["0.0.0.0/0"] }],
];

test.each(remotes)("the peer's end: %s", (written, end) => {
  expect(tunnelOf(`remote: ${written}, secret: { file: a }`)?.remote).toEqual(end);
});

const wanted = "wanted an IPv4 or IPv6 address, a DNS name, or any";
const wrong: readonly (readonly [string, string])[] = [
  ["remote: 192.0.2.300", `remote: ${wanted}`],
  ["remote: 192.0.2", `remote: ${wanted}`],
  ["remote: 192.0.2.2.3", `remote: ${wanted}`],
  ["remote: 192.0.2.x", `remote: ${wanted}`],
  ["remote: '2001:db8::g'", `remote: ${wanted}`],
  ["remote: hub.example.1", `remote: ${wanted}`],
  ["remote: hub_.example..net", `remote: ${wanted}`],
  ["remote: -hub.example", `remote: ${wanted}`],
  [`remote: ${"a".repeat(64)}.example`, `remote: ${wanted}`],
  [`remote: ${"a.".repeat(127)}example`, `remote: ${wanted}`],
  ["remote: ''", `remote: ${wanted}`],
  ["remote: 192.O.2.1", "remote: no address; did you mean 192.0.2.1?"],
  ["remote: 192.0.2.l", "remote: no address; did you mean 192.0.2.1?"],
  ["remote: '192,0,2,1'", "remote: no address; did you mean 192.0.2.1?"],
  ["remote: 192.0.2.1.", "remote: no address; did you mean 192.0.2.1?"],
  ["remote: '2001;db8::1'", "remote: no address; did you mean 2001:db8::1?"],
  ["remote: Any", "remote: did you mean any?"],
  ["remote: '*'", "remote: did you mean any?"],
  ["remote: 0.0.0.0", "remote: 0.0.0.0 stands for any address: write `any` for any peer"],
  ["remote: '::'", "remote: :: stands for any address: write `any` for any peer"],
  ["remote: hub.example:1701", "remote: write the name alone, and the port into remote_port"],
  ["remote: hüb.example", "remote: write a name with other letters than a to z as DNS has it (xn--...)"],
  ["remote: [192.0.2.1]", "remote: write the address without brackets"],
  ["remote: { prefixes: [192.0.2.0/24] }", "remote.prefixes: unknown key"],
  ["remote: { any: [] }", "remote.any: wanted a list of at least 1"],
  [
    "remote: { any: [192.0.2.1/24] }",
    "remote.any[0]: bits behind the prefix are set; did you mean 192.0.2.0/24?",
  ],
  ["remote: { any: [hub] }", "remote.any[0]: wanted a prefix such as 192.0.2.0/24 or 2001:db8::/32"],
  ["remote: hub, local: 192.0.2.l", "local: no address; did you mean 192.0.2.1?"],
  ["remote: hub, local: 192.0.2.300", "local: wanted an IPv4 or IPv6 address, or the name of an interface"],
  [
    "remote: hub, local: 0.0.0.0",
    "local: 0.0.0.0 stands for any address or this network: write the address of this end",
  ],
  ["remote: hub, local: all", "local: the kernel gives no interface the name all: choose another one"],
  [
    "remote: hub, local: any",
    "local: leave `local` out: then the route to the peer chooses the address; or write an interface's name",
  ],
  [
    "remote: hub, local: an-interface-with-a-long-name",
    "local: wanted an IPv4 or IPv6 address, or the name of an interface, which has up to 15 characters",
  ],
];

test.each(wrong)("%s is refused, and what was meant is said", (keys, message) => {
  expect(problemOf(`${keys}, secret: { file: a }`)).toContain(`tunnels.t.${message}`);
});

const between: readonly (readonly [string, readonly string[]])[] = [
  [
    "remote: any",
    ["remote: any needs a secret, by which a peer proves who it is: give secret: { file: PATH }"],
  ],
  [
    "remote: any, secret: { file: a }, authentication: integrity",
    [
      "remote: any needs a secret, by which a peer proves who it is: give secret: { file: PATH }",
      "secret: of no use with authentication integrity",
    ],
  ],
  [
    "remote: any, control: static",
    ["remote: any needs a control connection: with control: static the peer proves nothing"],
  ],
  [
    "remote: any, secret: { file: a }, role: initiator",
    ["role: with remote: any there is nobody to call; the peer opens the connection"],
  ],
  [
    "remote: any, secret: { file: a }, remote_port: 1701",
    ["remote_port: a peer of any address comes from a port of its own: leave it out"],
  ],
  ["local: 192.0.2.1, remote: '2001:db8::1'", ["remote: IPv6, but local is IPv4"]],
  [
    "local: 192.0.2.1, remote: { any: [2001:db8::/32] }, secret: { file: a }",
    ["remote: IPv6, but local is IPv4"],
  ],
  [
    "local: '2001:db8::1', remote: { any: [2001:db8::/32, 192.0.2.0/24] }, secret: { file: a }",
    ["remote: prefixes of IPv4 too, but local is IPv6"],
  ],
];

test.each(between)("%s is refused", (keys, messages) => {
  expect(problemOf(keys)).toEqual(messages.map((message) => `tunnels.t.${message}`));
});

test.each([
  "local: 192.0.2.1, remote: any, secret: { file: a }",
  "local: wan0, remote: '2001:db8::1'",
  "remote: hub.example, control: static",
])("%s is in order", (keys) => {
  expect(tunnelOf(keys)).toBeDefined();
});

/** Two tunnels from one end, each with what it has beside that. */
const twoTunnels = (one: string, other: string) => `tunnels:
  a: { local: wan0, secret: { file: a }, ${one} }
  b: { local: wan0, secret: { file: b }, ${other} }
`;
const ALIKE =
  "remote: nothing tells peers of this tunnel from those of tunnel a: give each a peer_host_name or " +
  "peer_router_id, which are looked at before any secret is";
const named = (key: string) =>
  `${key}: nothing tells peers of this tunnel from those of tunnel a, which has the same ${key}: give each ` +
  "another peer_host_name or peer_router_id, which are looked at before any secret is";

test.each([
  ["remote: any", "remote: any", ALIKE],
  ["remote: any, peer_host_name: x", "remote: any, peer_host_name: x", named("peer_host_name")],
  [
    "remote: any, peer_router_id: 192.0.2.1",
    "remote: any, peer_router_id: 3221225985",
    named("peer_router_id"),
  ],
  ["remote: { any: [192.0.2.0/24, 198.51.100.0/24] }", "remote: { any: [192.0.2.0/24] }", ALIKE],
  ["remote: hub.example", "remote: hub.example", "remote: tunnel a has the same ends"],
  [
    "remote: 192.0.2.1, peer_host_name: x",
    "remote: 192.0.2.1, peer_host_name: x",
    "remote: tunnel a has the same ends",
  ],
])("%s and %s from one end are refused", (one, other, message) => {
  expect(linesOf(twoTunnels(one, other)).map((line) => line.replace(/^3:\d+ tunnels\.b\./, ""))).toEqual([
    message,
  ]);
});

test.each([
  ["remote: any", "remote: any, peer_host_name: x"],
  ["remote: any, peer_host_name: x", "remote: any, peer_host_name: x, peer_router_id: 7"],
  ["remote: any", "remote: { any: [192.0.2.0/24] }"],
  ["remote: { any: [192.0.2.0/25] }", "remote: { any: [192.0.2.0/24] }"],
  ["remote: any", "remote: 192.0.2.1"],
  ["remote: any", "remote: any, local_port: 1702"],
  ["remote: any", "remote: any, encapsulation: ip"],
  ["remote: 192.0.2.1, peer_host_name: x", "remote: 192.0.2.1, peer_host_name: y"],
  ["remote: 192.0.2.1", "remote: 192.0.2.1, peer_host_name: y"],
])("%s and %s from one end are told apart", (one, other) => {
  expect(configOf(twoTunnels(one, other)).tunnels.length).toBe(2);
});

test("the families of an end", () => {
  expect(familiesOf(localEndOf("wan0"))).toEqual([4, 6]);
  expect(familiesOf(localEndOf("2001:db8::1"))).toEqual([6]);
  expect(familiesOf(remoteEndOf("any"))).toEqual([4, 6]);
  expect(familiesOf(remoteEndOf({ any: ["2001:db8::/32", "192.0.2.0/24"] }))).toEqual([4, 6]);
});
