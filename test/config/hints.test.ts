import { describe, expect, test } from "vitest";
import { adviceOn } from "../../src/config/advice.ts";
import { configSchema } from "../../src/config/config-text.ts";
import { configFields } from "../../src/config/fields.ts";
import { schemaAt } from "../../src/config/schema-text.ts";
import { configOf, configText, linesOf, problemsOf } from "../support/configuration.ts";

/** Messages say what to write instead. Each table has the mistake, and what is said of it at which key. */

const P = "tunnels.branch.pseudowires.lan";
const bridge = (keys: string) => configText({ top: `bridges: { lan: { ${keys} } }\n` });
const circuit = (keys: string) => configText({ circuit: `tap: t1, bridge: lan, ${keys}` });

/** The problems of a text as "path: message". */
const saidOf = (text: string) => problemsOf(text).map(({ path, message }) => `${path}: ${message}`);

test.each([
  [circuit("isolated: true"), `${P}.circuit.isolated`, "the `port` of a circuit"],
  [circuit("storm_limits: { broadcast: 5 }"), `${P}.circuit.storm_limits`, "the `port` of a circuit"],
  [circuit("broadcast: 5"), `${P}.circuit.broadcast`, "the `storm_limits` of a port"],
  [circuit("stp: true"), `${P}.circuit.stp`, "a bridge"],
  [circuit("mtu: 1400"), `${P}.circuit.mtu`, "a pseudowire"],
  [circuit("port: { follow_peer: none }"), `${P}.circuit.port.follow_peer`, "the `circuit` of a pseudowire"],
  [configText({ pseudowire: "isolated: true" }), `${P}.isolated`, "the `port` of a circuit"],
  [configText({ pseudowire: "interface: eth2" }), `${P}.interface`, "the `circuit` of a pseudowire"],
  [
    configText({ pseudowire: "local_session_id: 4" }),
    `${P}.local_session_id`,
    "the `static` of a pseudowire",
  ],
  [configText({ tunnel: "mtu: 1400" }), "tunnels.branch.mtu", "a pseudowire"],
  [configText({ tunnel: "file: x" }), "tunnels.branch.file", "the `secret` of a tunnel"],
  [configText({ tunnel: "loops: report" }), "tunnels.branch.loops", "a bridge"],
  [configText({ tunnel: "plane: ebpf" }), "tunnels.branch.plane", "the top of the file"],
  [bridge("isolated: true"), "bridges.lan.isolated", "an interface of a bridge"],
  [bridge("storm_limits: {}"), "bridges.lan.storm_limits", "an interface of a bridge"],
  [bridge("interfaces: { eth5: { stp: true } }"), "bridges.lan.interfaces.eth5.stp", "a bridge"],
  [bridge("tap: t1"), "bridges.lan.tap", "the `circuit` of a pseudowire"],
  [
    `defaults: { pseudowire: { isolated: true } }\n${configText()}`,
    "defaults.pseudowire.isolated",
    "the `port` of a circuit",
  ],
])("%s: the key is told where it belongs", (text, path, place) => {
  expect(saidOf(text)).toEqual([`${path}: unknown key here: it belongs in ${place}`]);
});

test("where keys belong is known of every mapping of the file", () => {
  const known = new Set(configSchema.mappings.map(([, path]) => schemaAt(configFields, path)));
  // Of two mappings with the same keys one is named, and `defaults` take the keys of others.
  const others = new Set([
    ...["next_secret"].map((key) => schemaAt(configFields, ["tunnels", "NAME", key])),
    schemaAt(configFields, ["defaults"]),
  ]);
  const unnamed: string[] = [];
  const walk = (path: readonly string[]): void => {
    const at = schemaAt(configFields, path);
    if (at?.shape !== undefined && !known.has(at) && !others.has(at)) unnamed.push(path.join("."));
    if (at === schemaAt(configFields, ["defaults"])) return;
    for (const key of Object.keys(at?.shape ?? {})) walk([...path, key]);
    if (at?.valueType !== undefined) walk([...path, "NAME"]);
  };
  walk([]);
  expect(unnamed).toEqual([]);
});

/** TABLE: keys whose 0 stands for none, and what the message says of it. */
const zeroKeys: readonly (readonly [text: (value: string) => string, meaning: string])[] = [
  [(value) => bridge(`mac_limit: ${value}`), "no limit"],
  [(value) => configText({ tunnel: `silence_limit_s: ${value}` }), "no limit"],
  [(value) => configText({ tunnel: `hello_interval_s: ${value}` }), "none"],
  [(value) => configText({ tunnel: `nat_keepalive_s: ${value}` }), "none"],
  [(value) => configText({ tunnel: `control_dscp: ${value}` }), "no mark"],
  [(value) => configText({ pseudowire: `dscp: ${value}` }), "no mark"],
  [(value) => configText({ pseudowire: `cookie: ${value}` }), "none"],
  [(value) => `defaults: { pseudowire: { dscp: ${value} } }\n${configText()}`, "no mark"],
];

test.each(zeroKeys)("%s: a word for none is the number 0", (text, meaning) => {
  for (const word of ["off", "Off", "none", "no", "false", "disabled"])
    expect(saidOf(text(word)), word).toEqual([expect.stringMatching(`: write 0 for ${meaning}$`)]);
  expect(saidOf(text("[]")).join()).not.toContain("write 0");
  expect(saidOf(text("many")).join()).not.toContain("write 0");
});

describe("a word that is a boolean elsewhere", () => {
  /** TABLE: keys with words, and what is suggested for one that means on and one that means off. */
  const switches: readonly (readonly [text: (value: string) => string, on: string, off: string])[] = [
    [(value) => bridge(`loops: ${value}`), "report or block", "off"],
    [(value) => bridge(`stp: ${value}`), "true", "false"],
    [(value) => configText({ pseudowire: `vccv: ${value}` }), "echo", "off"],
    [(value) => configText({ pseudowire: `packet_too_big: ${value}` }), "answer", "off"],
    [(value) => configText({ pseudowire: `sublayer: ${value}` }), "default", "none"],
    [(value) => configText({ pseudowire: `mss_clamp: ${value}` }), "auto", "off"],
    [(value) => configText({ tunnel: `path_mtu: ${value}` }), "probe or echo", "none"],
    [(value) => configText({ tunnel: `authentication: ${value}` }), "digest or integrity", "none"],
    [(value) => configText({ tunnel: `roaming: ${value}` }), "control", "off"],
  ];

  test.each(switches)("%s", (text, on, off) => {
    /** What is suggested; nothing where the word is a value of the key. */
    const suggested = (value: string) =>
      problemsIn(text(value)).map((message) => /did you mean (.*)\?$/.exec(message)?.[1]);
    for (const word of ["yes", "on", "Yes", "ON", "true"])
      expect(suggested(word), word).toEqual(on === "true" && word === "true" ? [] : [on]);
    for (const word of ["no", "No", "false"])
      expect(suggested(word), word).toEqual(off === "false" && word === "false" ? [] : [off]);
    expect(suggested("off"), "off").toEqual(off === "off" ? [] : [off]);
  });

  test("of a key that cannot be off is no other word", () => {
    expect(saidOf(configText({ tunnel: "role: on" }))).toEqual([
      "tunnels.branch.role: wanted one of either, initiator, responder",
    ]);
  });
});

/** Messages of wrong values; none for a text that is in order. */
function problemsIn(text: string): readonly string[] {
  try {
    configOf(text);
    return [];
  } catch {
    return problemsOf(text)
      .map(({ message }) => message)
      .filter((message) => message.startsWith("wanted"));
  }
}

test.each([
  [
    bridge("interfaces: [eth5, eth6]"),
    "bridges.lan.interfaces: wanted a mapping: write { eth5: {}, eth6: {} }",
  ],
  [bridge("interfaces: eth5"), "bridges.lan.interfaces: wanted a mapping: write { eth5: {} }"],
  [
    bridge("interfaces: [a, b, c, d]"),
    "bridges.lan.interfaces: wanted a mapping: write { a: {}, b: {}, c: {}, ... }",
  ],
  [configText({ top: "bridges: [lan]\n" }), "bridges: wanted a mapping: write { lan: {} }"],
  [configText({ top: "bridge: { lan: {} }\n" }), "bridge: unknown key; did you mean bridges?"],
  [bridge("interface: eth5"), "bridges.lan.interface: unknown key; did you mean interfaces?"],
  [
    "tunnels: { a: { remote: 192.0.2.2, pseudowires: [x] } }",
    "tunnels.a.pseudowires: wanted a mapping: write { x: { circuit: ... } }",
  ],
  [
    "tunnels:\n  a:\n    remote: 192.0.2.2\n    pseudowires:\n",
    "tunnels.a.pseudowires: wanted a mapping: write { NAME: { circuit: ... } }",
  ],
  [
    "tunnels: { a: { remote: 192.0.2.2, pseudowires: { x: eth1 } } }",
    "tunnels.a.pseudowires.x: wanted a mapping with `circuit`",
  ],
  [
    "tunnels: { a: { remote: { any: 192.0.2.0/24 }, secret: { file: s } } }",
    "tunnels.a.remote.any: wanted a list: write [192.0.2.0/24]",
  ],
  [circuit("port: { vlans: 10 }"), `${P}.circuit.port.vlans: wanted a list: write [10]`],
  [
    configText({ tunnel: "role: [responder]" }),
    "tunnels.branch.role: wanted one of either, initiator, responder: leave out the brackets",
  ],
  [
    configText({ pseudowire: "mtu: [1400]" }),
    `${P}.mtu: wanted a number from 68 to 65000: leave out the brackets`,
  ],
  ...["any: true", "any: [192.0.2.0/24]"].map((any) => [
    configText({ tunnel: any }),
    "tunnels.branch.any: unknown key here: write `remote: any` for a peer from anywhere, " +
      "`remote: { any: [PREFIX, ...] }` for one from these prefixes",
  ]),
  [
    configText({ tunnel: "path_mtu: 1400" }),
    "tunnels.branch.path_mtu: wanted one of probe, echo, none; the size is measured: to fix it, write " +
      "path_mtu: none, and give the route to the peer an mtu (ip route change ... mtu 1400)",
  ],
  [
    `defaults: { tunnels: { role: either } }\n${configText()}`,
    "defaults.tunnels: keys of all tunnels belong in `tunnel` of `defaults`",
  ],
  [
    configText({ top: "xcell: 4\nycell: 5\n" }),
    "xcell: unknown key; there are lcce, log, plane, http, metrics, bridges, include, defaults, tunnels",
    "ycell: unknown key; there are lcce, log, plane, http, metrics, bridges, include, defaults, tunnels",
  ],
  [
    bridge("xcell: 4"),
    "bridges.lan.xcell: unknown key; there are create, vlan_filtering, stp, mac_limit, ageing_s, mtu, " +
      "loops, multicast_snooping, interfaces",
  ],
])("%s: what to write is said", (text, ...lines) => {
  expect(saidOf(text)).toEqual(lines);
});

test("what a message repeats of a file is short, and for printing", () => {
  const [line] = saidOf(bridge('interfaces: "a\\x1b[2J"'));
  expect(line).toBe("bridges.lan.interfaces: wanted a mapping: write { a\\x1b[2J: {} }");
  expect(saidOf(bridge(`interfaces: ${"x".repeat(100)}`))).toEqual([
    "bridges.lan.interfaces: wanted a mapping",
  ]);
});

test("a tunnel without pseudowires is in order, and told what it lacks", () => {
  const advice = adviceOn(configOf("tunnels: { a: { remote: 192.0.2.2 }, b: { remote: 192.0.2.3 } }"));
  expect(advice.map(({ path }) => path.join("."))).toEqual(["tunnels.a", "tunnels.b"]);
  expect(advice[0]?.message).toContain("pseudowires: { NAME: { circuit: { interface: eth1 } } }");
  expect(adviceOn(configOf(configText()))).toEqual([]);
});

describe("values of `defaults` that may not be those of several", () => {
  const three = (defaults: string, names = "") =>
    `defaults:\n  tunnel: { ${defaults} }\ntunnels:\n  a: {}\n  b: {${names}}\n  c: {}\n`;
  const any = "remote: any, secret: { file: s }";
  const ofDefaults = "(it takes that from `defaults`)";

  test("the same peer_host_name: each tunnel is told", () => {
    expect(linesOf(three(`${any}, peer_host_name: x`, " peer_host_name: y "))).toEqual([
      "6:3 tunnels.c.peer_host_name: nothing tells peers of this tunnel from those of tunnel a, which has " +
        "the same peer_host_name: give each another peer_host_name or peer_router_id, which are looked at " +
        `before any secret is ${ofDefaults}`,
    ]);
  });

  test("the same remote, and no name", () => {
    const lines = linesOf(three("remote: 192.0.2.2"));
    expect(lines).toEqual([
      `5:3 tunnels.b.remote: tunnel a has the same ends ${ofDefaults}`,
      `6:3 tunnels.c.remote: tunnel a has the same ends ${ofDefaults}`,
    ]);
  });

  test("keys of one socket", () => {
    expect(linesOf(three(`remote: 192.0.2.2, gso: segment`, " remote: 192.0.2.3, gso: offload "))).toContain(
      "5:32 tunnels.b.gso: tunnel a, from the route's address too, shares the socket and says segment: " +
        "set gso: offload for all of them, in `tunnel` of `defaults`, or give this tunnel another local_port",
    );
  });

  test("keys of one socket over IP, which has no ports", () => {
    const keys = "remote: 192.0.2.2, encapsulation: ip";
    expect(linesOf(three(keys, " remote: 192.0.2.3, fragmentation: pseudowire ")).join()).toMatch(
      /set fragmentation: pseudowire for all of them, .*, or give this tunnel another local address/,
    );
  });
});
