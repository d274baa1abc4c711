import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import {
  circuitFields,
  configFields,
  portFields,
  pseudowireFields,
  staticFields,
  tunnelFields,
} from "../../src/config/fields.ts";
import { formatPlan, planChange } from "../../src/config/plan.ts";
import { configOf, configText, staticText } from "../support/configuration.ts";

function planOf(before: string, after: string): string {
  return formatPlan(planChange(configOf(before), configOf(after)));
}

/** Two tunnels, the second with these keys in front and these pseudowires. */
function twoTunnels(keys = "", pseudowires = "b: { circuit: { tap: b } }", top = ""): string {
  return `lcce: { host_name: here, router_id: 1${top} }
tunnels:
  one: { local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { a: { circuit: { tap: a } } } }
  two: { local: 192.0.2.1, remote: 192.0.2.3, ${keys}pseudowires: { ${pseudowires} } }
`;
}

test("nothing changes between equal files, whatever their looks", () => {
  expect(planOf(twoTunnels(), twoTunnels())).toBe("nothing changes");
  const other = `# another text\n${twoTunnels("role: either, encapsulation: udp, ")}`;
  expect(planOf(twoTunnels(), other)).toBe("nothing changes");
  expect(planChange(configOf(twoTunnels()), configOf(other))).toEqual([]);
});

/** What changes in the second tunnel of two; the first is in no plan. */
const changes: readonly (readonly [string, string, string])[] = [
  ["a timer", twoTunnels("hello_interval_s: 30, "), "update tunnel two\n    hello_interval_s: 5 -> 30"],
  [
    "several timers",
    twoTunnels("retransmit_limit: 3, reconnect_cap_s: 5, "),
    "update tunnel two\n    retransmit_limit: 10 -> 3\n    reconnect_cap_s: 60 -> 5",
  ],
  [
    "the encapsulation",
    twoTunnels("encapsulation: ip, "),
    "replace tunnel two\n    encapsulation: udp -> ip\n    local_port: 1701 -> (none)\n    remote_port: " +
      "1701 -> (none)",
  ],
  [
    "a timer and more",
    twoTunnels("hello_interval_s: 30, role: initiator, "),
    "replace tunnel two\n    role: either -> initiator\n    hello_interval_s: 5 -> 30",
  ],
  [
    "a secret",
    twoTunnels("secret: { file: /etc/key }, "),
    "replace tunnel two\n    authentication: none -> digest\n" +
      "    secret: (none) -> { file: /etc/key }\n    roaming: off -> control",
  ],
  [
    "who the peer must be",
    twoTunnels("peer_host_name: other, "),
    "replace tunnel two\n    peer_host_name: (none) -> other",
  ],
  [
    "one more pseudowire",
    twoTunnels("", "b: { circuit: { tap: b } }, c: { circuit: { tap: c } }"),
    "create pseudowire c of tunnel two",
  ],
  ["no pseudowire", twoTunnels("", ""), "remove pseudowire b of tunnel two"],
  [
    "a pseudowire by another name",
    twoTunnels("", "c: { circuit: { tap: b } }"),
    "remove pseudowire b of tunnel two\ncreate pseudowire c of tunnel two",
  ],
  [
    "a pseudowire's mtu",
    twoTunnels("", "b: { circuit: { tap: b }, mtu: 1400 }"),
    "replace pseudowire b of tunnel two\n    mtu: 1500 -> 1400",
  ],
  [
    "a pseudowire's code point",
    twoTunnels("", "b: { circuit: { tap: b }, dscp: copy }"),
    "update pseudowire b of tunnel two\n    dscp: 0 -> copy",
  ],
  [
    "a pseudowire's largest MSS",
    twoTunnels("", "b: { circuit: { tap: b }, mss_clamp: off }"),
    "update pseudowire b of tunnel two\n    mss_clamp: auto -> off",
  ],
  [
    "what a pseudowire says of packets that are too big",
    twoTunnels("", "b: { circuit: { tap: b }, packet_too_big: answer }"),
    "update pseudowire b of tunnel two\n    packet_too_big: off -> answer",
  ],
  [
    "what a pseudowire takes for late",
    twoTunnels("", "b: { circuit: { tap: b }, sequencing_window: 1024, sequencing_reset: 10 }"),
    "update pseudowire b of tunnel two\n    sequencing_window: 8388608 -> 1024\n    sequencing_reset: 3 " +
      "-> 10",
  ],
  [
    "a pseudowire's code point and more",
    twoTunnels("", "b: { circuit: { tap: b }, dscp: ef, mtu: 1400 }"),
    "replace pseudowire b of tunnel two\n    mtu: 1500 -> 1400\n    dscp: 0 -> 46",
  ],
  [
    "a pseudowire's VLAN",
    twoTunnels("", "b: { circuit: { tap: b, vlan: 5 } }"),
    "replace pseudowire b of tunnel two\n    circuit.vlan: (none) -> 5\n    type: ethernet -> ethernet-vlan",
  ],
  [
    "a remote end id",
    twoTunnels("", "b: { circuit: { tap: b }, remote_end_id: 1 }"),
    "replace pseudowire b of tunnel two\n    remote_end_id: b -> 1",
  ],
  [
    "a timer and a pseudowire",
    twoTunnels("hello_interval_s: 0, ", "b: { circuit: { tap: b }, cookie: 4 }"),
    "update tunnel two\n    hello_interval_s: 5 -> 0\nreplace pseudowire b of tunnel two\n    cookie: 8 -> 4",
  ],
  ["a tunnel less", twoTunnels().replace(/ {2}two:.*\n/, ""), "remove tunnel two"],
  [
    "the control socket",
    twoTunnels("", undefined, ", control_socket: /tmp/s"),
    "update lcce here\n    control_socket: /run/wirespan/wirespan.sock -> /tmp/s (at the next start)",
  ],
  ["the log", `${twoTunnels()}log: { level: warn }\n`, "update log\n    level: info -> warn"],
  [
    "the log and what forwards",
    `plane: ebpf\n${twoTunnels("", undefined, ", control_socket: /tmp/s")}` +
      "log: { level: warn, format: json }\n",
    "update lcce here\n    control_socket: /run/wirespan/wirespan.sock -> /tmp/s (at the next start)\n" +
      "update keys at the top of the file\n    plane: auto -> ebpf (at the next start)\n" +
      "update log\n    format: auto -> json (at the next start)\n    level: info -> warn",
  ],
];

/** The name of a tunnel is of this machine alone. */
const renames: typeof changes = [
  ["a tunnel by another name", twoTunnels().replace("two:", "three:"), "rename tunnel two to three"],
  [
    "a tunnel by another name with another timer",
    twoTunnels("hello_interval_s: 0, ").replace("two:", "three:"),
    "rename tunnel two to three\nupdate tunnel three\n    hello_interval_s: 5 -> 0",
  ],
  [
    "a tunnel by another name, to another peer",
    twoTunnels().replace("two:", "three:").replace("192.0.2.3", "192.0.2.4"),
    "remove tunnel two\ncreate tunnel three",
  ],
  [
    "a tunnel by another name that is to be set up anew",
    twoTunnels("role: initiator, ").replace("two:", "three:"),
    "remove tunnel two\ncreate tunnel three",
  ],
  [
    "a tunnel by another name with other pseudowires",
    twoTunnels("", "b: { circuit: { tap: b }, dscp: 46 }, c: { circuit: { tap: c } }").replace(
      "two:",
      "three:",
    ),
    "rename tunnel two to three\nupdate pseudowire b of tunnel three\n    dscp: 0 -> 46\ncreate " +
      "pseudowire c of tunnel three",
  ],
  [
    "two tunnels that exchange their names",
    twoTunnels().replace("one:", "x:").replace("two:", "one:").replace("x:", "two:"),
    "rename tunnel one to two\nrename tunnel two to one",
  ],
  [
    "a tunnel less, and its name for the other one",
    twoTunnels()
      .replace(/ {2}one:.*\n/, "")
      .replace("two:", "one:"),
    "remove tunnel one\nrename tunnel two to one",
  ],
];

test.each([...changes, ...renames])("only what changed is touched: %s", (_name, after, plan) => {
  expect(planOf(twoTunnels(), after)).toBe(plan);
});

test.each(changes.filter(([name]) => /tunnel less|pseudowire( by)?|one more/.test(name)))(
  "and back again: %s",
  (_name, after) => {
    const back = planChange(configOf(after), configOf(twoTunnels()));
    expect(back.length).toBeGreaterThan(0);
    for (const step of back) expect([step.name, step.tunnel]).toContain("two");
  },
);

test("other members of a circuit that has several are told, in the order of their priorities", () => {
  const one = configOf(twoTunnels("", "b: { circuit: { tap: b, vlan: 5 } }"));
  const [first, second] = one.forwarders;
  const members = [
    { pseudowire: "backup", priority: 2 },
    { pseudowire: "b", priority: 1 },
  ];
  const redundant: Config = {
    ...one,
    forwarders: [first!, { ...second!, mode: "redundant", members }],
  };
  const update = "update forwarder of b vlan 5\n    members:";
  expect(formatPlan(planChange(one, redundant))).toBe(`${update} b -> b, backup`);
  expect(formatPlan(planChange(redundant, one))).toBe(`${update} b, backup -> b`);
  const exchanged = members.map((member) => ({ ...member, priority: -member.priority }));
  const other = { ...redundant, forwarders: [first!, { ...redundant.forwarders[1]!, members: exchanged }] };
  expect(formatPlan(planChange(redundant, other))).toBe(`${update} b, backup -> backup, b`);
  expect(planChange(redundant, { ...redundant })).toEqual([]);
});

test("another name or router id of ours is told to every peer: all is made anew", () => {
  const after = twoTunnels("hello_interval_s: 30, ").replace("router_id: 1", "router_id: 2");
  expect(planOf(twoTunnels(), after)).toBe(
    "replace lcce here: all tunnels start again, for every peer is told\n" +
      "    router_id: 0.0.0.1 -> 0.0.0.2\n" +
      "update tunnel two\n    hello_interval_s: 5 -> 30",
  );
});

test("a router id that is not in the file is said to come from what is", () => {
  const without = (text: string) => text.replace(", router_id: 1", "");
  const moved = twoTunnels().replace("one: { local: 192.0.2.1", "one: { local: 192.0.2.9");
  expect(planOf(without(twoTunnels()), without(moved))).toBe(
    "replace lcce here: all tunnels start again, for every peer is told\n" +
      "    router_id: 192.0.2.1 -> 192.0.2.9 (the first IPv4 `local` of the file, of tunnel one; " +
      "it stays if lcce.router_id is set)\n" +
      "replace tunnel one\n    local: 192.0.2.1 -> 192.0.2.9",
  );
  expect(planOf(twoTunnels(), moved)).toBe("replace tunnel one\n    local: 192.0.2.1 -> 192.0.2.9");
  const ipv6 = without(twoTunnels()).replaceAll("192.0.2.", "2001:db8::");
  expect(planOf(without(twoTunnels()), ipv6)).toContain(" (made from the host name)\n");
});

test("a pseudowire that moves is removed there and created here", () => {
  const after = twoTunnels("", "b: { circuit: { tap: b } }, a: { circuit: { tap: a } }").replace(
    "{ a: { circuit: { tap: a } } }",
    "{}",
  );
  expect(planOf(twoTunnels(), after)).toBe(
    "remove pseudowire a of tunnel one\ncreate pseudowire a of tunnel two",
  );
});

test("cookies are in no plan, neither before nor after", () => {
  const before = staticText("receive_cookie: 0102030405060708, transmit_cookie: 1112131415161718");
  const after = staticText("receive_cookie: 2122232425262728, transmit_cookie: 1112131415161718");
  expect(planOf(before, after)).toBe(
    "replace pseudowire lan of tunnel branch\n    static.receive_cookie changed",
  );
  const shorter = staticText(
    "receive_cookie: 01020304, transmit_cookie: 11121314, transmit_sublayer: default",
  );
  expect(planOf(before, shorter).split("\n")).toEqual([
    "replace pseudowire lan of tunnel branch",
    "    static.receive_cookie changed",
    "    static.transmit_cookie changed",
    "    static.transmit_sublayer: none -> default",
  ]);
});

test("between a negotiated and a static tunnel nothing but names and settings is shown", () => {
  const staticSession = configOf(staticText("receive_cookie: 0102030405060708"));
  const negotiated = configOf(configText());
  for (const plan of [planChange(staticSession, negotiated), planChange(negotiated, staticSession)]) {
    expect(plan.map(({ action, kind }) => [action, kind])).toEqual([["replace", "tunnel"]]);
    expect(formatPlan(plan)).not.toMatch(/0102030405060708|1,2,3,4|"0":1/);
  }
  // Not made by any file, but a plan of it must not show the cookie either.
  const [tunnel] = negotiated.tunnels;
  const odd: Config = {
    ...negotiated,
    tunnels: [{ ...tunnel!, pseudowires: staticSession.tunnels[0]!.pseudowires }],
  };
  expect(formatPlan(planChange(negotiated, odd))).toContain('"receive_cookie":"(secret)"');
  expect(formatPlan(planChange(negotiated, odd))).not.toMatch(/0102030405060708|1,2,3,4|"0":1/);
});

/** The keys of a mapping of the file, and of those in it, as `outer.inner`. */
function keysOf(shape: Readonly<Record<string, unknown>>, prefix = ""): readonly string[] {
  return Object.keys(shape).map((key) => `${prefix}${key}`);
}

test(
  "every key of a tunnel and a pseudowire that changes is told by its own name, and none by " + "another",
  () => {
    const { pseudowires: _, ...ofTunnel } = tunnelFields.shape;
    const known = new Set([
      ...keysOf(ofTunnel),
      ...keysOf(pseudowireFields.shape),
      ...keysOf(circuitFields.shape, "circuit."),
      ...keysOf(portFields.shape, "circuit.port."),
      ...keysOf(staticFields.shape, "static."),
      ...keysOf(configFields.shape.lcce.unwrap().shape),
      ...keysOf(configFields.shape.log.unwrap().shape),
      "plane",
    ]);
    const told = everyKey.flatMap(([before, after]) =>
      planChange(configOf(before), configOf(after)).flatMap(({ reasons }) =>
        reasons.map((reason) => reason.replace(/(:| changed).*/, "")),
      ),
    );
    expect(told.filter((key) => !known.has(key))).toEqual([]);
    const untold = [...known].filter((key) => !told.includes(key));
    // A mapping is told by the keys in it, `peer` by those that it sets.
    expect(untold.sort()).toEqual(["circuit", "circuit.port", "peer", "static"]);
  },
);

/** Pairs of files between which every key changes in one of them. */
const everyKey: readonly (readonly [string, string])[] = [
  [
    twoTunnels(),
    "lcce: { host_name: there, router_id: 1.2.3.4, control_socket: /tmp/s }\n" +
      `${twoTunnels().replace(/.*\n/, "")}`,
  ],
  [twoTunnels(), twoTunnels("", undefined, ", control_socket: /tmp/s").concat("plane: userspace\n")],
  [twoTunnels(), `${twoTunnels()}log: { level: debug, format: text }\n`],
  [
    twoTunnels(),
    twoTunnels(`local_port: 0, remote_port: 1, fragmentation: none, udp_checksum: full, gso: segment,
      control_dscp: cs6, role: initiator, authentication: digest, secret: { env: A },
      next_secret: { credential: B }, digest: sha1, hide_avps: true, hello_interval_s: 1,
      nat_keepalive_s: 30,
      retransmit_initial_ms: 500, retransmit_cap_ms: 9000, retransmit_limit: 3, silence_limit_s: 3,
      path_mtu: none, receive_window: 4, reconnect_initial_s: 0.5, reconnect_cap_s: 9, peer_host_name: x,
      peer_router_id: 1.1.1.1, `),
  ],
  [
    twoTunnels(),
    twoTunnels("control: static, ", "").replace(
      "local: 192.0.2.1, remote: 192.0.2.3",
      "local: 192.0.2.9, remote: 192.0.2.8",
    ),
  ],
  [twoTunnels(), twoTunnels("encapsulation: ip, ")],
  [twoTunnels(), twoTunnels("enabled: false, ")],
  [
    staticText("receive_cookie: 0102030405060708, transmit_cookie: 01020304"),
    staticText("receive_cookie: 0102030405060708, transmit_cookie: 01020304").replace(
      "control: static",
      "control: static\n    follow: cookie",
    ),
  ],
  [
    twoTunnels("", "b: { circuit: { tap: b } }"),
    twoTunnels(
      "",
      `b: { circuit: { interface: c, vlan: 5, vlan_on_pseudowire: 6, vlan_protocol: 802.1ad,
          link_local: block, allow_host_use: true },
        remote_end_id: 7, mtu: 1400, cookie: 4, sublayer: default, sequencing: all,
        sequencing_window: 9, sequencing_reset: 9, dscp: ef, mss_clamp: 1360, packet_too_big: answer }`,
    ),
  ],
  [twoTunnels("", "b: { circuit: { tap: b } }"), twoTunnels("", "b: { circuit: { tap: b, bridge: br0 } }")],
  [
    twoTunnels("", "b: { circuit: { tap: b, bridge: br0 } }"),
    twoTunnels(
      "",
      "b: { circuit: { tap: b, bridge: br0, " +
        "port: { isolated: false, link_local: forward, pvid: 5, vlans: [6], " +
        "storm_limits: { broadcast: 7 } } } }",
    ),
  ],
  [
    staticText("receive_cookie: 01020304, transmit_cookie: 01020304"),
    staticText(
      "receive_cookie: 11020304, transmit_cookie: 11020304, transmit_sublayer: default, " +
        "transmit_sequencing: all",
    ).replace("local_session_id: 1, remote_session_id: 2", "local_session_id: 3, remote_session_id: 4"),
  ],
];

test(
  "a key that counts from the next start, changed back to what is in use, is not said to change " + "then",
  () => {
    const started = configOf(twoTunnels());
    const other = configOf(`plane: ebpf\n${twoTunnels("", undefined, ", control_socket: /tmp/s")}`);
    expect(
      formatPlan(planChange(started, other, new Set(), started)).match(/at the next start/g),
    ).toHaveLength(2);
    expect(formatPlan(planChange(other, started, new Set(), started))).toBe(
      "update lcce here\n" +
        "    control_socket: /tmp/s -> /run/wirespan/wirespan.sock (in use since the start)\n" +
        "update keys at the top of the file\n    plane: ebpf -> auto (in use since the start)",
    );
  },
);
