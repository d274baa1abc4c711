import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatProblem, parseConfig } from "../../src/config/parse.ts";
import { configOf, configText, linesOf, problemsOf, staticText } from "../support/configuration.ts";
import { scaled } from "../support/effort.ts";
import { assertProperty } from "../support/seeds.ts";

test(
  "every problem of a file is told at once, each with file, line and column, in the order of the " + "file",
  () => {
    const text = `lcce: { host_nam: me, router_id: -1 }
log:
  level: loud
tunnels:
  branch:
    local: 192.0.2.1
    helo_interval_s: 5
    hello_interval_s: 4000
    hide_avps: maybe
    role: initiatr
    receive_window: 1.5
    retransmit_limit: ten
    secret: hunter2
    peer_router_id: []
    pseudowires:
      "my lan":
        circuit: { interface: eth1 }
      lan:
        mtu: 10
        cookie: 5
        remote_end_id: ""
        circuit: { interfaces: eth1, vlan: 4095, tap: a-name-that-is-too-long }
      other: {}
`;
    expect(problemsOf(text).map(formatProblem)).toEqual([
      "wirespan.yaml:1:9  lcce.host_nam: unknown key; did you mean host_name?",
      "wirespan.yaml:1:34  lcce.router_id: wanted at least 0",
      "wirespan.yaml:3:10  log.level: wanted one of trace, debug, info, warn, error",
      "wirespan.yaml:5:3  tunnels.branch.remote: missing",
      "wirespan.yaml:7:5  tunnels.branch.helo_interval_s: unknown key; did you mean hello_interval_s?",
      "wirespan.yaml:8:23  tunnels.branch.hello_interval_s: wanted at most 3600",
      "wirespan.yaml:9:16  tunnels.branch.hide_avps: wanted true or false",
      "wirespan.yaml:10:11  tunnels.branch.role: wanted one of either, initiator, responder; did you mean " +
        "initiator?",
      "wirespan.yaml:11:21  tunnels.branch.receive_window: wanted an integer from 1 to 1024",
      "wirespan.yaml:12:23  tunnels.branch.retransmit_limit: wanted a number from 1 to 100",
      "wirespan.yaml:13:13  tunnels.branch.secret: wanted { file: PATH }, { credential: NAME } or { env: " +
        "NAME }: the secret itself " +
        "does not belong in this file",
      "wirespan.yaml:14:21  tunnels.branch.peer_router_id: wanted text or a number in range",
      "wirespan.yaml:16:7  tunnels.branch.pseudowires.my lan: a name starts with a letter or digit and has " +
        "up to 63 letters, " +
        "digits, dots, dashes and underscores",
      "wirespan.yaml:19:14  tunnels.branch.pseudowires.lan.mtu: wanted at least 68",
      "wirespan.yaml:20:17  tunnels.branch.pseudowires.lan.cookie: wanted one of 0, 4, 8",
      "wirespan.yaml:21:24  tunnels.branch.pseudowires.lan.remote_end_id: must not be empty",
      "wirespan.yaml:22:20  tunnels.branch.pseudowires.lan.circuit.interfaces: unknown key; did you mean " +
        "interface?",
      "wirespan.yaml:22:44  tunnels.branch.pseudowires.lan.circuit.vlan: wanted at most 4094",
      "wirespan.yaml:22:55  tunnels.branch.pseudowires.lan.circuit.tap: longer than 15 characters",
      "wirespan.yaml:23:7  tunnels.branch.pseudowires.other.circuit: missing",
    ]);
  },
);

test("what is wrong between keys is told too, of tunnels that are in order while others are not", () => {
  const text = `lcce: { router_id: 192.0.2 }
tunnels:
  one: { local: 192.0.2.1, remote: 2001:db8::2 }
  two: { local: 192.0.2.1, remote: 192.0.2.3, mtu: 1500 }
`;
  expect(linesOf(text)).toEqual([
    "1:20 lcce.router_id: wanted a dotted quad or a number",
    "3:36 tunnels.one.remote: IPv6, but local is IPv4",
    "4:47 tunnels.two.mtu: unknown key here: it belongs in a pseudowire",
  ]);
});

test("a key of another mapping is told where it belongs", () => {
  expect(
    linesOf(configText({ circuit: "interface: eth1, mtu: 9000, hello_interval_s: 5, level: info" })),
  ).toEqual([
    "7:37 tunnels.branch.pseudowires.lan.circuit.mtu: unknown key here: it belongs in a pseudowire",
    "7:48 tunnels.branch.pseudowires.lan.circuit.hello_interval_s: unknown key here: it belongs in a " +
      "tunnel",
    "7:69 tunnels.branch.pseudowires.lan.circuit.level: unknown key here: it belongs in `log`",
  ]);
});

test.each([
  ["whole", "`gso: offload`"],
  ["cut", "`gso: segment`"],
  ["auto", "`gso: auto`"],
  ["offload", "`gso: offload`"],
  ["bogus", "`gso` with one of auto, offload, segment"],
  ["4", "`gso` with one of auto, offload, segment"],
])("a key that was renamed is refused with what to write instead: super_frames: %s", (value, instead) => {
  expect(linesOf(configText({ tunnel: `super_frames: ${value}` }))).toEqual([
    `5:5 tunnels.branch.super_frames: this key was renamed: write ${instead}`,
  ]);
  const elsewhere = linesOf(configText({ pseudowire: `super_frames: ${value}` }));
  expect(elsewhere).toEqual([expect.stringContaining("super_frames: unknown key")]);
});

test(
  "what is wrong between keys is told beside unknown keys of the same tunnel, but not what only " +
    "follows from them",
  () => {
    const text = configText({ tunnel: "hide_avps: true\n    helo: 1", circuit: "interfaces: eth1" });
    expect(linesOf(text)).toEqual([
      "5:16 tunnels.branch.hide_avps: needs authentication by digest, with a secret",
      "6:5 tunnels.branch.helo: unknown key",
      "9:20 tunnels.branch.pseudowires.lan.circuit.interfaces: unknown key; did you mean interface?",
    ]);
  },
);

test("a value out of range hides nothing that is wrong between other keys", () => {
  const tunnel = "hide_avps: true\n    receive_window: 5000\n    encapsulation: ip\n    local_port: 1701";
  const text = configText({ tunnel, pseudowire: "sequencing: all", circuit: "interface: eth1, bridge: br0" });
  expect(linesOf(text)).toEqual([
    "5:16 tunnels.branch.hide_avps: needs authentication by digest, with a secret",
    "6:21 tunnels.branch.receive_window: wanted at most 1024",
    "8:17 tunnels.branch.local_port: IP protocol 115 has no ports",
    "11:21 tunnels.branch.pseudowires.lan.sequencing: needs sublayer: default, which carries the numbers",
    "12:45 tunnels.branch.pseudowires.lan.circuit.bridge: only a TAP device is put into a bridge by us",
  ]);
});

test("an address that is none hides nothing of its tunnel", () => {
  const text = configText({ tunnel: "hide_avps: true" }).replace("local: 192.0.2.1", "local: 192.0.2.300");
  expect(linesOf(text)).toEqual([
    "3:12 tunnels.branch.local: wanted an IPv4 or IPv6 address, or the name of an interface",
    "5:16 tunnels.branch.hide_avps: needs authentication by digest, with a secret",
  ]);
});

test("what stands under a name that is none is looked at, too", () => {
  expect(
    linesOf("tunnels:\n  a b:\n    local: 192.0.2.1/24\n    remote: 192.0.2.2\n    hello_interval_s: x\n"),
  ).toEqual([
    "2:3 tunnels.a b: a name starts with a letter or digit and has up to 63 letters, digits, dots, dashes " +
      "and underscores",
    "3:12 tunnels.a b.local: write the address without the prefix length behind the slash",
    "5:23 tunnels.a b.hello_interval_s: wanted a number from 0 to 3600",
  ]);
});

test("a value that is nearly right says what keeps it from being so", () => {
  const text = configText({
    tunnel: "encapsulation: UDP",
    pseudowire: "mtu: '1500'\n        cookie: '8'",
    circuit: "interface: eth1, vlan: '10'",
  });
  expect(linesOf(text).map((line) => line.replace(/^\S+ \S+ /, ""))).toEqual([
    "wanted one of udp, ip: in small letters",
    "wanted a number from 68 to 65000: leave out the quotes",
    "wanted one of 0, 4, 8: leave out the quotes",
    "wanted a number from 0 to 4094: leave out the quotes",
  ]);
});

test.each(["'100, 200'", "[100, 200]", "'100,200'", "10-20"])(
  "VLANs written as %s: one pseudowire each",
  (vlan) => {
    expect(linesOf(configText({ circuit: `interface: eth1, vlan: ${vlan}` }))).toEqual([
      "7:43 tunnels.branch.pseudowires.lan.circuit.vlan: wanted one VLAN ID: a pseudowire carries one " +
        "VLAN, or the whole port " +
        "without this key; make one for each",
    ]);
  },
);

test("a secret in the file is refused without being repeated", () => {
  const [line, ...more] = linesOf(configText({ tunnel: "secret: hunter2" }));
  expect(more).toEqual([]);
  expect(line).toContain("{ file: PATH }");
  expect(line).not.toContain("hunter2");
});

test.each([
  [107, true],
  [108, false],
])("a control socket of %d octets", (octets, isRight) => {
  const path = `/run/${"x".repeat(octets - 7)}\u00e4`;
  const text = configText({ top: `lcce: { control_socket: "${path}" }\n` });
  if (isRight) expect(configOf(text).lcce.controlSocket).toBe(path);
  else expect(linesOf(text)).toEqual([expect.stringContaining("longer than 107 octets")]);
});

test("a key that is like no other is not guessed at, and one in the wrong case is", () => {
  expect(linesOf(configText({ tunnel: "xyzzy: 1" }))).toEqual(["5:5 tunnels.branch.xyzzy: unknown key"]);
  expect(linesOf(configText({ tunnel: "ROLE: either" }))).toEqual([
    "5:5 tunnels.branch.ROLE: unknown key; did you mean role?",
  ]);
  expect(linesOf(configText({ tunnel: "secret: { fil: /etc/key }" }))).toEqual([
    "5:15 tunnels.branch.secret.fil: unknown key; did you mean file?",
  ]);
  expect(linesOf(`${configText()}tunnel: {}\n`)).toEqual(["8:1 tunnel: unknown key; did you mean tunnels?"]);
});

const wholes: readonly (readonly [string, string, readonly string[]])[] = [
  ["nothing", "", ["1:1 : the file is empty; it needs `tunnels:`"]],
  ["comments alone", "# nothing\n\n# here\n", ["1:1 : the file is empty; it needs `tunnels:`"]],
  ["a list", "- tunnels\n", ["1:1 : wanted a mapping with `tunnels:`"]],
  ["a number", "42", ["1:1 : wanted a mapping with `tunnels:`"]],
  ["no tunnels", "log: {}\n", ["1:1 tunnels: missing"]],
  ["an empty tunnels:", "tunnels:\n", ["1:9 tunnels: wanted a mapping: write { NAME: { remote: ... } }"]],
  ["a mapping of no tunnel", "tunnels: {}\n", ["1:1 tunnels: there is no tunnel"]],
  [
    "a list of tunnels",
    "tunnels: []\n",
    ["1:10 tunnels: wanted a mapping (`name:` and keys under it), not a list: leave out the dashes"],
  ],
  ["an empty tunnel", "tunnels:\n  a:\n", ["2:5 tunnels.a: wanted a mapping with `remote`"]],
  [
    "a key twice",
    "tunnels: {}\nlog: {}\ntunnels: {}\n",
    ["1:1 tunnels: there is no tunnel", "3:1 : `tunnels` is there already, in line 1"],
  ],
  [
    "two documents",
    "tunnels: {}\n---\ntunnels: {}\n",
    ["2:1 : a second document begins here; one is all there may be"],
  ],
  ["a tab", "tunnels:\n\ta: {}\n", ["2:1 : a tab: indent with spaces"]],
  ["an open quote", 'tunnels: "', ['1:10 : this " is not closed: a " is missing']],
  [
    "tabs, and what follows from them",
    "tunnels:\n  a:\n\tlocal: 1\n\tremote: 2\n    pseudowires: {}\n",
    ["3:1 : a tab: indent with spaces", "4:1 : a tab: indent with spaces"],
  ],
  [
    "an open bracket, told where it was opened",
    "tunnels:\n  a:\n    secret: { file: x\n    local: 1.1.1.1\n    remote: 2\n",
    ["3:13 : this { is not closed: a } is missing"],
  ],
  [
    "brackets within brackets",
    "a: [[[[\nb: 1\n",
    ["1:1 a: unknown key", "1:4 : this [ is not closed: a ] is missing"],
  ],
  [
    "a key without its colon",
    "tunnels:\n  a:\n    local 1.1.1.1\n    remote: 2\n",
    ["3:5 : wanted `key: value`: the colon or the blank behind it is missing"],
  ],
  [
    "a key without a blank behind its colon",
    "tunnels:\n  a:\n    local:1.1.1.1\n    remote: 2\n",
    ["3:5 : wanted `key: value`: the colon or the blank behind it is missing"],
  ],
  [
    "keys that are not below each other",
    "tunnels:\n  a:\n    local: 1\n   remote: 2\n",
    [
      "3:12 tunnels.a.local: wanted text",
      "4:1 : not indented as the keys beside it: they all start at one column",
    ],
  ],
  [
    "a merge key of nothing",
    "tunnels:\n  b:\n    <<: 5\n    local: 192.0.2.3\n    remote: 192.0.2.4\n",
    [
      "3:5 tunnels.b.<<: a merge key takes the keys of a mapping by an alias (*name), or of several, as " +
        "[*name, *other]",
    ],
  ],
  ["an alias of nothing", "tunnels: { a: *b }\n", ["1:15 : no anchor &b stands before"]],
  ["keys that are mappings", "? { a: b }\n: c\n", ["1:1 tunnels: missing", "1:3 { a: b }: unknown key"]],
  [
    "keys of Object.prototype",
    "__proto__: {}\nconstructor: 2\n",
    ["1:1 : __proto__ can be no key and no name: write another one", "2:1 constructor: unknown key"],
  ],
];

test.each(wholes)("a file of %s", (_name, text, expected) => {
  expect(linesOf(text)).toEqual(expected);
});

test("several mistakes of YAML are told at once", () => {
  expect(linesOf("a: [1\nb: {2\n").length).toBeGreaterThan(1);
});

test("carriage returns and a byte order mark in front are no mistakes", () => {
  const text = `\ufeff${configText().replaceAll("\n", "\r\n")}`;
  expect(configOf(text)).toEqual(configOf(configText()));
  expect(linesOf(`${text}bad: 1\r\n`)).toEqual(["8:1 bad: unknown key"]);
});

test("aliases may repeat keys, but not blow up", () => {
  const { tunnels } = configOf(`tunnels:
  one:
    local: 192.0.2.1
    remote: 192.0.2.2
    secret: &secret { file: /etc/wirespan/secret }
  two: { local: 192.0.2.1, remote: 192.0.2.3, secret: *secret }
`);
  expect(tunnels.map(({ control }) => control?.authentication.secrets)).toEqual([
    [{ kind: "file", path: "/etc/wirespan/secret" }],
    [{ kind: "file", path: "/etc/wirespan/secret" }],
  ]);
  const levels = ["x", ..."abcdefg"].map((name, level, names) =>
    level === 0
      ? ""
      : `${name}: &${name} [` +
        `${Array.from({ length: 10 }, () => (level === 1 ? "x" : `*${names[level - 1]}`))}]`,
  );
  expect(linesOf(levels.slice(1).join("\n"))).toEqual([
    "1:1 : aliases and merge keys repeat too much: write less of it by them",
  ]);
});

test("an anchor within itself ends somewhere", () => {
  expect(linesOf("tunnels: &a { b: *a }\n").length).toBeGreaterThan(0);
});

test.each(["[", "{", "- ", "a: {", "&a [", "!!map {"])("a file as deep as the stack: %s", (opening) => {
  for (const depth of [300, 700, 1_200, 2_500, 20_000]) {
    const problems = problemsOf(opening.repeat(depth));
    expect(problems.length).toBeGreaterThan(0);
    for (const { message } of problems) expect(message).not.toMatch(/call stack/);
  }
});

test("a file of more than 64 MiB is not even looked at", () => {
  expect(linesOf(`${configText()}#${"x".repeat(64 * 1024 * 1024)}`)).toEqual([
    "1:1 : longer than 67108864 characters",
  ]);
});

/**
 * A static tunnel of so many pseudowires, nine lines each from line 7 on; `circuitKey` names the device of
 * each.
 */
function manyText(pseudowires: number, circuitKey = "interface"): string {
  const each = Array.from(
    { length: pseudowires },
    (_, index) => `      pw${index}:
        circuit:
          ${circuitKey}: eth${Math.floor(index / 4094)}
          vlan: ${(index % 4094) + 1}
        static:
          local_session_id: ${index + 1}
          remote_session_id: ${index + 1}
          receive_cookie: 0011223344556677
          transmit_cookie: "0011223344556677"
`,
  );
  return `tunnels:
  branch:
    local: 192.0.2.1
    remote: 192.0.2.2
    control: static
    pseudowires:
${each.join("")}`;
}

/** Were any step quadratic, the two that read so many would take minutes. */
const MANY = scaled(20_000);

test("a file of many pseudowires is read and checked", { timeout: 180_000 }, () => {
  const { pseudowires } = configOf(manyText(MANY)).tunnels[0]!;
  expect(pseudowires.length).toBe(MANY);
  const last = MANY - 1;
  expect(pseudowires[last]).toMatchObject({
    name: `pw${last}`,
    circuit: { device: `eth${Math.floor(last / 4094)}`, vlan: { id: (last % 4094) + 1 } },
    staticSession: { localSessionId: MANY },
  });
});

test("a file of many pseudowires, each with a mistake, is told off", { timeout: 180_000 }, () => {
  const lines = linesOf(manyText(MANY, "interfaces"));
  expect(lines[1]).toBe(
    "18:11 tunnels.branch.pseudowires.pw1.circuit.interfaces: unknown key; did you mean interface?",
  );
  expect(lines.at(-1)).toContain(` : and ${MANY - 100} more`);
});

const twice = "is there already, in line";

test("every key that is there again is told, in the order of the file, beside other mistakes of YAML", () => {
  expect(linesOf("a: 1\nb: { c: 1, c: 2, 'c': 3 }\n\"a\": 2\na: [1\n")).toEqual([
    "1:1 a: unknown key",
    "2:1 b: unknown key",
    `2:12 : \`c\` ${twice} 2`,
    `2:18 : \`c\` ${twice} 2`,
    `3:1 : \`a\` ${twice} 1`,
    `4:1 : \`a\` ${twice} 1`,
    "4:4 : this [ is not closed: a ] is missing",
  ]);
});

test("a key that is there again hides nothing: whatever stands under each of them is looked at", () => {
  const text = `log: { level: loud }
log: { format: txt }
tunnels:
  branch:
    local: 192.0.2.1/24
    remote: 192.0.2.2
    mtu: 1500
    pseudowires:
      lan:
        circuit: { interface: lo, interface: eth1, vlan: 4095 }
        mtu: 10
        mtu: 20
  branch:
    local: 192.0.2.1
    remote: 192.0.2.1
    hide_avps: true
    pseudowires:
      lan: { circuit: { tap: tap0 }, cookie: 5, cookie: 6 }
      lan: { circuit: { bridge: br0, tap: tap0 }, sequencing: all }
  other: { local: 192.0.2.1, remote: 2001:db8::2 }
plain: auto
`;
  const at = "tunnels.branch.pseudowires.lan";
  expect(linesOf(text)).toEqual([
    "1:15 log.level: wanted one of trace, debug, info, warn, error",
    `2:1 : \`log\` ${twice} 1`,
    "2:16 log.format: wanted one of auto, text, json; did you mean text?",
    "5:12 tunnels.branch.local: write the address without the prefix length behind the slash",
    "7:5 tunnels.branch.mtu: unknown key here: it belongs in a pseudowire",
    `10:31 ${at}.circuit.interface: lo is the machine's own loopback, not an Ethernet interface`,
    `10:35 : \`interface\` ${twice} 10`,
    `10:58 ${at}.circuit.vlan: wanted at most 4094`,
    `11:14 ${at}.mtu: wanted at least 68`,
    `12:9 : \`mtu\` ${twice} 11`,
    `12:14 ${at}.mtu: wanted at least 68`,
    `13:3 : \`branch\` ${twice} 4`,
    "15:13 tunnels.branch.remote: the same as local: a tunnel leads to another LCCE",
    "16:16 tunnels.branch.hide_avps: needs authentication by digest, with a secret",
    `18:46 ${at}.cookie: wanted one of 0, 4, 8`,
    `18:49 : \`cookie\` ${twice} 18`,
    `18:57 ${at}.cookie: wanted one of 0, 4, 8`,
    `19:7 : \`lan\` ${twice} 18`,
    `19:63 ${at}.sequencing: needs sublayer: default, which carries the numbers`,
    "20:38 tunnels.other.remote: IPv6, but local is IPv4",
    "21:1 plain: unknown key; did you mean plane?",
  ]);
});

test("an alias of nothing hides nothing, and nothing is said that only follows from it", () => {
  const text = `tunnels:
  branch:
    local: *here
    remote: 192.0.2.1/24
    secret: *key
    hide_avps: true
    pseudowires: { lan: { circuit: *lan, cookie: 5 } }
`;
  expect(linesOf(text)).toEqual([
    "3:12 : no anchor &here stands before",
    "4:13 tunnels.branch.remote: write the address without the prefix length behind the slash",
    "5:13 : no anchor &key stands before",
    "7:36 : no anchor &lan stands before",
    "7:50 tunnels.branch.pseudowires.lan.cookie: wanted one of 0, 4, 8",
  ]);
});

test.each([
  [
    "a bracket that is not closed",
    "    receive_window: [8\n",
    "11:21 : this [ is not closed: a ] is missing",
  ],
  [
    "a quote that is not closed",
    '    peer_host_name: "there\n',
    '11:21 : this " is not closed: a " is missing',
  ],
  ["a tab", "\tmtu: 9000\n", "11:1 : a tab: indent with spaces"],
])("what is complete before %s is looked at, and what may go on behind it is not", (_name, broken, line) => {
  const text = `log: { level: loud }
tunnels:
  first: { local: 192.0.2.1, secret: {} }
  branch:
    mtu: 1500
    local: 192.0.2.1
    next_secret: { env: A }
    hello_interval_s: 9999
    pseudowires:
      lan: { mtu: 10 }
${broken}`;
  expect(linesOf(text)).toEqual([
    "1:15 log.level: wanted one of trace, debug, info, warn, error",
    "3:3 tunnels.first.remote: missing",
    "3:30 tunnels.first.secret: wanted exactly one of file, credential, env",
    "5:5 tunnels.branch.mtu: unknown key here: it belongs in a pseudowire",
    "8:23 tunnels.branch.hello_interval_s: wanted at most 3600",
    "10:7 tunnels.branch.pseudowires.lan.circuit: missing",
    "10:19 tunnels.branch.pseudowires.lan.mtu: wanted at least 68",
    line,
  ]);
});

/** TABLE: tags of YAML that make something else of a value, and one of another program, each with a value. */
const foreignTags: readonly (readonly [string, string])[] = [
  ["!!binary", '"@@@"'],
  ["!!set", "{ x, y }"],
  ["!!omap", "[x: 1]"],
  ["!!omap", "{ x: 1 }"],
  ["!!pairs", "[x: 1]"],
  ["!!timestamp", "2026-12-01"],
  ["!secret", "word"],
];
const aTunnel = `
tunnels:
  hq: { local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { lan: { circuit: { interface: eth1 } } } }
`;
/** TABLE: files with such a value, as a block, a mapping, text, a number, an item and an anchor. */
const taggedPlaces: readonly ((value: string) => string)[] = [
  (value) => `lcce: ${value}${aTunnel}`,
  (value) => `lcce: { host_name: ${value} }${aTunnel}`,
  (value) => `lcce:\n  router_id: ${value}${aTunnel}`,
  (value) => `bridges: { lan: ${value} }${aTunnel}`,
  (value) => `${aTunnel.trim()}\n  other: ${value}`,
  (value) => `x-own: [1, ${value}]${aTunnel}`,
  (value) => `x-own: &own ${value}\nx-other: *own${aTunnel}`,
];

/** Of a mapping where none may be, that is true without the tag as well. */
const mayFollow = /: (unknown key|missing|wanted (text|a number|an integer|a list).*)$/;

test.each(foreignTags)(
  "the tag of %s %s is told at its place, and nothing else but what the value is without it",
  (tag, value) => {
    for (const textOf of taggedPlaces) {
      const text = textOf(`${tag} ${value}`);
      const [line] = textOf("@").split("@", 1) as [string];
      const place = `${line.split("\n").length}:${line.length - line.lastIndexOf("\n") + tag.length + 1}`;
      const lines = linesOf(text).filter((line) => !mayFollow.test(line));
      expect(lines, text).toEqual([`${place} : the tag ${tag} means nothing here: leave it out`]);
    }
  },
);

test("tags of what a value is anyway are no mistakes", () => {
  const named = configOf(`lcce: !!map { host_name: !!str 007, router_id: !!int 7 }${aTunnel}`);
  expect(named.lcce).toMatchObject({ hostName: "007", routerId: 7 });
});

test("of a hundred and more problems the first hundred are told and the others counted", () => {
  const lines = linesOf(configText({ top: Array.from({ length: 250 }, (_, n) => `key${n}: 1\n`).join("") }));
  expect(lines.length).toBe(101);
  expect(lines[99]).toBe("107:1 key99: unknown key");
  expect(lines[100]).toBe("107:1 : and 150 more");
});

const cookies: readonly (readonly [string, string])[] = [
  ["0102030405060708", "0102030405060708"],
  ['"0102030405060708"', "0102030405060708"],
  ["12e45678", "12e45678"],
  ["00000000", "00000000"],
  ["99999999", "99999999"],
  ["deadbeefDEADBEEF", "deadbeefdeadbeef"],
  ['""', ""],
];

test.each(cookies)("a cookie written as %s is taken digit by digit", (written, hexadecimal) => {
  const { pseudowires } = configOf(staticText(`receive_cookie: ${written}`)).tunnels[0]!;
  expect(Buffer.from(pseudowires[0]!.staticSession!.receiveCookie).toString("hex")).toBe(hexadecimal);
  expect(pseudowires[0]!.cookieOctets).toBe(hexadecimal.length / 2);
});

test.each([
  ["0x0102030405060708", "wanted pairs of hexadecimal digits, without 0x"],
  ["123", "wanted pairs of hexadecimal digits, without 0x"],
  ["01.5", "wanted pairs of hexadecimal digits, without 0x"],
  ["010203", "wanted 0, 4 or 8 octets: 0, 8 or 16 hexadecimal digits"],
  ["true", "wanted text"],
  ["~", "wanted text"],
])("a cookie written as %s is refused: %s", (written, message) => {
  expect(linesOf(staticText(`transmit_cookie: ${written}`))).toEqual([
    `8:79 tunnels.branch.pseudowires.lan.static.transmit_cookie: ${message}`,
  ]);
});

const snippets = [
  "tunnels:",
  "\n",
  "  ",
  "    ",
  "branch:",
  "local: ",
  "remote: ",
  "192.0.2.1",
  "2001:db8::1",
  "pseudowires:",
  "lan:",
  "circuit: ",
  "{",
  "}",
  "[",
  "]",
  ",",
  ": ",
  "- ",
  "interface: eth1",
  "vlan: 111",
  "&a ",
  "*a",
  "!!int ",
  "|\n",
  ">\n",
  "'",
  '"',
  "#",
  "---\n",
  "...\n",
  "? ",
  "%YAML 1.2\n",
  "\t",
  "\r\n",
  "\0",
  "static:",
  "receive_cookie: 01",
  "0x1",
  "1e9",
  ".nan",
  "~",
  "true",
  "secret: { file: x }",
  "mtu: ",
  "-1",
  "lcce:",
  "log: ",
  "\ufeff",
  "<<: ",
] as const;

test("any text is read or has problems with a place inside it", () => {
  const mutated = fc
    .tuple(fc.nat(configText().length), fc.nat(20), fc.constantFrom(...snippets))
    .map(([at, removed, put]) => configText().slice(0, at) + put + configText().slice(at + removed));
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(fc.constantFrom(...snippets), { maxLength: 30 }).map((parts) => parts.join("")),
    mutated,
  );
  assertProperty(
    fc.property(texts, (text) => {
      const { config, problems } = parseConfig(text, "any.yaml", { hostName: "h" });
      expect(config === undefined).toBe(problems.length > 0);
      const lines = text.split("\n");
      for (const { file, line, column } of problems) {
        expect(file).toBe("any.yaml");
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
      }
    }),
    { seed: 20_240_611, runs: 6_000 },
  );
});

const head = "tunnels:\n  hq:\n    local: 192.0.2.1\n    remote: 192.0.2.2\n";
const wantedSecret =
  "wanted { file: PATH }, { credential: NAME } or { env: NAME }: the secret itself does not belong in " +
  "this file";
const wantedOneVlan =
  "wanted one VLAN ID: a pseudowire carries one VLAN, or the whole port without this key; make one for each";
const circuit = (keys: string) => `${head}    pseudowires:\n      a: { circuit: ${keys} }\n`;
const atCircuit = "tunnels.hq.pseudowires.a.circuit";
const wantedCircuit = "wanted { interface: NAME }, or { tap: NAME } for a device that is made";

/** What is written though something else is wanted, with all that is said of it. */
const slips: readonly (readonly [string, readonly string[]])[] = [
  ...["all", "default"].flatMap((name) =>
    ["interface", "tap"].map((kind): readonly [string, readonly string[]] => [
      circuit(`{ ${kind}: ${name} }`),
      [`${atCircuit}.${kind}: the kernel gives no interface the name ${name}: choose another one`],
    ]),
  ),
  [circuit("{ tap: x, vlan: 10,20 }"), [`${atCircuit}.20: ${wantedOneVlan}`]],
  [
    circuit("{ tap: x, vlan: 10-20,30 }"),
    [`${atCircuit}.vlan: ${wantedOneVlan}`, `${atCircuit}.30: ${wantedOneVlan}`],
  ],
  [circuit("eth1"), [`${atCircuit}: ${wantedCircuit}`]],
  [circuit(""), [`${atCircuit}: ${wantedCircuit}`]],
  [
    `${head}    hello_interval_s: 5s\n`,
    [
      "tunnels.hq.hello_interval_s: wanted a number from 0 to 3600: leave out the unit s (the value is in " +
        "seconds)",
    ],
  ],
  [
    `${head}    retransmit_initial_ms: 1s\n`,
    [
      "tunnels.hq.retransmit_initial_ms: wanted a number from 10 to 60000: leave out the unit s (the " +
        "value is in milliseconds)",
    ],
  ],
  [
    `${head}    pseudowires: { a: { circuit: { tap: x }, mtu: 1500 bytes, cookie: 8 octets } }\n`,
    [
      "tunnels.hq.pseudowires.a.mtu: wanted a number from 68 to 65000: leave out the unit bytes (the " +
        "value is in octets)",
      "tunnels.hq.pseudowires.a.cookie: wanted one of 0, 4, 8: leave out the unit octets (the value is in " +
        "octets)",
    ],
  ],
  [`${head}    password: hunter2\n`, [`tunnels.hq.password: unknown key; write \`secret\`: ${wantedSecret}`]],
  [`${head}    secret: { value: hunter2 }\n`, [`tunnels.hq.secret.value: ${wantedSecret}`]],
  [`${head}    secret: 12345\n`, [`tunnels.hq.secret: ${wantedSecret}`]],
  [
    `${head}    secret:\n`,
    ["tunnels.hq.secret: wanted { file: PATH }, { credential: NAME } or { env: NAME }"],
  ],
  [
    `${head}    secret: { file: ~/x }\n`,
    ["tunnels.hq.secret.file: ~ is not expanded here: write the whole path"],
  ],
  [`${head}    next_secret: { file: /x }\n`, ["tunnels.hq.next_secret: needs secret too"]],
  [
    head.replace("192.0.2.1", "198.51.100.01"),
    [
      "tunnels.hq.local: a number in it has a leading zero, which some programs take for octal: write it " +
        "without",
    ],
  ],
  ...["unlimited", "none", "off"].map((word): [string, string[]] => [
    `bridges: { lan: { mac_limit: ${word} } }\n${head}`,
    ["bridges.lan.mac_limit: wanted a number from 0 to 1000000: write 0 for no limit"],
  ]),
  ...(
    [
      ["10k", 10_000],
      ["1.5 K", 1500],
      ["1M", 1_000_000],
    ] as const
  ).map(([written, meant]): [string, string[]] => [
    `bridges: { lan: { mac_limit: ${written} } }\n${head}`,
    [`bridges.lan.mac_limit: wanted a number from 0 to 1000000: write ${meant}`],
  ]),
  [
    circuit("{ tap: x, bridge: lan, port: { storm_limits: { multicast: 10k } } }"),
    [
      "tunnels.hq.pseudowires.a.circuit.port.storm_limits.multicast: wanted a number from 1 to 10000000: " +
        "write 10000",
    ],
  ],
  [
    `log: { level: warning }\n${head}`,
    ["log.level: wanted one of trace, debug, info, warn, error; did you mean warn?"],
  ],
];

test.each(slips)("%j: says what to write instead, and nothing else", (text, words) => {
  const told = problemsOf(text).map(({ path, message }) => `${path}: ${message}`);
  expect(told).toEqual(words);
  expect(told.join()).not.toContain("hunter2");
});

const both = (keys: string, other: string) => `${circuit(keys)}      b: { circuit: ${other} }\n`;

test.each([
  [
    `${both("{ interface: eth1, vlan: 10-20 }", "{ interface: eth1, vlan: 30 }")}\
      c: { circuit: { interface: eth1, vlan: "40" } }
      d: { circuit: { interface: eth1, vlan: 30 } }\n`,
    ["a.circuit.vlan: wanted", "c.circuit.vlan: wanted", "d.circuit.vlan: pseudowire b carries"],
  ],
  [
    both("{ interface: eth1, bridge: br0 }", "{ tap: eth1 }"),
    ["a.circuit.bridge: only a TAP", "b.circuit.tap: eth1 is used as interface and as tap"],
  ],
  [both("{ interface: eth1, vlann: 5 }", "{ interface: eth1, vlan: 6 }"), ["a.circuit.vlann: unknown"]],
  [
    'tunnels:\n  hq: { local: "192.0.2.1:1701", remote: 192.0.2.2 }\n  hr: { local: 0.0.0.0, remote: ' +
      "192.0.2.2 }\n",
    ["hq.local: write the", "hr.local: 0.0.0.0 stands"],
  ],
  [
    "tunnels:\n  hq: { local: 192.0.2.1, remote: 192.0.2.2, local_port: x }\n  hr: { local: 192.0.2.1, " +
      "remote: 192.0.2.2 }\n",
    ["hq.local_port: wanted"],
  ],
  [`${both("{ tap: x }, remote_end_id: []", "{ tap: y }, remote_end_id: a")}`, ["a.remote_end_id: wanted"]],
])("from a value that is refused nothing follows for others: %j", (text, begins) => {
  const told = problemsOf(text).map(({ path, message }) =>
    `${path}: ${message}`.replace(/^tunnels\.(hq\.pseudowires\.)?/, ""),
  );
  expect(told.map((line, index) => line.slice(0, begins[index]?.length))).toEqual(begins);
});

const tooDeep = (indent: number, before: number) =>
  `indented too far: it starts in column ${indent}, and the key before it in column ${before}`;

test.each([
  ["tunnels:\n  hq:\n    local: 192.0.2.1\n         remote: 192.0.2.2\n", `4:10 ${tooDeep(10, 5)}`],
  [
    "tunnels:\n  hq:\n    local: 192.0.2.1 # ours\n\n       # theirs\n       remote: 192.0.2.2\n",
    `6:8 ${tooDeep(8, 5)}`,
  ],
  ['tunnels:\n  hq:\n    local: "192.0.2.1"\n      remote: 192.0.2.2\n', `4:7 ${tooDeep(7, 5)}`],
  ["lcce:\n  host_name: x\n     router_id: 1\n", `3:6 ${tooDeep(6, 3)}`],
  ["tunnels:\n  - local: 192.0.2.1\n      remote: 192.0.2.2\n", `3:7 ${tooDeep(7, 5)}`],
  [
    "tunnels:\n  hq:\n    local: 192.0.2.1 remote: 192.0.2.2\n    local_port: 5\n",
    "3:12 a second key in one line: each has a line of its own, and text with `: ` needs quotes",
  ],
  [
    "tunnels:\n  hq: { local: 2001:db8::, remote: 2001:db8::1 }\n",
    '2:16 a colon at the end makes a key of this address: quote it, as "2001:db8::"',
  ],
  [
    "tunnels:\n  hq: { local: 2001:db8::1, remote: 2001:db8:: }\n",
    '2:37 a colon at the end makes a key of this address: quote it, as "2001:db8::"',
  ],
  [
    "tunnels:\n  hq:\n    local: 2001:db8::\n    remote: 2001:db8::1\n",
    '3:12 a colon at the end makes a key of this address: quote it, as "2001:db8::"',
  ],
])("YAML that goes on otherwise than it looks is told once, where it was meant: %j", (text, line) => {
  const told = problemsOf(text).map((one) => `${one.line}:${one.column} ${one.message}`);
  expect(told).toEqual([line]);
});

describe("keys of others' making are one printable line each, where they stand", () => {
  /** TABLE: a key of `tunnels`, and how it is shown. */
  test.each([
    ['"x\\ny"', "x y"],
    ['"t\\e[31m"', "t\\x1b[31m"],
    ['"t\\0"', "t\\x00"],
    ['"\\u202eq"', "\\u202eq"],
    ["null", '""'],
    ['""', '""'],
    ["[a, b]", "[a, b]"],
  ])("%s", (key, shown) => {
    const problems = problemsOf(`tunnels:\n  ? ${key}\n  : { remote: "\\e]0;\\n" }\n`);
    expect(problems.map(({ line, path }) => [line, path])).toEqual(
      expect.arrayContaining([[2, `tunnels.${shown}`]]),
    );
    for (const { path, message, line } of problems) {
      expect(`${path}: ${message}`).toMatch(/^[\x20-\x7e]+$/);
      expect(line).toBeGreaterThan(1);
    }
  });
});
