import { expect, test } from "vitest";
import { chosenOf, isAllUp } from "../../../src/cli/status/chosen.ts";
import { detailText } from "../../../src/cli/status/detail.ts";
import { statusText } from "../../../src/cli/status/overview.ts";
import type { ControlConnectionStatus, PseudowireStatus, StatusReport } from "../../../src/daemon/status.ts";
import { counterIndex, countersBy } from "../../../src/forwarding/counters-table.ts";
import { pseudowireStatus, reportOf as report, tunnelStatus } from "../../support/status-reports.ts";

function pseudowire(name: string, whyNot?: string): PseudowireStatus {
  const state = whyNot === undefined ? "established" : "idle";
  const other = { plane: "userspace", planeReason: "of old", establishedForMs: undefined };
  return pseudowireStatus(name, { tunnel: "peer", state, whyNot, circuit: name, ...other });
}

const reportOf = (pseudowires: readonly PseudowireStatus[]): StatusReport => report({ pseudowires });

/** Lines as they are where there is room. */
const WIDE = 1000;
const linesOf = (of: StatusReport) => statusText(of, WIDE).split("\n");
const detailOf = (of: StatusReport, name: string) => detailText(of, chosenOf(of, name), new Map(), WIDE);

const many = (count: number, isUp: (index: number) => boolean) =>
  Array.from({ length: count }, (_, index) => pseudowire(`pw${index}.`, isUp(index) ? undefined : "no link"));

test("up to 500 pseudowires are all shown, in the order of the file", () => {
  const text = statusText(reportOf(many(500, (index) => index !== 499)), WIDE);
  expect(text.match(/^[+-] {3}pw\d+\./gm)?.length).toBe(500);
  expect(text).not.toMatch(/more pseudowires/);
  expect(text).toMatch(/^ {2}pseudowire pw499\. of tunnel peer: no link$/m);
});

test("of 10 000 pseudowires 500 are shown, those that are not up before all others", () => {
  const lines = linesOf(reportOf(many(10_000, (index) => index % 3_000 !== 2_999)));
  const rows = lines.flatMap((line) => /^[+-] {3}(pw\d+)\./.exec(line)?.[1] ?? []);
  expect(rows.length).toBe(500);
  expect(rows.slice(0, 5)).toEqual(["pw2999", "pw5999", "pw8999", "pw0", "pw1"]);
  expect(lines).toContain(
    "9500 more pseudowires are not shown (for all: wirespan status --json); 3 of all 10000 are not up",
  );
  expect(lines).toContain("  pseudowire pw8999. of tunnel peer: no link");
  expect(lines).toContain("10000 pseudowires are on plane userspace: of old");
});

test("what is not up is told with its reason, and since when where that is known", () => {
  const tunnel = { whyNot: "the peer does not answer", downForMs: 303_000 };
  const controlConnections = [tunnelStatus("peer", { ...tunnel, state: "idle" })];
  const pseudowires = [
    { ...pseudowire("lan", "no call yet"), downForMs: 42_000 },
    pseudowire("x", "no link"),
  ];
  const lines = linesOf({ ...reportOf(pseudowires), controlConnections });
  const at = lines.indexOf("not up, and why:");
  expect(lines.slice(at + 1, at + 4)).toEqual([
    "  tunnel peer: the peer does not answer (down for 5 min 3 s)",
    "  pseudowire lan of tunnel peer: no call yet (down for 42 s)",
    "  pseudowire x of tunnel peer: no link",
  ]);
});

test("pseudowires of a tunnel that are down for the same reason share a line where they are many", () => {
  const few = [1, 2, 3].map((id) => ({ ...pseudowire(`pw${id}`, "no link"), downForMs: id * 1000 }));
  const atOf = (lines: readonly string[]) => lines.slice(lines.indexOf("not up, and why:") + 1);
  expect(atOf(linesOf(reportOf(few)))[2]).toBe("  pseudowire pw3 of tunnel peer: no link (down for 3 s)");
  const more = [...few, pseudowire("pw4", "no link"), pseudowire("pw5", "no peer")];
  expect(atOf(linesOf(reportOf(more))).slice(0, 2)).toEqual([
    "  pseudowires pw1, pw2, pw3 and 1 more of tunnel peer: no link (down for up to 3 s)",
    "  pseudowire pw5 of tunnel peer: no peer",
  ]);
});

test("who segments GSO packets is told of a tunnel and its pseudowires, with the reason", () => {
  const gso = { choice: "segment", reason: "veth0 is virtual" } as const;
  const rows = [1, 2, 3].map((id) => ({ ...pseudowire(`pw${id}`), plane: "ebpf", gso }));
  const of = report({ controlConnections: [tunnelStatus("peer")], pseudowires: rows });
  for (const name of ["peer", "pw2"])
    expect(detailOf(of, name)).toMatch(/^ {2}GSO packets +segment \(veth0 is virtual\)$/m);
  expect(detailOf(reportOf(many(2, () => true)), "pw1.")).not.toContain("GSO packets");
});

test("which pseudowire of a circuit forwards is shown once, and standby beside the circuit", () => {
  const forwarder = { members: ["primary", "backup"], active: "primary" };
  const [primary, backup] = ["primary", "backup"].map((name) => ({ ...pseudowire(name), circuit: "eth1" }));
  const rows = [
    { ...primary!, forwarder: { ...forwarder, standby: false } },
    { ...backup!, forwarder: { ...forwarder, standby: true }, whyNot: "standby: why" },
  ];
  const text = statusText(reportOf(rows), WIDE);
  expect(text.match(/^circuit .*$/gm)).toEqual([
    "circuit eth1: pseudowire primary forwards; backup in standby",
  ]);
  expect(text).toMatch(/^= {3}backup +eth1 +standby /m);
  expect(detailOf(reportOf(rows), "backup")).toMatch(/^ {2}circuit +eth1: up \(standby\); peer: up$/m);
  expect(text).toContain("  pseudowire backup of tunnel peer: standby: why");
  const none = rows.map((row) => ({ ...row, forwarder: { ...row.forwarder, active: undefined } }));
  expect(linesOf(reportOf(none))).toContain("circuit eth1: none of pseudowires primary, backup forwards");
  expect(statusText(reportOf(many(2, () => true)))).not.toMatch(/circuit .*forwards|standby/);
});

test("a pseudowire has what passed in each direction, and what is rare where it is not 0", () => {
  const passed = countersBy((name) => 101 * (counterIndex[name] + 1));
  const text = detailOf(reportOf([{ ...pseudowire("pw"), ...passed }]), "pw");
  expect(text).toMatch(/^ {2}in: reassembled +404 {2}frames of the peer that were put together/m);
  expect(text).toMatch(/^ {2}out: unanswered +1111 {2}frames that were too big/m);
  const none = detailOf(reportOf([pseudowire("pw")]), "pw");
  expect(none).toMatch(/^ {2}out: frames +0 {2}/m);
  expect(none).not.toMatch(/reassembled|unanswered/);
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
    detailOf({ ...reportOf([]), controlConnections: [{ ...connection, pathMoves, nat }] }, "hq");
  const twice = textOf(2, "its port is another");
  expect(twice).toMatch(/^ {2}path +udp 192\.0\.2\.1:1701 -> 203\.0\.113\.3:41000, for 1 min 1 s$/m);
  const former = "192\\.0\\.2\\.1:1701 -> 203\\.0\\.113\\.2:40000; moved";
  expect(twice).toMatch(new RegExp(`^ {2}former path +${former} 2 times$`, "m"));
  expect(twice).toMatch(/^ {2}NAT on the path +its port is another$/m);
  expect(textOf(1)).toMatch(new RegExp(`^ {2}former path +${former} once$`, "m"));
  expect(textOf(0)).not.toMatch(/former path|NAT/);
});

test("who sent SCCRQs that no tunnel takes is shown, by Host Name and address, and why", () => {
  const times = { firstAgoMs: 90_000, lastAgoMs: 61_000 };
  const unknownPeers = [
    { hostName: "branch-7", address: "198.51.100.9", sccrqs: 1, ...times, reason: "unknown-peer" },
    { address: "2001:db8::8", sccrqs: 12, ...times, reason: "missing-digest", tunnel: "vans" },
    { hostName: "van", address: "192.0.2.7", sccrqs: 1, ...times, reason: "wrong-digest", tunnel: "vans" },
  ] as const;
  const lines = (others?: number) => linesOf({ ...reportOf([]), unknownPeers, otherUnknownPeers: others });
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
  const tunnels = ["vans", "cars"].map((tunnel) =>
    tunnelStatus(tunnel, { state: "idle", whyNot: "the peer stopped it" }),
  );
  const down = linesOf({ ...reportOf([]), controlConnections: tunnels, unknownPeers });
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
  const bridged = { ...reportOf([]), bridges: [bridge] };
  const lines = linesOf(bridged);
  const dropped = "1 frame dropped: broadcast-storm, 2 frames dropped: unknown-unicast-storm";
  const shown = (device: string) => `  port ${device} (pseudowire lan): `;
  const atMost = "isolated, at most in a second: broadcast 500, unknown unicast 20";
  const first = lines.indexOf("bridge lan: made by us, 1 MAC address learnt; 2 of 3 ports forward");
  const unusual = [
    `${shown("pw3")}listening, blocked for a loop, isolated`,
    `${shown("pw1")}forwarding, ${atMost}, ${dropped}`,
  ];
  expect(lines.slice(first + 1, first + 3)).toEqual(unusual);
  expect(lines[first + 3]).not.toContain("port");
  expect(detailOf(bridged, "lan").split("\n").slice(0, 4)).toEqual([
    "bridge lan: made by us, 1 MAC address learnt",
    ...unusual,
    `${shown("pw2")}forwarding, ${atMost} (not limited yet)`,
  ]);
  expect(lines[lines.indexOf("needs attention:") + 1]).toBe("  bridge lan: a loop: so it is");
});

test("one of many that is not shown is one", () => {
  expect(statusText(reportOf(many(501, () => true)))).toContain("1 more pseudowire is not shown (for all");
});

test("a name that nothing has is an error with the nearest one", () => {
  const of = report({ controlConnections: [tunnelStatus("branch")], pseudowires: [pseudowire("lan")] });
  expect(() => chosenOf(of, "brnach")).toThrow(
    "no tunnel, pseudowire or bridge is called brnach; the nearest is branch",
  );
  expect(() => chosenOf(of, "zebra")).toThrow("wirespan status shows those that there are");
  expect([chosenOf(of, "branch"), chosenOf(of, "lan")].map(isAllUp)).toEqual([true, true]);
  expect(isAllUp(chosenOf(reportOf([pseudowire("lan", "no link")]), "lan"))).toBe(false);
});
