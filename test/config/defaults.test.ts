import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { planChange } from "../../src/config/plan.ts";
import { configOf, linesOf } from "../support/configuration.ts";

const tunnel = (name: string, more = "", pseudowire = "") =>
  `  ${name}: { peer_host_name: ${name}${more}, pseudowires: { ${name}-lan: { circuit: { tap: ${name}0 }` +
  `${pseudowire} } } }\n`;

/** A file whose two tunnels take these defaults, in flow style, of tunnels and of pseudowires. */
const fileOf = (tunnels: string, pseudowires = "mtu: 1400", more: readonly [string, string] = ["", ""]) =>
  `defaults:\n  tunnel: { ${tunnels} }\n  pseudowire: { ${pseudowires} }\n` +
  `tunnels:\n${tunnel("a", ...more)}${tunnel("b")}`;

const anyPeer = "remote: any, secret: { file: s }";

test("a hundred tunnels of one block are the same as those with all keys written out", () => {
  const names = Array.from({ length: 100 }, (_, index) => `branch${index}`);
  const keys = ", remote: any, hello_interval_s: 7, secret: { file: s }";
  const short =
    `defaults:\n  tunnel: { ${keys.slice(2)} }\n` +
    "  pseudowire: { mtu: 1400, circuit: { vlan: 7, bridge: lan } }\n" +
    `tunnels:\n${names.map((name) => tunnel(name)).join("")}`;
  const long = `tunnels:\n${names
    .map((name) => tunnel(name, keys, ", mtu: 1400").replace(`${name}0`, `${name}0, vlan: 7, bridge: lan`))
    .join("")}`;
  expect(configOf(short)).toEqual(configOf(long));
  const merged = short
    .replace("defaults:\n", "x-all:\n")
    .replace("tunnel: {", "tunnel: &t {")
    .replace("pseudowire: { mtu: 1400, circuit: {", "pseudowire: { circuit: &c {")
    .replaceAll("{ peer_host_name", "{ <<: *t, peer_host_name")
    .replaceAll("{ tap", "{ <<: *c, tap")
    .replaceAll(" } } } }\n", " }, mtu: 1400 } } }\n");
  expect(configOf(merged)).toEqual(configOf(long));
});

/** TABLE: what a tunnel and a pseudowire have, from which places, and the value that counts. */
const precedence: readonly (readonly [
  string,
  string,
  (config: ReturnType<typeof configOf>) => unknown,
  unknown,
])[] = [
  [
    "the tunnel's own key, before that of the defaults",
    fileOf(`${anyPeer}, hello_interval_s: 7`, undefined, [", hello_interval_s: 9", ""]),
    ({ tunnels }) => tunnels.map(({ control }) => control?.helloIntervalMs),
    [9000, 7000],
  ],
  [
    "a secret as a whole, whatever the kind of the other",
    fileOf(anyPeer, undefined, [", secret: { env: MINE }", ""]),
    ({ tunnels }) => tunnels.map(({ control }) => control?.authentication.secrets),
    [[{ kind: "environment", variable: "MINE" }], [{ kind: "file", path: "s" }]],
  ],
  [
    "`remote` as a whole",
    fileOf("remote: { any: [192.0.2.0/24] }, secret: { file: s }", undefined, [
      ", remote: { any: [10.0.0.0/8] }",
      "",
    ]),
    ({ tunnels }) => tunnels.map(({ remote }) => remote),
    [
      { kind: "any", prefixes: ["10.0.0.0/8"] },
      { kind: "any", prefixes: ["192.0.2.0/24"] },
    ],
  ],
  [
    "circuit and port key by key",
    fileOf(anyPeer, "circuit: { bridge: lan, port: { isolated: false, pvid: 3 } }").replace(
      "tap: a0",
      "tap: a0, bridge: other, port: { pvid: 4 }",
    ),
    ({ tunnels }) =>
      tunnels.map(({ pseudowires: [one] }) => [
        one?.circuit.bridge,
        one?.circuit.port?.isolated,
        one?.circuit.port?.pvid,
      ]),
    [
      ["other", false, 4],
      ["lan", false, 3],
    ],
  ],
  [
    "an interface beside defaults of a TAP device",
    fileOf(anyPeer, "circuit: { bridge: lan, port: { isolated: false } }").replace(
      "tap: a0",
      "interface: eth1",
    ),
    ({ tunnels }) => tunnels.map(({ pseudowires: [one] }) => [one?.circuit.kind, one?.circuit.bridge]),
    [
      ["interface", undefined],
      ["tap", "lan"],
    ],
  ],
  [
    "one interface for several pseudowires, each with its VLAN",
    fileOf(anyPeer, "circuit: { interface: eth1 }")
      .replace("tap: a0", "vlan: 1")
      .replace("tap: b0", "vlan: 2"),
    ({ tunnels }) => tunnels.map(({ pseudowires: [one] }) => [one?.circuit.device, one?.circuit.vlan?.id]),
    [
      ["eth1", 1],
      ["eth1", 2],
    ],
  ],
  [
    "`static` key by key, of static pseudowires alone",
    `defaults:
  pseudowire: { static: { receive_cookie: "00112233", remote_session_id: 9 } }
tunnels:
  a: { remote: 192.0.2.2, pseudowires: { al: { circuit: { tap: a0 } } } }
  b:
    remote: 192.0.2.3
    control: static
    pseudowires: { bl: { circuit: { tap: b0 }, static: { local_session_id: 4 } } }
`,
    ({ tunnels }) =>
      tunnels.map(({ pseudowires: [one] }) => [
        one?.staticSession?.remoteSessionId,
        one?.staticSession?.receiveCookie.length,
      ]),
    [
      [undefined, undefined],
      [9, 4],
    ],
  ],
  [
    "a merged key before a default, the first of several, and the tunnel's own before all",
    `x-one: &one { hello_interval_s: 1, receive_window: 2 }
x-two: &two { hello_interval_s: 5, receive_window: 6, retransmit_limit: 7 }
${fileOf(`${anyPeer}, retransmit_limit: 8, reconnect_cap_s: 9`, undefined, [
  ", <<: [*one, *two], receive_window: 3",
  "",
])}`,
    ({ tunnels: [one] }) => [
      one?.control?.helloIntervalMs,
      one?.control?.delivery.receiveWindowSize,
      one?.control?.delivery.limit,
      one?.control?.reconnectCapMs,
    ],
    [1000, 3, 7, 9000],
  ],
  [
    "merge keys within what is merged, and within defaults",
    `x-one: &one { hello_interval_s: 1 }
x-two: &two { <<: *one, receive_window: 2 }
${fileOf(`<<: *two, ${anyPeer}`)}`,
    ({ tunnels }) =>
      tunnels.map(({ control }) => [control?.helloIntervalMs, control?.delivery.receiveWindowSize]),
    [
      [1000, 2],
      [1000, 2],
    ],
  ],
];

test.each(precedence)("%s", (_name, text, use, expected) => {
  expect(use(configOf(text))).toEqual(expected);
});

/** TABLE: mistakes, with all that is said of them. */
const mistakes: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "a wrong value, once for all tunnels",
    fileOf(`${anyPeer}, hello_interval_s: 4000`),
    ["2:65 defaults.tunnel.hello_interval_s: wanted at most 3600"],
  ],
  [
    "a wrong value that no tunnel takes",
    fileOf(anyPeer, 'circuit: { interface: "a b" }'),
    [
      "3:39 defaults.pseudowire.circuit.interface: an interface name is US-ASCII without blanks, " +
        "slash, colon and percent",
    ],
  ],
  [
    "a misspelt key",
    fileOf(`${anyPeer}, helo_interval_s: 4`),
    ["2:47 defaults.tunnel.helo_interval_s: unknown key; did you mean hello_interval_s?"],
  ],
  [
    "a key that was renamed",
    fileOf(`${anyPeer}, super_frames: cut`),
    ["2:47 defaults.tunnel.super_frames: this key was renamed: write `gso: segment`"],
  ],
  [
    "a key of the other mapping",
    fileOf(`${anyPeer}, mtu: 1400`, "hello_interval_s: 7"),
    [
      "2:47 defaults.tunnel.mtu: unknown key here: it belongs in a pseudowire",
      "3:17 defaults.pseudowire.hello_interval_s: unknown key here: it belongs in a tunnel",
    ],
  ],
  [
    "keys that stand beside `tunnel` and not below it",
    "defaults: { hello_interval_s: 7, mtu: 1400, tunel: {} }\ntunnels: { a: { remote: 192.0.2.2 } }\n",
    [
      "1:13 defaults.hello_interval_s: unknown key here: it belongs in `tunnel`",
      "1:34 defaults.mtu: unknown key here: it belongs in `pseudowire`",
      "1:45 defaults.tunel: unknown key; did you mean tunnel?",
    ],
  ],
  [
    "pseudowires in defaults",
    fileOf(`${anyPeer}, pseudowires: {}`),
    ["2:47 defaults.tunnel.pseudowires: keys of all pseudowires belong in `pseudowire` of `defaults`"],
  ],
  [
    "the secret itself",
    fileOf("remote: any, secret: hunter2"),
    [
      "2:34 defaults.tunnel.secret: wanted { file: PATH }, { credential: NAME } or { env: NAME }: the " +
        "secret itself does not belong in this file",
    ],
  ],
  [
    "a repeated key",
    fileOf(`${anyPeer}, role: responder, role: either`),
    ["2:64 : `role` is there already, in line 2"],
  ],
  [
    "a key that neither a tunnel nor the defaults have",
    fileOf("local: 192.0.2.1"),
    ["5:3 tunnels.a.remote: missing", "6:3 tunnels.b.remote: missing"],
  ],
  [
    "a rule between keys of the defaults",
    fileOf("remote: 192.0.2.2, hide_avps: true"),
    ["2:43 defaults.tunnel.hide_avps: needs authentication by digest, with a secret (tunnel a and 1 more)"],
  ],
  [
    "a rule between a default and a key of one tunnel, at the default",
    fileOf(anyPeer, undefined, [", remote: 192.0.2.2, authentication: none", ""]),
    ["2:26 defaults.tunnel.secret: of no use with authentication none (tunnel a)"],
  ],
  [
    "a rule between a default and a key of one tunnel, at the latter",
    fileOf(anyPeer, undefined, [", role: initiator", ""]),
    ["5:33 tunnels.a.role: with remote: any there is nobody to call; the peer opens the connection"],
  ],
  [
    "a rule of a pseudowire's default",
    fileOf(anyPeer, "type: ethernet-vlan").replace("tap: b0", "tap: b0, vlan: 3"),
    [
      "3:23 defaults.pseudowire.type: a VLAN pseudowire needs circuit.vlan; for a whole port use type: " +
        "ethernet at both ends (pseudowire a-lan)",
    ],
  ],
  [
    "a device that all take",
    fileOf(anyPeer, "circuit: { interface: eth1 }").replace("tap: a0", "").replace("tap: b0", ""),
    [
      "6:51 tunnels.b.pseudowires.b-lan.circuit.interface: eth1 is used by pseudowire a-lan too (it takes " +
        "that from `defaults`)",
    ],
  ],
  [
    "a wrong value of a merged mapping, once and where it is written",
    `x-all: &all { remote: 192.0.2.2, hello_interval_s: no }
tunnels:
  a: { <<: *all }
  b: { <<: *all, local: 192.0.2.1 }
`,
    ["1:52 tunnels.a.hello_interval_s: wanted a number from 0 to 3600: write 0 for none"],
  ],
  [
    "a rule between a merged key and one of the tunnel",
    `x-all: &all { remote: 192.0.2.2, retransmit_initial_ms: 9000 }
tunnels:
  a: { <<: *all, retransmit_cap_ms: 8500 }
  b: { <<: *all, retransmit_cap_ms: 9000, local: 192.0.2.1 }
`,
    ["1:57 tunnels.a.retransmit_initial_ms: more than retransmit_cap_ms, which is 8500"],
  ],
  [
    "a misspelt key of a merged mapping",
    "x-all: &all { remote: 192.0.2.2, helo_interval_s: 5 }\ntunnels:\n  a: { <<: [*all] }\n",
    ["1:34 tunnels.a.helo_interval_s: unknown key; did you mean hello_interval_s?"],
  ],
  [
    "a merge key of a list that has more than mappings",
    "x-all: &all { remote: 192.0.2.2 }\ntunnels:\n  a: { <<: [*all, 5], remote: 192.0.2.3 }\n",
    [
      "3:8 tunnels.a.<<: a merge key takes the keys of a mapping by an alias (*name), or of several, as " +
        "[*name, *other]",
    ],
  ],
  [
    "a merge key of names",
    "tunnels: { <<: 5 }\n",
    [
      "1:12 tunnels.<<: a merge key takes the keys of a mapping by an alias (*name), or of several, as " +
        "[*name, *other]",
      "1:16 tunnels.<<: wanted a mapping with `remote`",
    ],
  ],
  [
    "a repeated merge key",
    "x-all: &all { remote: 192.0.2.2 }\ntunnels:\n  a: { <<: *all, <<: *all }\n",
    ["3:18 : `<<` is there already, in line 3"],
  ],
  [
    "a merge key of no anchor",
    "tunnels: { a: { <<: *all, remote: 192.0.2.2 } }\n",
    ["1:21 : no anchor &all stands before"],
  ],
  [
    "a mapping within itself",
    "x-all: &all { a: *all }\ntunnels: { a: { remote: 192.0.2.2 } }\n",
    ["1:1 : an alias stands within the mapping or list it repeats"],
  ],
  [
    "a misspelt `defaults`",
    "default: {}\ntunnels: { a: { remote: 192.0.2.2 } }\n",
    ["1:1 default: unknown key; did you mean defaults?"],
  ],
];

test.each(mistakes)("%s", (_name, text, expected) => {
  expect(linesOf(text)).toEqual(expected);
});

describe("aliases are bounded", () => {
  test("a thousand of one anchor are read", () => {
    const tunnels = Array.from(
      { length: 1000 },
      (_, index) => `  t${index}: { <<: *all, peer_host_name: h${index} }\n`,
    );
    const { tunnels: read } = configOf(
      `x-all: &all { remote: any, secret: { file: s } }\ntunnels:\n${tunnels.join("")}`,
    );
    expect(read.length).toBe(1000);
  });

  const levels = (level: (index: number) => string) =>
    [
      "x-0: &n0 { a: 1 }",
      ...Array.from({ length: 29 }, (_, index) => `x-${index + 1}: &n${index + 1} ${level(index)}`),
      "tunnels: { a: { remote: 192.0.2.2 } }\n",
    ].join("\n");
  const tooMuch = ["1:1 : aliases and merge keys repeat too much: write less of it by them"];

  test("each mapping twice in the next", () => {
    expect(linesOf(levels((below) => `{ a: *n${below}, b: *n${below} }`))).toEqual(tooMuch);
  });

  test("merged twice in the next, a mapping has no more keys", () => {
    expect(configOf(levels((below) => `{ <<: [*n${below}, *n${below}], b: 1 }`)).tunnels.length).toBe(1);
  });

  test("a large mapping in many", () => {
    const keys = Array.from({ length: 2000 }, (_, index) => `k${index}: 1`).join(", ");
    const takers = Array.from({ length: 2000 }, (_, index) => `x-${index}: { <<: *big }`).join("\n");
    expect(linesOf(`x-big: &big { ${keys} }\n${takers}\ntunnels: {}\n`)).toEqual(tooMuch);
  });

  test("more aliases than the package resolves in time", () => {
    const many = Array.from({ length: 20_001 }, () => "*a").join(", ");
    expect(linesOf(`x-a: &a 1\nx-many: [${many}]\ntunnels: {}\n`)).toEqual(["1:1 : more than 20000 aliases"]);
  });
});

test("a change of a default is a change of every tunnel that takes it", () => {
  const before = fileOf(`${anyPeer}, hello_interval_s: 7`, undefined, [", hello_interval_s: 9", ""]);
  const stepsOf = (after: string) =>
    planChange(configOf(before), configOf(after)).map(
      ({ action, kind, name }) => `${action} ${kind} ${name}`,
    );
  expect(stepsOf(before.replace("hello_interval_s: 7", "hello_interval_s: 8"))).toEqual(["update tunnel b"]);
  expect(stepsOf(before.replace("file: s", "file: t"))).toEqual(["replace tunnel a", "replace tunnel b"]);
  expect(stepsOf(before.replace("mtu: 1400", "mtu: 1300"))).toEqual([
    "replace pseudowire a-lan",
    "replace pseudowire b-lan",
  ]);
});

test("what others find of a valid file is told at the default, once, with who takes it", () => {
  const text = fileOf(`${anyPeer}, local: eth7`);
  const { located, locationsOf } = parseConfig(text, "f.yaml", { hostName: "h" }) as Required<
    Extract<ReturnType<typeof parseConfig>, { located: unknown }>
  >;
  const issues = ["a", "b"].map((name) => ({ path: ["tunnels", name, "local"], message: "is not there" }));
  expect(located(issues)).toEqual([
    {
      file: "f.yaml",
      line: 2,
      column: 54,
      path: "defaults.tunnel.local",
      message: "is not there (tunnel a and 1 more)",
    },
  ]);
  expect(
    locationsOf([
      ["tunnels", "b", "local"],
      ["tunnels", "b", "peer_host_name"],
    ]),
  ).toEqual([
    { file: "f.yaml", line: 2, column: 54 },
    { file: "f.yaml", line: 6, column: 24 },
  ]);
});
