import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { main as decodeAMessage } from "../examples/decode-a-message.ts";
import { main as twoLccesInMemory } from "../examples/two-lcces-in-memory.ts";
import { main as writeAnEbpfProgram } from "../examples/write-an-ebpf-program.ts";
import type { Config, TunnelConfig } from "../src/config/config.ts";
import { planChange } from "../src/config/plan.ts";
import { encapsulate, newSequenceState } from "../src/index.ts";
import { configOf } from "./support/configuration.ts";
import { frameOf } from "./support/frames.ts";
import { SeededRandom } from "./support/seeded-random.ts";
import { attachment, sessionParameters } from "./support/sessions.ts";

const directory = new URL("../examples/", import.meta.url);
const files = readdirSync(directory);
const configurations = files.filter((name) => name.endsWith(".yaml"));

function textOf(name: string): string {
  return readFileSync(new URL(name, directory), "utf8");
}

function linesOf(main: (print: (line: string) => void) => void): readonly string[] {
  const lines: string[] = [];
  main((line) => lines.push(line));
  return lines;
}

test("decode-a-message.ts says what is in a control message and in a data message", () => {
  const lines = linesOf(decodeAMessage);
  expect(lines[0]).toBe("SCCRQ, Ns 0, Nr 0");
  expect(lines).toContain('  hostName: "lcce-a.example"');
  expect(lines).toContain("  controlMessageAuthenticationNonce: 101112131415161718191a1b1c1d1e1f");
  expect(lines).toContain("  its digest is right");
  expect(lines.slice(-2)).toEqual([
    "data message for session 185270274",
    "  cookie b0b1b2b3b4b5b6b7, frame of 42 octets to ffffffffffff",
  ]);
});

test("two-lcces-in-memory.ts comes up, carries a frame and closes, whatever the random numbers", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const lines = linesOf((print) => twoLccesInMemory(print, new SeededRandom(seed)));
    expect(lines).toContain("north: control connection established, pseudowire established");
    expect(lines).toContain("south: control connection established, pseudowire established");
    expect(lines).toContain("a frame of 64 octets went as 80 and arrived as 64");
    expect(lines.at(-1)).toBe("both are silent");
    const names = lines.flatMap((line) => / ms {2}\w+ -> \w+ {2}(\w+)/.exec(line)?.[1] ?? []);
    for (const name of ["SCCRQ", "SCCRP", "SCCCN", "ICRQ", "ICRP", "ICCN", "StopCCN"])
      expect(names).toContain(name);
  }
  expect(linesOf((print) => twoLccesInMemory(print)).at(-1)).toBe("both are silent");
});

test("write-an-ebpf-program.ts shows a program with its labels, and a mistake", () => {
  const lines = linesOf(writeAnEbpfProgram);
  expect(lines.slice(0, 10)).toEqual([
    "   0: (61) r6 = *(u32 *)(r1 +76)",
    "   1: (61) r7 = *(u32 *)(r1 +80)",
    "   2: (bf) r2 = r6",
    "   3: (07) r2 += 14",
    "   4: (2d) if r2 > r7 goto pc+21 <pass>",
    "   5: (69) r8 = *(u16 *)(r6 +12)",
    "   6: (dc) r8 = be16 r8",
    "   7: (63) *(u32 *)(r10 -4) = r8",
    "   8: (18) r1 = map[fd:3]",
    "  10: (bf) r2 = r10",
  ]);
  expect(lines.filter((line) => line.endsWith(":"))).toEqual(["first:", "pass:"]);
  expect(lines.at(-2)).toBe("28 slots, the first: 61164c0000000000");
  expect(lines.at(-1)).toContain("move: immediate 4294967295 is not an integer from");
});

test("every program of the examples is run here", () => {
  expect(files.filter((name) => name.endsWith(".ts"))).toEqual([
    "decode-a-message.ts",
    "two-lcces-in-memory.ts",
    "write-an-ebpf-program.ts",
  ]);
});

describe("examples for other labs", () => {
  const containerlab = parse(textOf("containerlab/two-offices.clab.yml")) as {
    topology: { nodes: Record<string, { binds?: string[]; cmd: string }>; links: { mtu: number }[] };
  };
  const netlab = parse(textOf("netlab/topology.yml")) as Record<string, unknown> & {
    nodes: Record<string, { device?: string; wirespan?: { peer: string } } | null>;
    "defaults.daemons.wirespan": { daemon_config: Record<string, string>; clab: { image: string } };
  };

  test("every folder is one of these", () => {
    const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).toSorted()).toEqual(["containerlab", "labs", "netlab"]);
  });

  test.each(["office-a", "office-b"])("containerlab/%s.yaml is in order, and bound into its node", (name) => {
    expect(configOf(textOf(`containerlab/${name}.yaml`)).tunnels).toHaveLength(1);
    expect(containerlab.topology.nodes[name]?.binds).toEqual([`${name}.yaml:/etc/wirespan/wirespan.yaml:ro`]);
    expect(containerlab.topology.nodes[name]?.cmd).toBe("wirespan run -c /etc/wirespan/wirespan.yaml");
  });

  test("the two offices of containerlab agree", () => {
    const [a, b] = ["office-a", "office-b"].map((name) => configOf(textOf(`containerlab/${name}.yaml`)));
    const facts = ({ tunnels }: Config) => tunnels.map(({ local, remote }) => [local, remote]);
    expect(facts(mirrored(a!))).toEqual(facts(b!));
  });

  test("netlab's template gives a configuration that is in order, for peers that name each other", () => {
    const { daemon_config: files } = netlab["defaults.daemons.wirespan"];
    expect(files).toEqual({ wirespan: "/etc/wirespan/wirespan.yaml" });
    const values: Readonly<Record<string, string>> = {
      inventory_hostname: "west",
      "neighbor.node": "east",
      "interface.ipv4.split('/')[0]": "192.0.2.1",
      "neighbor.ipv4.split('/')[0]": "192.0.2.2",
      "wirespan.circuit": "eth2",
    };
    const rendered = textOf("netlab/templates/wirespan/wirespan.j2")
      .replace(/^\{%.*%\}\n/gm, "")
      .replace(/\{\{ (.+?) \}\}/g, (_, name: string) => values[name] ?? `no value of ${name}`);
    const [tunnel] = configOf(rendered).tunnels;
    expect([tunnel?.local, tunnel?.remote]).toEqual([
      { kind: "address", address: "192.0.2.1" },
      { kind: "address", address: "192.0.2.2" },
    ]);
    const daemons = Object.entries(netlab.nodes).filter(([, node]) => node?.device === "wirespan");
    expect(daemons.map(([name, node]) => [name, node?.wirespan?.peer])).toEqual([
      ["west", "east"],
      ["east", "west"],
    ]);
  });

  test("both take the image that the Containerfile says how to build", () => {
    const image = /podman build -t (\S+)/.exec(textOf("containerlab/Containerfile"))?.[1];
    expect(textOf("containerlab/two-offices.clab.yml")).toContain(`image: ${image}\n`);
    expect(netlab["defaults.daemons.wirespan"].clab.image).toBe(image);
  });
});

test.each(configurations)(
  "%s is in order, begins with what it is for, and leaves nobody's secret about",
  (name) => {
    const text = textOf(name);
    configOf(text);
    expect(text).toMatch(/^# /);
    expect(text).not.toMatch(/secret: (?!\{)\S/);
    for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(130);
  },
);

test("many-branches.yaml: branches of any address at one port, each with a secret, in one bridge", () => {
  const { tunnels, bridges } = configOf(textOf("many-branches.yaml"));
  expect(tunnels.length).toBeGreaterThan(3);
  expect(bridges.map(({ name }) => name)).toEqual(["lan"]);
  for (const { name, remote, localPort, local, control, pseudowires } of tunnels) {
    expect([remote, local, localPort]).toEqual([
      { kind: "any", prefixes: [] },
      { kind: "interface", name: "eth0" },
      1701,
    ]);
    expect(control?.peerHostName).toBe(name);
    expect(control?.authentication.mode).toBe("digest");
    expect(control?.authentication.secrets).toEqual([{ kind: "file", path: `/etc/wirespan/${name}.secret` }]);
    expect(
      pseudowires.map(({ circuit, remoteEndId }) => [circuit.kind, circuit.bridge, [...remoteEndId]]),
    ).toEqual([["tap", "lan", [...Buffer.from("lan")]]]);
    expect(pseudowires[0]?.circuit.port?.isolated).toBe(name === "van-2" ? false : undefined);
    expect(control?.helloIntervalMs).toBe(name.startsWith("van") ? 60_000 : 5000);
  }
});

test("secret-change.yaml: steps before and after it are valid too, and each renews one tunnel", () => {
  const text = textOf("secret-change.yaml");
  const secrets = [...text.matchAll(/^# (secret: .*)$/gm)].map((match) => match[1]!);
  expect(secrets.length).toBe(2);
  const steps = secrets.map((secret) =>
    configOf(text.replace(/ {4}secret: .*\n {4}next_secret: .*/, `    ${secret}`)),
  );
  const during = configOf(text);
  for (const [before, after] of [
    [steps[0]!, during],
    [during, steps[1]!],
  ] as const) {
    expect(planChange(before, after).map(({ action, kind, name }) => [action, kind, name])).toEqual([
      ["replace", "tunnel", "branch"],
    ]);
  }
});

function mirroredEnds({ local, remote }: TunnelConfig): Pick<TunnelConfig, "local" | "remote"> {
  if (local.kind !== "address" || remote.kind !== "address") throw new Error("an end is no address");
  return { local: remote, remote: local };
}

/** One end's view of a tunnel and its pseudowires, as the other end would have to write it. */
function mirrored(config: Config): Config {
  return {
    ...config,
    tunnels: config.tunnels.map((tunnel) => ({
      ...tunnel,
      ...mirroredEnds(tunnel),
      localPort: tunnel.remotePort,
      remotePort: tunnel.localPort,
    })),
  };
}

describe("examples that belong together", () => {
  test("headquarters.yaml and branch-office.yaml agree in addresses, encapsulation, names and types", () => {
    const branch = mirrored(configOf(textOf("branch-office.yaml"))).tunnels[0]!;
    const headquarters = configOf(textOf("headquarters.yaml")).tunnels;
    expect(headquarters.length).toBe(2);
    const facing = headquarters.find(({ remote }) => isDeepStrictEqual(remote, branch.remote))!;
    const facts = (tunnel: typeof branch) => ({
      local: tunnel.local,
      remote: tunnel.remote,
      encapsulation: tunnel.encapsulation,
      authentication: tunnel.control?.authentication,
      pseudowires: tunnel.pseudowires.map(({ type, remoteEndId, mtu }) => [type, [...remoteEndId], mtu]),
    });
    expect(facts(facing)).toEqual(facts(branch));
  });

  test("static.yaml says what its `ip l2tp` commands say, with the kernel's words for the cookies", () => {
    const text = textOf("static.yaml");
    const said = (name: string) => new RegExp(` ${name} ([0-9a-f:.]+)`).exec(text)?.[1];
    const [tunnel] = configOf(text).tunnels;
    const staticSession = tunnel!.pseudowires[0]!.staticSession!;
    const hex = (octets: Uint8Array) => Buffer.from(octets).toString("hex");
    // The commands are for the other machine: its session id is the one we send, and it demands the cookie
    // that we send.
    expect(said("session_id")).toBe(String(staticSession.remoteSessionId));
    expect(said("peer_session_id")).toBe(String(staticSession.localSessionId));
    expect(said("peer_cookie")).toBe(hex(staticSession.transmitCookie));
    expect(said("cookie")).toBe(hex(staticSession.receiveCookie));
    expect([tunnel!.remote, tunnel!.local]).toEqual(
      ["local", "remote"].map((name) => ({ kind: "address", address: said(name) })),
    );
    expect([said("udp_sport"), said("udp_dport")]).toEqual([
      String(tunnel!.remotePort),
      String(tunnel!.localPort),
    ]);
    expect(text).toContain("l2spec_type none");
    expect([tunnel!.pseudowires[0]!.sublayer, staticSession.transmitSublayer]).toEqual(["none", "none"]);
  });

  test("tap-bridge.yaml: its longest frame, with a tag, just fills an IPv4 packet of 1500 octets", () => {
    const { mtu, cookieOctets } = configOf(textOf("tap-bridge.yaml")).tunnels[0]!.pseudowires[0]!;
    const session = sessionParameters({ transmitCookie: new Uint8Array(cookieOctets) });
    const frame = frameOf({ tags: ["8100006f"], length: mtu + 18 });
    const datagram = encapsulate(frame, session, attachment({ mtu }), newSequenceState());
    const headers = { ipv4: 20, udp: 8 };
    expect(datagram.length + headers.ipv4 + headers.udp).toBe(1500);
  });

  test("a change of an example's timer touches nothing else", () => {
    const text = textOf("branch-office.yaml");
    const after = text.replace(/hello_interval_s: \d+/, "hello_interval_s: 5");
    expect(after).not.toBe(text);
    expect(planChange(configOf(text), configOf(after)).map(({ action, kind }) => [action, kind])).toEqual([
      ["update", "tunnel"],
    ]);
  });
});
