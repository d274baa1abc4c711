import { expect, test } from "vitest";
import { statusText } from "../../src/cli/status-text.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../src/daemon/status.ts";
import { counterIndex, countersBy, zeroCounters } from "../../src/forwarding/counters-table.ts";

function pseudowire(name: string, whyNot?: string): PseudowireStatus {
  return {
    ...{
      name,
      tunnel: "peer",
      state: whyNot === undefined ? "established" : "idle",
      type: "ethernet",
      whyNot,
    },
    ...{ circuit: name, localCircuit: "up", plane: "userspace", planeReason: "of old", discards: {} },
    ...zeroCounters,
  };
}

function reportOf(pseudowires: readonly PseudowireStatus[]): StatusReport {
  return {
    ...{
      apiVersion: 1,
      version: "0",
      pid: 1,
      uptimeMs: 0,
      hostName: "here",
      routerId: "0.0.0.1",
      controlConnections: [],
    },
    ...{
      plane: { name: "ebpf", reason: "why" },
      pseudowires,
      discards: {},
      control: {},
      log: { lostLines: 0, leftOutLines: 0 },
    },
  };
}

const many = (count: number, isUp: (index: number) => boolean) =>
  Array.from({ length: count }, (_, index) => pseudowire(`pw${index}.`, isUp(index) ? undefined : "no link"));

test("up to 500 pseudowires are all shown, in the order of the file", () => {
  const text = statusText(reportOf(many(500, (index) => index !== 499)));
  expect(text.match(/^│ pw\d+\./gm)?.length).toBe(500);
  expect(text).not.toMatch(/more pseudowires/);
  expect(text).toMatch(/^ {2}pseudowire pw499\. of tunnel peer: no link$/m);
});

test("of 10 000 pseudowires 500 are shown, those that are not up before all others", () => {
  const lines = statusText(reportOf(many(10_000, (index) => index % 3_000 !== 2_999))).split("\n");
  const rows = lines.flatMap((line) => /^│ (pw\d+)\./.exec(line)?.[1] ?? []);
  expect(rows.length).toBe(500);
  expect(rows.slice(0, 5)).toEqual(["pw2999", "pw5999", "pw8999", "pw0", "pw1"]);
  expect(lines).toContain(
    "9500 more pseudowires are not shown (for all: wirespan status --json); 3 of all 10000 are not up",
  );
  expect(lines).toContain("  pseudowire pw8999. of tunnel peer: no link");
  expect(lines.filter((line) => line.includes("on plane userspace: of old")).length).toBe(500);
});

test("what is not up is told with its reason, and since when where that is known", () => {
  const tunnel = { tunnel: "peer", whyNot: "the peer does not answer", downForMs: 303_000 };
  const controlConnections = [{ ...tunnel, state: "idle" } as unknown as ControlConnectionStatus];
  const pseudowires = [
    { ...pseudowire("lan", "no call yet"), downForMs: 42_000 },
    pseudowire("x", "no link"),
  ];
  const lines = statusText({ ...reportOf(pseudowires), controlConnections }).split("\n");
  const at = lines.indexOf("not up, and why:");
  expect(lines.slice(at + 1, at + 4)).toEqual([
    "  tunnel peer: the peer does not answer (down for 5 min 3 s)",
    "  pseudowire lan of tunnel peer: no call yet (down for 42 s)",
    "  pseudowire x of tunnel peer: no link",
  ]);
});

test("who segments GSO packets is shown once for each tunnel, with the reason", () => {
  const gso = { choice: "segment", reason: "veth0 is virtual" } as const;
  const rows = [1, 2, 3].map((id) => ({ ...pseudowire(`pw${id}`), plane: "ebpf", gso }));
  const text = statusText(reportOf(rows));
  expect(text.match(/^ {2}GSO packets .*$/gm)).toEqual([
    "  GSO packets of tunnel peer: segment (veth0 is virtual)",
  ]);
  expect(statusText(reportOf(many(2, () => true)))).not.toContain("GSO packets");
});

test("which pseudowire of a circuit forwards is shown once, and standby beside the circuit", () => {
  const forwarder = { members: ["primary", "backup"], active: "primary" };
  const [primary, backup] = ["primary", "backup"].map((name) => ({ ...pseudowire(name), circuit: "eth1" }));
  const rows = [
    { ...primary!, forwarder: { ...forwarder, standby: false } },
    { ...backup!, forwarder: { ...forwarder, standby: true }, whyNot: "standby: why" },
  ];
  const text = statusText(reportOf(rows));
  expect(text.match(/^ {2}circuit .*$/gm)).toEqual([
    "  circuit eth1: pseudowire primary forwards; backup in standby",
  ]);
  expect(text.match(/eth1: up( \(standby\))?/g)).toEqual(["eth1: up", "eth1: up (standby)"]);
  expect(text).toContain("  pseudowire backup of tunnel peer: standby: why");
  const none = rows.map((row) => ({ ...row, forwarder: { ...row.forwarder, active: undefined } }));
  expect(statusText(reportOf(none))).toContain(
    "  circuit eth1: none of pseudowires primary, backup forwards",
  );
  expect(statusText(reportOf(many(2, () => true)))).not.toMatch(/circuit .*forwards|standby/);
});

test("a pseudowire has a line of what passed for each direction", () => {
  const passed = countersBy((name) => 101 * (counterIndex[name] + 1));
  const text = statusText(reportOf([{ ...pseudowire("pw"), ...passed }]));
  expect(text).toMatch(/^│ pw +│.*\n│ tunnel peer +│/m);
  expect(text).toMatch(
    / 404 reassembled, 505 fragments +│.*\n.* 808 clamped, 909 fragmented, 1010 fragments, 1111 unans/,
  );
  const one = statusText(
    reportOf([
      {
        ...pseudowire("pw"),
        ...countersBy((name) =>
          name.includes("ragment") || name.includes("eassembled") || name.includes("Unans") ? 0 : 1,
        ),
      },
    ]),
  );
  expect(one).toMatch(/ in 1 frame, 1 octet, 1 clamped +│.*\n.* out 1 frame, 1 octet, 1 clamped +│/);
});

test("a path that moved is shown with where from, since when and how often, and a NAT too", () => {
  const connection: ControlConnectionStatus = {
    tunnel: "hq",
    state: "established",
    encapsulation: "udp",
    authentication: "hmac-sha1",
    local: "192.0.2.1:1701",
    remote: "203.0.113.3:41000",
    formerLocal: "192.0.2.1:1701",
    formerRemote: "203.0.113.2:40000",
    pathForMs: 61_000,
    ...{ sent: 1, received: 1, retransmitted: 0 },
  };
  const textOf = (pathMoves: number, nat?: string) =>
    statusText({ ...reportOf([]), controlConnections: [{ ...connection, pathMoves, nat }] }).split("\n");
  const moved =
    "  path of tunnel hq: 192.0.2.1:1701 -> 203.0.113.3:41000 for 1 min 1 s, " +
    "before that 192.0.2.1:1701 -> 203.0.113.2:40000; moved";
  expect(textOf(2, "its port is another")).toEqual(
    expect.arrayContaining([`${moved} 2 times`, "  NAT on the path of tunnel hq: its port is another"]),
  );
  expect(textOf(1)).toContain(`${moved} once`);
  expect(textOf(0).filter((line) => /^ {2}(path|NAT)/.test(line))).toEqual([]);
});

test("who sent SCCRQs that no tunnel takes is shown, by Host Name and address, and why", () => {
  const times = { firstAgoMs: 90_000, lastAgoMs: 61_000 };
  const unknownPeers = [
    { hostName: "branch-7", address: "198.51.100.9", sccrqs: 1, ...times, reason: "unknown-peer" },
    { address: "2001:db8::8", sccrqs: 12, ...times, reason: "missing-digest", tunnel: "vans" },
    { hostName: "van", address: "192.0.2.7", sccrqs: 1, ...times, reason: "wrong-digest", tunnel: "vans" },
  ] as const;
  const lines = (others?: number) =>
    statusText({ ...reportOf([]), unknownPeers, otherUnknownPeers: others }).split("\n");
  const ago = "1 min 1 s ago";
  expect(lines().slice(-4)).toEqual([
    "SCCRQs that no tunnel takes:",
    `  Host Name "branch-7" from 198.51.100.9: ${ago}; no tunnel is for its address and names`,
    `  no Host Name from 2001:db8::8: 12 times, last ${ago}; ` +
      "it carries no Message Digest, and tunnel vans has a secret: is one configured at its end?",
    `  Host Name "van" from 192.0.2.7: ${ago}; it fails authentication by the secret of tunnel vans: ` +
      "do both ends have the same secret, and is its Host Name what peer_host_name says?",
  ]);
  expect([1, 300].map((others) => lines(others).at(-1))).toEqual([
    "  and 1 other sender",
    "  and 300 other senders",
  ]);
  expect(statusText(reportOf([]))).not.toContain("SCCRQ");
  const tunnels = ["vans", "cars"].map(
    (tunnel) => ({ tunnel, state: "idle", whyNot: "the peer stopped it" }) as ControlConnectionStatus,
  );
  const down = statusText({ ...reportOf([]), controlConnections: tunnels, unknownPeers }).split("\n");
  const refused = `an SCCRQ for it was refused ${ago}, see "SCCRQs that no tunnel takes"`;
  expect(down).toContain(`  tunnel vans: the peer stopped it; ${refused}`);
  expect(down).toContain("  tunnel cars: the peer stopped it");
});

test("a bridge has its ports with limits and what was dropped, and notes on what needs attention", () => {
  const port = { device: "pw1", pseudowires: ["lan"], state: "forwarding", isolated: true } as const;
  const discards = { "broadcast-storm": 1, "multicast-storm": 0, "unknown-unicast-storm": 2 };
  const limits = { broadcast: 500, unknownUnicast: 20 };
  const loops = {
    policy: "block",
    loops: [{ from: "pw3", by: "pw1", blocked: "pw3" }],
    duplicates: [],
    discards: { malformed: 0, stale: 0, "bad-digest": 0, repeated: 0 },
  } as const;
  const bridge = {
    ...{ name: "lan", made: true, learnt: 1, limit: 0, loops, notes: ["a loop: so it is"] },
    ports: [
      { ...port, storms: { limits, discards } },
      { ...port, device: "pw2", storms: { limits } },
      { ...port, device: "pw3", state: "listening" },
    ],
  } as const;
  const lines = statusText({ ...reportOf([]), bridges: [bridge] }).split("\n");
  const dropped = "1 frame dropped: broadcast-storm, 2 frames dropped: unknown-unicast-storm";
  const shown = (device: string) => `  port ${device} (pseudowire lan): `;
  const atMost = "isolated, at most in a second: broadcast 500, unknown unicast 20";
  const first = lines.indexOf("bridge lan: made by us, 1 MAC address learnt");
  expect(lines.slice(first + 1, first + 4)).toEqual([
    `${shown("pw3")}listening, blocked for a loop, isolated`,
    `${shown("pw1")}forwarding, ${atMost}, ${dropped}`,
    `${shown("pw2")}forwarding, ${atMost} (not limited yet)`,
  ]);
  expect(lines[lines.indexOf("needs attention:") + 1]).toBe("  bridge lan: a loop: so it is");
});

test("one of many that is not shown is one", () => {
  expect(statusText(reportOf(many(501, () => true)))).toContain("1 more pseudowire is not shown (for all");
});
