import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { formatProblem, parseConfig, type ValidParts } from "../../src/config/parse.ts";
import { machineNotes, type RouteVerdict } from "../../src/daemon/machine-notes.ts";
import { ownerOf } from "../../src/daemon/owner.ts";
import { hiddenName } from "../../src/forwarding/ebpf/plane/hidden-interfaces.ts";
import type { HostInterface } from "../../src/os/host-network.ts";

const none = { kind: undefined, master: undefined, lower: undefined, vlanId: undefined, hasRoutes: false };
const interfaces: readonly HostInterface[] = [
  { ...none, name: "eth0", index: 1, addresses: ["192.0.2.1"] },
  { ...none, name: "eth1", index: 2, addresses: [] },
  { ...none, name: "eth2", index: 3, addresses: [] },
];

/** What `check` says of a file on this machine. */
function linesOf(
  text: string,
  verdictOf: RouteVerdict = () => undefined,
  there: readonly HostInterface[] = interfaces,
): readonly string[] {
  const { config, problems, ...parsed } = parseConfig(text, "wirespan.yaml", { hostName: "here" });
  if (config === undefined || !("located" in parsed)) throw new Error(problems.map(formatProblem).join("\n"));
  return parsed.located(machineNotes(config, there, verdictOf)).map(formatProblem);
}

test("problems with this machine are reported at the keys that they are about, in order of the file", () => {
  const text = `tunnels:
  hq:
    pseudowires:
      used:
        circuit: { interface: eth0 }
      lacking:
        circuit:
          vlan: 5
          interface: eth7
      taken: { circuit: { tap: eth2, bridge: br7 } }
      right: { circuit: { interface: eth1, vlan: 9 } }
    local: 192.0.2.9
    remote: 192.0.2.2
    next_secret: { env: WIRESPAN_TEST_NOT_SET }
    secret:
      file: /nowhere/secret
  branch: { local: 192.0.2.1, remote: 192.0.2.3, local_port: 1702, secret: { credential: none } }
`;
  const told = linesOf(text);
  expect(
    told.map((line) => /^(\S+) {2}(\S+ on this machine:) \S+ \S+/.exec(line)?.slice(1).join(" ")),
  ).toEqual([
    "wirespan.yaml:5:31 tunnels.hq.pseudowires.used.circuit.interface: on this machine:",
    "wirespan.yaml:9:22 tunnels.hq.pseudowires.lacking.circuit.interface: on this machine:",
    "wirespan.yaml:10:32 tunnels.hq.pseudowires.taken.circuit.tap: on this machine:",
    "wirespan.yaml:10:46 tunnels.hq.pseudowires.taken.circuit.bridge: on this machine:",
    "wirespan.yaml:12:12 tunnels.hq.local: on this machine:",
    "wirespan.yaml:14:25 tunnels.hq.next_secret.env: on this machine:",
    "wirespan.yaml:16:13 tunnels.hq.secret.file: on this machine:",
    "wirespan.yaml:17:90 tunnels.branch.secret.credential: on this machine:",
  ]);
  expect(told[1]).toContain("there is no interface eth7; see: ip link show");
  expect(told[4]).toContain("no interface that is up has the address 192.0.2.9; see: ip address show");
});

const HERE = "/run/here.sock";
const ownPeer = hiddenName("hostPeer", ownerOf({ lcce: { controlSocket: HERE } } as Config), "x0");

/** TABLE: interfaces beside one that has the name of a TAP device, its kind, and what is said of it. */
test.each([
  ["tun", [], undefined],
  ["veth", [ownPeer], undefined],
  [
    "veth",
    [hiddenName("hostPeer", "0123456789abcdef", "x0")],
    "is the TAP device of another Wirespan daemon",
  ],
  ["veth", [hiddenName("hostPeer", "0123456789abcdef", "x1")], "that is not a TAP device"],
  ["dummy", [ownPeer], "that is not a TAP device"],
])("a TAP device's name that an interface of kind %s has, beside %j", (kind, peers, words) => {
  const named = (name: string, index: number) => ({ ...none, kind, name, index, addresses: [] });
  const there = [...interfaces, ...["x0", ...peers].map((name, at) => named(name, 10 + at))];
  const file = (mistake: string) => `lcce: { control_socket: ${HERE}${mistake} }
tunnels:
  hq: { local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { a: { circuit: { tap: x0 } } } }
`;
  const expected = words === undefined ? [] : [expect.stringContaining(words)];
  expect(linesOf(file(""), undefined, there)).toEqual(expected);
  // The owner is known by what is valid.
  const broken = parseConfig(file(", nam: here"), "wirespan.yaml", { hostName: "here" });
  const { validParts } = broken as { validParts?: ValidParts };
  const notes = machineNotes((validParts as ValidParts).config(), there, () => undefined);
  expect(notes.map(({ message }) => message)).toEqual(expected);
});

test.each([
  ["lam", "; did you mean lan?"],
  ["aln", "; did you mean lan?"],
  ["entirely", ""],
  ["lxm", ""],
  ["la77", ""],
])("a bridge %s that there is not, beside a bridge lan of the file", (name, hint) => {
  const circuit = `{ tap: x0, bridge: ${name} }`;
  const [told, ...more] = linesOf(`bridges: { lan: {} }
tunnels:
  hq: { local: 192.0.2.1, remote: 192.0.2.2, pseudowires: { a: { circuit: ${circuit} } } }
`);
  expect(told).toMatch(
    new RegExp(`bridge ${name} does not exist; create it: .* type bridge${hint.replace("?", "\\?")}$`),
  );
  expect(more).toEqual([]);
});

test.each([
  ["192.0.2.255", "EACCES", "cannot send messages to 192.0.2.255: EACCES (a broadcast address"],
  ["203.0.113.9", "ENETUNREACH", "cannot send messages to 203.0.113.9: ENETUNREACH (no route"],
  ["127.0.0.1", "own address", "remote 127.0.0.1 is an address of this machine itself"],
])("a remote address to which nothing can be sent from here: %s, %s", (remote, verdict, words) => {
  const [told, ...more] = linesOf(`tunnels:\n  hq: { local: 192.0.2.1, remote: ${remote} }\n`, () => verdict);
  expect(told).toContain(`wirespan.yaml:2:35  tunnels.hq.remote: on this machine: ${words}`);
  expect(told).toContain(`see: ip route get ${remote} from 192.0.2.1`);
  expect(more).toEqual([]);
});

test("a secret that begins or ends with white space, and an equal next one, are reported", () => {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-notes-"));
  try {
    const file = (name: string, octets: string) => {
      writeFileSync(join(folder, name), octets, { mode: 0o600 });
      return `{ file: ${join(folder, name)} }`;
    };
    const tunnel = (name: string, local: string, first: string, next: string) =>
      `  ${name}:\n    local: ${local}\n    remote: 192.0.2.2\n` +
      `    secret: ${first}\n    next_secret: ${next}\n`;
    const told = linesOf(
      `tunnels:\n${tunnel("a", "192.0.2.1", file("crlf", "hunter2\r\n"), file("end", "hunter2 \n"))}${tunnel(
        "b",
        "192.0.2.1\n    local_port: 1702",
        file("begin", "\thunter2"),
        file("lines", "hunter2\n\n"),
      )}${tunnel("c", "192.0.2.1\n    local_port: 1703", file("one", "hunter2"), file("two", "hunter2\n"))}`,
    );
    expect(
      told.map((line) => /^\S+ {2}\S+ on this machine: (.*)/.exec(line)?.[1]?.replaceAll(folder, "")),
    ).toEqual([
      expect.stringMatching(/^the secret of \/crlf ends with a carriage return/),
      expect.stringMatching(/^the secret of \/end ends with a blank/),
      expect.stringMatching(/^the secret of \/begin begins with a blank/),
      expect.stringMatching(/^the secret of \/lines ends with a blank or an empty line/),
      expect.stringMatching(/^the same secret as in `secret`/),
    ]);
    expect(told.join()).not.toContain("hunter2");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What `check` says of this machine of a file that is not in order. */
function restLinesOf(text: string, verdictOf: RouteVerdict): readonly string[] {
  const { validParts } = parseConfig(text, "wirespan.yaml", { hostName: "here" }) as {
    validParts?: ValidParts;
  };
  const notes = validParts?.located(machineNotes(validParts.config(), interfaces, verdictOf)) ?? [];
  return notes.map(
    ({ line, column, path, message }) => `${line}:${column} ${path}: ${message.slice(17, 40)}`,
  );
}

const circuits = (...keys: readonly string[]) =>
  keys.map((one, index) => `      p${index}: { circuit: ${one} }\n`).join("");
const tunnels = `tunnels:
  hq:
    local: 192.0.2.9
    remote: 192.0.2.2
    pseudowires:
${circuits("{ interface: eth7 }", "{ interface: eth8 }")}`;
const whole = [
  "3:12 tunnels.hq.local: no interface that is up",
  "6:35 tunnels.hq.pseudowires.p0.circuit.interface: there is no interface e",
  "7:35 tunnels.hq.pseudowires.p1.circuit.interface: there is no interface e",
];

test.each([
  [
    "another key of the tunnel",
    tunnels.replace("    remote", "    hello_interval_s: x\n    remote"),
    ["3:12", "7:35", "8:35"],
  ],
  [
    "another tunnel",
    `${tunnels}  hr: { local: 1.2.3, remote: 1.2.3, secret: 5 }\n`,
    ["3:12", "6:35", "7:35"],
  ],
  ["the local address", tunnels.replace("192.0.2.9", "192.0.2"), ["6:35", "7:35"]],
  ["the remote address", tunnels.replace("192.0.2.2", "192.0.2"), ["3:12", "6:35", "7:35"]],
  ["one circuit", tunnels.replace("eth7", '"eth 7"'), ["3:12", "7:35"]],
  [
    "the name of a TAP device",
    tunnels.replace("interface: eth7", "tap: longer_than_fifteen"),
    ["3:12", "7:35"],
  ],
  ["the name of a pseudowire", tunnels.replace("p0:", '"p 0":'), ["3:12", "7:35"]],
  ["the VLAN of an interface", tunnels.replace("eth7 }", "eth0, vlan: 9999 }"), ["3:12", "7:35"]],
  ["a circuit without either kind", tunnels.replace("interface: eth7", "vlan: 5"), ["3:12", "7:35"]],
  ["what is between keys", tunnels.replace("{ interface: eth8 }", "{ interface: lo }"), ["3:12", "6:35"]],
  ["the YAML behind it", `${tunnels}  hr: { local: 192.0.2.1\n  hs: {}\n`, ["3:12", "6:35", "7:35"]],
  ["the YAML before it", `lcce: { host_name: "x }\n${tunnels}`, []],
  ["nothing but the level of the log", `${tunnels}log: { level: warning }\n`, ["3:12", "6:35", "7:35"]],
])(
  "of a file that is not in order, what is in order is told of all the same: wrong is %s",
  (_what, text, at) => {
    expect(restLinesOf(text, () => "ENETUNREACH").map((line) => line.split(" ")[0])).toEqual(at);
  },
);

test("of a file that is not in order, no route is told of where the local address is wrong", () => {
  const text = (local: string) => `plane: x\ntunnels:\n  hq: { local: ${local}, remote: 192.0.2.2 }\n`;
  expect(restLinesOf(text("192.0.2.1"), () => "ENETUNREACH")).toEqual([
    "3:35 tunnels.hq.remote: cannot send messages to",
  ]);
  expect(restLinesOf(text("192.0.2.300"), () => "ENETUNREACH")).toEqual([]);
  expect(restLinesOf(`plane: x\n${tunnels}`, () => undefined)).toEqual(
    whole.map((line) => line.replace(/^\d+/, (number) => String(Number(number) + 1))),
  );
});
