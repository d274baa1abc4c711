import { expect, test } from "vitest";
import { canonicalAddress } from "../../src/bytes/ip-address.ts";
import { hashOf, routerIdOf } from "../../src/config/address.ts";
import { nearest } from "../../src/config/nearest.ts";
import { staticSessionOf } from "../../src/daemon/settings.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { configOf, configText, linesOf, marksOf, staticText } from "../support/configuration.ts";

const T = "tunnels.branch";
const P = "tunnels.branch.pseudowires.lan";

/** What the file has, and what is said of it. */
const inOneTunnel: readonly (readonly [string, string, readonly string[]])[] = [
  ["another family", "remote: 2001:db8::1", [`IPv6, but local is IPv4: ${T}.remote <2001:db8::1>`]],
  [
    "ports over IP",
    "remote: 1.1.1.1\n    encapsulation: ip\n    local_port: 1701\n    remote_port: 1702",
    [
      `IP protocol 115 has no ports: ${T}.local_port <1701>`,
      `IP protocol 115 has no ports: ${T}.remote_port <1702>`,
    ],
  ],
  [
    "a secret from two places",
    "remote: 1.1.1.1\n    secret: { file: a, env: B }",
    [`wanted exactly one of file, credential, env: ${T}.secret <secret:>`],
  ],
  [
    "a secret from nowhere",
    "remote: 1.1.1.1\n    secret: {}",
    [`wanted exactly one of file, credential, env: ${T}.secret <secret:>`],
  ],
  [
    "a secret without a use",
    "remote: 1.1.1.1\n    secret: { env: A }\n    authentication: integrity",
    [`of no use with authentication integrity: ${T}.secret <secret:>`],
  ],
  [
    "a next secret alone",
    "remote: 1.1.1.1\n    authentication: digest\n    next_secret: { env: A }",
    [`needs secret too: ${T}.next_secret <next_secret:>`],
  ],
  [
    "digests without a secret",
    "remote: 1.1.1.1\n    authentication: digest\n    hide_avps: true",
    [
      `digest needs a secret, the same at both ends: give secret: { file: PATH }; without any, integrity ` +
        `finds damage and proves nothing else: ${T}.authentication <digest>`,
    ],
  ],
  [
    "hiding without a secret",
    "remote: 1.1.1.1\n    hide_avps: true",
    [`needs authentication by digest, with a secret: ${T}.hide_avps <true>`],
  ],
  [
    "a peer's router id in words",
    "remote: 1.1.1.1\n    peer_router_id: branch",
    [`wanted a dotted quad or a number: ${T}.peer_router_id <branch>`],
  ],
  [
    "a first pause above the longest",
    "remote: 1.1.1.1\n    retransmit_initial_ms: 9000\n    reconnect_cap_s: 0.5",
    [
      `more than retransmit_cap_ms, which is 8000: ${T}.retransmit_initial_ms <9000>`,
      `more than reconnect_cap_s, which is 0.5: ${T}.reconnect_initial_s <branch:>`,
    ],
  ],
];

const P4623 =
  "tunnels:\n  branch:\n    local: 192.0.2.1\n    remote: 192.0.2.2\n    fragmentation: pseudowire\n";

test("RFC 4623: fragments turn on what they need, and what is in their way is named", () => {
  const of = (keys: string, control = "") =>
    `${P4623}${control}    pseudowires: { lan: { circuit: { tap: p }${keys} } }\n`;
  const [tunnel] = configOf(of(", mtu: 9000")).tunnels;
  expect(tunnel?.pseudowires[0]).toMatchObject({ sublayer: "default", sequencing: "all", mrru: 9022 });
  expect(marksOf(of(", sublayer: none"))).toEqual([
    "fragmentation: pseudowire needs sublayer: default, which tells fragments: leave it out: " +
      `${P}.sublayer <none>`,
  ]);
  for (const sequencing of ["none", "non-ip"])
    expect(marksOf(of(`, sequencing: ${sequencing}`))).toEqual([
      "fragmentation: pseudowire needs sequencing: all, by which lost fragments are noticed: leave it out: " +
        `${P}.sequencing <${sequencing}>`,
    ]);
  const ids = "static: { local_session_id: 1, remote_session_id: 2";
  const [fixed] = configOf(of(`, ${ids} }`, "    control: static\n")).tunnels;
  expect(fixed?.pseudowires[0]?.staticSession).toMatchObject({
    transmitSublayer: "default",
    transmitSequencing: "all",
  });
  expect(marksOf(of(`, ${ids}, transmit_sublayer: none }`, "    control: static\n"))).toContain(
    `fragmentation: pseudowire needs default: leave it out: ${P}.static.transmit_sublayer <none>`,
  );
  const [outer] = configOf(of("").replace("    fragmentation: pseudowire\n", "")).tunnels;
  expect(outer?.pseudowires[0]).toMatchObject({ sublayer: "none", sequencing: "none" });
  expect(outer?.pseudowires[0]).not.toHaveProperty("mrru");
});

test.each(inOneTunnel)("a tunnel with %s", (_name, keys, expected) => {
  const text = `tunnels:\n  branch:\n    ${keys}\n    local: 192.0.2.1\n`;
  expect(new Set(marksOf(text))).toEqual(new Set(expected));
});

const notAnEnd: readonly (readonly [string, string])[] = [
  ['"[2001:db8::1]"', "write the IPv6 address without brackets"],
  ["[2001:db8::1]", "write the address without brackets"],
  [
    '"[2001:db8::1]:1701"',
    "write the IPv6 address without brackets, and the port into local_port or remote_port",
  ],
  ["192.0.2.1/24", "write the address without the prefix length behind the slash"],
  ["2001:db8::1/64", "write the address without the prefix length behind the slash"],
  ["192.0.2.1:1702", "write the address alone, and the port into local_port or remote_port"],
  [
    "fe80::1%eth0",
    "an IPv6 address with a zone (%) cannot be used: give both ends an address that is not link-local",
  ],
  ["'::ffff:192.0.2.1'", "write an IPv4 address in IPv6 as the IPv4 address alone"],
  ["224.0.0.1", "224.0.0.1 is a multicast address: a tunnel has one peer, at a unicast address"],
  ["239.1.2.3", "239.1.2.3 is a multicast address: a tunnel has one peer, at a unicast address"],
  ["ff02::1", "ff02::1 is a multicast address: a tunnel has one peer, at a unicast address"],
  [
    "255.255.255.255",
    "255.255.255.255 is a broadcast or reserved address: a tunnel has one peer, at a unicast address",
  ],
  [
    "fe80::1",
    "fe80::1 is link-local, and says nothing without its interface: give both ends another address",
  ],
  [
    "febf::1",
    "febf::1 is link-local, and says nothing without its interface: give both ends another address",
  ],
];

test.each(notAnEnd)("%s is the address of no end, and what to write is said", (written, message) => {
  for (const key of ["local", "remote"]) {
    const other = key === "local" ? "remote: 192.0.2.2" : "local: 192.0.2.1";
    const text = `tunnels:\n  branch:\n    ${key}: ${written}\n    ${other}\n    unknown_key: 1\n`;
    expect(linesOf(text)).toEqual([
      `3:${key.length + 7} tunnels.branch.${key}: ${message}`,
      "5:5 tunnels.branch.unknown_key: unknown key",
    ]);
  }
});

test.each(["192.0.2.1", "10.0.0.255", "127.0.0.1", "2001:db8::", "fd00::1", "::1", "223.255.255.255"])(
  "%s may be the address of an end",
  (address) => {
    const other = address.includes(":") ? "2001:db8::99" : "198.51.100.7";
    const text = `tunnels: { t: { local: "${address}", remote: "${other}" } }`;
    expect(configOf(text).tunnels[0]?.local).toEqual({ kind: "address", address });
  },
);

test.each([
  ["the same address and port", "local: 192.0.2.1, remote: 192.0.2.1", false],
  ["the same port written out at one end", "local: 192.0.2.1, remote: 192.0.2.1, remote_port: 1701", false],
  ["the same address over IP", "local: 2001:db8::1, remote: '2001:DB8:0::1', encapsulation: ip", false],
  ["another port of the same machine", "local: 192.0.2.1, remote: 192.0.2.1, remote_port: 1702", true],
])("a tunnel to itself is refused: %s", (_name, keys, isRight) => {
  const text = `tunnels:\n  t: { ${keys} }\n`;
  if (isRight) expect(configOf(text).tunnels.length).toBe(1);
  else
    expect(linesOf(text)).toEqual([
      expect.stringContaining("tunnels.t.remote: the same as local: a tunnel leads to another LCCE"),
    ]);
});

test("secrets are of no use to a tunnel without control connection", () => {
  const text = staticText("").replace("control: static", "control: static\n    secret: { env: A }");
  expect(marksOf(text)).toEqual([`of no use with control: static: ${T}.secret <secret:>`]);
  const digest = staticText("").replace("control: static", "control: static\n    authentication: digest");
  expect(marksOf(digest)).toEqual([`of no use with control: static: ${T}.authentication <digest>`]);
});

const inOnePseudowire: readonly (readonly [
  string,
  { circuit?: string; pseudowire?: string },
  readonly string[],
])[] = [
  [
    "two devices",
    { circuit: "interface: eth1, tap: tap0" },
    [`wanted either interface or tap: ${P}.circuit <circuit:>`],
  ],
  ["no device", { circuit: "vlan: 5" }, [`wanted either interface or tap: ${P}.circuit <circuit:>`]],
  [
    "the loopback interface",
    { circuit: "interface: lo" },
    [`lo is the machine's own loopback, not an Ethernet interface: ${P}.circuit.interface <lo>`],
  ],
  [
    "an interface in a bridge",
    { circuit: "interface: eth1, bridge: br0" },
    [`only a TAP device is put into a bridge by us: ${P}.circuit.bridge <br0>`],
  ],
  [
    "the carrier of an interface",
    { circuit: "interface: eth1, follow_peer: carrier" },
    [
      "the carrier of an interface is not ours to switch; wanted link-down or none: " +
        `${P}.circuit.follow_peer <carrier>`,
    ],
  ],
  [
    "a TAP device that is switched off",
    { circuit: "tap: tap0, follow_peer: link-down" },
    [`only an interface is switched off; wanted carrier or none: ${P}.circuit.follow_peer <link-down>`],
  ],
  [
    "a rewrite of no VLAN",
    { circuit: "interface: eth1, vlan_on_pseudowire: 5" },
    [`needs vlan too: ${P}.circuit.vlan_on_pseudowire <5>`],
  ],
  [
    "the type of another circuit",
    { pseudowire: "type: ethernet-vlan" },
    [
      `a VLAN pseudowire needs circuit.vlan; for a whole port use type: ethernet at both ends: ${P}.type ` +
        `<ethernet-vlan>`,
    ],
  ],
  [
    "numbers without room for them",
    { pseudowire: "sequencing: all" },
    [`needs sublayer: default, which carries the numbers: ${P}.sequencing <all>`],
  ],
  [
    "static ids in a negotiated tunnel",
    { pseudowire: "static: { local_session_id: 1, remote_session_id: 2 }" },
    [`only in a tunnel with control: static: ${P}.static <static:>`],
  ],
  [
    "a device name with a slash",
    { circuit: "interface: a/b" },
    [`an interface name is US-ASCII without blanks, slash, colon and percent: ${P}.circuit.interface <a/b>`],
  ],
  [
    "a device name that the kernel would complete",
    { circuit: "tap: tap%d" },
    [`an interface name is US-ASCII without blanks, slash, colon and percent: ${P}.circuit.tap <tap%d>`],
  ],
  ["no device name", { circuit: 'interface: ""' }, [`must not be empty: ${P}.circuit.interface <"">`]],
];

test.each(inOnePseudowire)("a pseudowire with %s", (_name, keys, expected) => {
  expect(marksOf(configText(keys))).toEqual(expected);
});

test("a peer is followed by its cookies in static tunnels alone, with cookies of 8 octets", () => {
  const withFollow = (value: string, keys: string) =>
    staticText(keys).replace("control: static", `control: static\n    follow: ${value}`);
  const short = "follow: cookie needs 8 octets, 16 hexadecimal digits: a shorter one can be guessed";
  for (const keys of ["", "receive_cookie: 01020304"])
    expect(marksOf(withFollow("cookie", keys))).toEqual([expect.stringContaining(short)]);
  expect(configOf(withFollow("cookie", "receive_cookie: 0102030405060708")).tunnels[0]?.follow).toBe(
    "cookie",
  );
  expect(configOf(withFollow("none", "")).tunnels[0]?.follow).toBe("none");
  expect(marksOf(configText({ tunnel: "follow: cookie" }))).toEqual([
    expect.stringContaining("only with control: static; a control connection follows by itself"),
  ]);
});

test("RFC 5085 §6.3: vccv is on with the sublayer, and on static sessions where it is set", () => {
  const of = (keys: string) => configOf(configText({ pseudowire: keys })).tunnels[0]?.pseudowires[0]?.vccv;
  expect(of("mtu: 1500")).toBe("off");
  expect(of("sublayer: default")).toBe("echo");
  expect(of("sublayer: default\n        vccv: off")).toBe("off");
  expect(marksOf(configText({ pseudowire: "vccv: echo" }))).toEqual([
    `needs sublayer: default, whose V bit marks its messages: ${P}.vccv <echo>`,
  ]);
  const path: PsnPath = {
    ...{ encapsulation: "udp", localAddress: "192.0.2.1", localPort: 1701 },
    ...{ remoteAddress: "192.0.2.2", remotePort: 1701 },
  };
  const fixed = (keys: string) => {
    const [pseudowire] = configOf(staticText("", keys)).tunnels[0]?.pseudowires ?? [];
    return pseudowire && staticSessionOf(pseudowire, path);
  };
  expect(fixed("sublayer: default")).not.toHaveProperty("vccvControlChannel");
  const agreed = { vccvControlChannel: "l2-specific-sublayer", vccvEcho: true };
  expect(fixed("sublayer: default\n        vccv: echo")).toMatchObject(agreed);
  expect(marksOf(staticText("transmit_sublayer: none", "sublayer: default\n        vccv: echo"))).toEqual([
    `vccv: echo needs default: leave it out: ${P}.static.transmit_sublayer <none>`,
  ]);
});

test("static tunnels need static pseudowires with numbers that fit their sublayers", () => {
  expect(marksOf(configText({ tunnel: "control: static" }))).toEqual([
    `needs static: with ids and cookies: ${P} <lan:>`,
  ]);
  expect(marksOf(staticText("transmit_sequencing: all"))).toEqual([
    `needs transmit_sublayer: default: ${P}.static.transmit_sequencing <all>`,
  ]);
  const receiving = "sublayer: default\n        sequencing: all";
  expect(marksOf(staticText("transmit_sublayer: none", receiving))).toEqual([
    `needs transmit_sublayer: default: ${P}.static.transmit_sequencing <static:>`,
  ]);
  const { staticSession } = configOf(staticText("", receiving)).tunnels[0]!.pseudowires[0]!;
  expect([staticSession?.transmitSublayer, staticSession?.transmitSequencing]).toEqual(["default", "all"]);
});

/** Two tunnels, the pseudowires of each given as `name: keys`. */
function two(first: string, second: string, keys = ""): string {
  return `tunnels:
  one: { local: "2001:db8::1", remote: "2001:db8::2", pseudowires: { ${first} } }
  two: { local: "2001:DB8:0::1", remote: "2001:db8::3"${keys}, pseudowires: { ${second} } }
`;
}

/** What is said of a key of tunnel `two` that is not as in tunnel `one`, of the same socket. */
function shared(first: string, second: string): string {
  const [key, value] = second.split(": ");
  return (
    `tunnel one, from 2001:DB8:0::1 too, shares the socket and says ${first}: set ${second} for all ` +
    "of them, in `tunnel` of `defaults`, or give this tunnel another local_port: " +
    `tunnels.two.${key} <${value}>`
  );
}

const across: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "the same ends in other words",
    two("", "").replace("db8::3", "db8:0:0::2"),
    ['tunnel one has the same ends: tunnels.two.remote <"2001:db8:0:0::2">'],
  ],
  [
    "a socket with two opinions",
    two("", "", ", fragmentation: none"),
    [shared("outer", "fragmentation: none")],
  ],
  [
    "one socket with two values of udp_checksum, gso or control_dscp",
    two("", "", ", udp_checksum: zero, gso: segment, control_dscp: 48"),
    [shared("auto", "udp_checksum: zero"), shared("auto", "gso: segment"), shared("0", "control_dscp: 48")],
  ],
  [
    "a name twice",
    two("a: { circuit: { tap: t1 } }", "a: { circuit: { tap: t2 } }"),
    [
      'tunnel one has a pseudowire of this name: give it another name and write remote_end_id: "a", by ' +
        "which the peer calls it: tunnels.two.pseudowires.a <a:>",
    ],
  ],
  [
    "a name twice, with a remote end id",
    two("a: { circuit: { tap: t1 } }", "a: { circuit: { tap: t2 }, remote_end_id: b }"),
    ["tunnel one has a pseudowire of this name: give it another name: tunnels.two.pseudowires.a <a:>"],
  ],
  [
    "a remote end id twice",
    two("a: { circuit: { tap: t1 } }, b: { remote_end_id: a, circuit: { tap: t2 } }", ""),
    ["pseudowire a has the same: tunnels.one.pseudowires.b.remote_end_id <a>"],
  ],
  [
    "one port twice",
    two("a: { circuit: { tap: t } }", "b: { circuit: { tap: t } }"),
    ["t is used by pseudowire a too: tunnels.two.pseudowires.b.circuit.tap <t>"],
  ],
  [
    "a VLAN of a whole port",
    two("a: { circuit: { tap: t } }", "b: { circuit: { tap: t, vlan: 5 } }"),
    ["t is used as a whole by pseudowire a: tunnels.two.pseudowires.b.circuit.tap <t>"],
  ],
  [
    "a port of which a VLAN is taken",
    two("a: { circuit: { tap: t, vlan: 5 } }", "b: { circuit: { tap: t } }"),
    ["t is used by pseudowire a too: tunnels.two.pseudowires.b.circuit.tap <t>"],
  ],
  [
    "one VLAN twice",
    two("a: { circuit: { tap: t, vlan: 5 } }", "b: { circuit: { tap: t, vlan: 5 } }"),
    ["pseudowire a carries this VLAN of t: tunnels.two.pseudowires.b.circuit.vlan <5>"],
  ],
  [
    "a device of two kinds",
    two("a: { circuit: { tap: t, vlan: 5 } }", "b: { circuit: { interface: t, vlan: 6 } }"),
    ["t is used as interface and as tap: tunnels.two.pseudowires.b.circuit.interface <t>"],
  ],
  [
    "a TAP device in two bridges",
    two("a: { circuit: { tap: t, vlan: 5, bridge: x } }", "b: { circuit: { tap: t, vlan: 6 } }"),
    ["another pseudowire puts t into x: tunnels.two.pseudowires.b.circuit <circuit:>"],
  ],
  [
    "a TAP device that follows in two ways",
    two("a: { circuit: { tap: t, vlan: 5 } }", "b: { circuit: { tap: t, vlan: 6, follow_peer: none } }"),
    ["another pseudowire on t has carrier: tunnels.two.pseudowires.b.circuit.follow_peer <none>"],
  ],
];

test.each(across)("%s across pseudowires", (_name, text, expected) => {
  expect(marksOf(text)).toEqual(expected);
});

test("one session id in two static tunnels", () => {
  const pseudowire = (name: string) =>
    `${name}: { circuit: { tap: ${name} }, static: { local_session_id: 7, remote_session_id: 7 } }`;
  const text = two(pseudowire("a"), pseudowire("b")).replaceAll("local:", "control: static, local:");
  expect(marksOf(text)).toEqual([
    "pseudowire a has it: tunnels.two.pseudowires.b.static.local_session_id <7>",
  ]);
});

test("VLANs of both kinds of tag share a device with each other and with nobody else", () => {
  const pseudowires =
    "a: { circuit: { tap: t, vlan: 5 } }, b: { circuit: { tap: t, vlan: 5, vlan_protocol: 802.1ad } }";
  expect(configOf(two(pseudowires, "c: { circuit: { tap: t, vlan: 6 } }")).tunnels.length).toBe(2);
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["2001:DB8::0:1", "2001:db8::1"],
  ["::", "::"],
  ["192.0.02.1", undefined],
  ["256.0.0.1", undefined],
  ["192.0.2", undefined],
  ["fe80::1%eth0", undefined],
  ["::ffff:192.0.2.1", undefined],
  ["::ffff:c000:201", undefined],
  ["1::2::3", undefined],
  ["::1]:80/[::", undefined],
  ["", undefined],
])("the address %s is %s", (text, canonical) => {
  expect(canonicalAddress(text)?.text).toBe(canonical);
});

test("router ids are quads or numbers, and a name makes one that is never 0", () => {
  expect([routerIdOf("192.0.2.1"), routerIdOf(7), routerIdOf("7")]).toEqual([0xc0000201, 7, undefined]);
  expect(hashOf("a")).toBe(0xe40c292c);
  // A name whose FNV-1a hash is 0.
  expect(hashOf("%(nd2 ")).toBe(1);
});

test("the nearest candidate is the one with the fewest edits, if there are few", () => {
  expect(nearest("helo", ["hello", "held"])).toBe("hello");
  expect(nearest("x", ["hello"])).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});

test("neither an unknown key nor a bad name hides the other problems of its mapping", () => {
  const text = `lcce:
  hostname: x
  router_id: 1.2.3.400
tunnels:
  hq:
    local: 192.0.2.1
    remote: 192.0.2.2
    pseudowires:
      office lan: { mtu: 3, circuit: { tap: longer_than_fifteen, vlan: 9999 }, bogus: 1 }
      cellar lan: { circuit: { bridge: br0, interface: eth1, vlan_on_pseudowire: 3 }, sequencing: all }
  the branch:
    local: 192.0.2.1
    remote: 192.0.2.3
    hide_avps: true
    pseudowires:
      a b: { circuit: { vlan: 7 } }
`;
  const places = linesOf(text).map((line) => line.split(": ")[0]);
  expect(places).toEqual([
    "2:3 lcce.hostname",
    "3:14 lcce.router_id",
    "9:7 tunnels.hq.pseudowires.office lan",
    "9:26 tunnels.hq.pseudowires.office lan.mtu",
    "9:45 tunnels.hq.pseudowires.office lan.circuit.tap",
    "9:72 tunnels.hq.pseudowires.office lan.circuit.vlan",
    "9:80 tunnels.hq.pseudowires.office lan.bogus",
    "10:7 tunnels.hq.pseudowires.cellar lan",
    "10:40 tunnels.hq.pseudowires.cellar lan.circuit.bridge",
    "10:82 tunnels.hq.pseudowires.cellar lan.circuit.vlan_on_pseudowire",
    "10:99 tunnels.hq.pseudowires.cellar lan.sequencing",
    "11:3 tunnels.the branch",
    "14:16 tunnels.the branch.hide_avps",
    "16:7 tunnels.the branch.pseudowires.a b",
    "16:14 tunnels.the branch.pseudowires.a b.circuit",
  ]);
});
