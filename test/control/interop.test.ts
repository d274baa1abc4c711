import { expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import type { PeerSettings } from "../../src/control/settings.ts";
import { encodeAvp } from "../../src/wire/avp.ts";
import { encodeControlHeader } from "../../src/wire/control-header.ts";
import { pathBetween, pseudowireSettings } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, called, opening, received } from "../support/set-up.ts";

const text = (value: string) =>
  [...new TextEncoder().encode(value)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
const word = (value: number) => value.toString(16).padStart(8, "0");

/**
 * One AVP as a peer of this make sends it: "!" before the number is M=1, "9/" a vendor; then the value in
 * hexadecimal.
 */
type Line = readonly [number: string, value: string];

/** Says a message AVP by AVP, as it was seen from a real peer. */
function sayLines(peer: ScriptedPeer, lines: readonly Line[]): void {
  const writer = new Writer();
  encodeControlHeader(writer, { controlConnectionId: peer.lcceId, ns: peer.ns, nr: peer.nr });
  for (const [number, value] of lines) {
    const [, mandatory, vendorId, attributeType] = /^(!?)(?:(\d+)\/)?(\d+)$/.exec(number) ?? [];
    encodeAvp(writer, {
      mandatory: mandatory === "!",
      hidden: false,
      vendorId: Number(vendorId ?? 0),
      attributeType: Number(attributeType),
      value: fromHex(value),
    });
  }
  writer.patchU16(2, writer.length);
  peer.ns += 1;
  peer.deliver(writer.finish());
}

function waiting(changes: Partial<PeerSettings> = {}) {
  const bench = new Bench({ role: "responder", ...changes });
  bench.open(pseudowireSettings("lan", { remoteEndId: new TextEncoder().encode("1234") }));
  return { bench, peer: new ScriptedPeer(bench) };
}

const freeRtrPath = pathBetween("192.0.2.1", "192.0.2.2", "ip");
const freeRtrStart: readonly Line[] = [
  ["!0", "0001"],
  ["!2", "0100"],
  ["!3", "00000003"],
  ["4", "00000003"],
  ["5", "fffffffffffffff0"],
  ["7", text("freertr")],
  ["!10", "0400"],
  ["60", "c0000202"],
  ["61", "1a2b3c4d"],
  ["62", "000500040006 0007"],
];

test("freeRtr's set-up: v2 AVPs with M=1, v3 AVPs with M=0, speeds of 4 octets, SLI of both ends", () => {
  const { bench, peer } = waiting({ path: freeRtrPath });
  sayLines(peer, freeRtrStart);
  peer.hear("SCCRP");
  sayLines(peer, [["!0", "0003"]]);
  peer.hear("ZLB");
  sayLines(peer, [
    ["!0", "000a"],
    ["5", "fffffffffffffff0"],
    ["!15", "00000001"],
    ["63", "0000abcd"],
    ["64", "00000000"],
    ["66", text("1234")],
    ["68", "0005"],
    ["71", "0001"],
  ]);
  const icrp = peer.hear("ICRP");
  const remote = word(icrp.avps.localSessionId ?? 0);
  const ids: readonly Line[] = [
    ["63", "0000abcd"],
    ["64", remote],
    ["71", "0001"],
  ];
  sayLines(peer, [["!0", "000c"], ["!24", "0000fa00"], ["!38", "0000fa00"], ...ids]);
  peer.hear("ZLB");
  sayLines(peer, [["!0", "0010"], ...ids]);
  peer.hear("ZLB");
  expect(bench.forwarded).toMatchObject([{ remoteSessionId: 0xabcd, transmitCookie: new Uint8Array(0) }]);
});

test("freeRtr's CDN of two octets and no M bit is taken, and never answered but by a ZLB", () => {
  const { bench, peer, icrq } = called();
  sayLines(peer, [
    ["!0", "000e"],
    ["1", "0001"],
    ["63", "0a0a0001"],
    ["64", word(icrq.avps.localSessionId ?? 0)],
  ]);
  peer.hear("ZLB");
  expect(bench.sessionState).toBe("idle");
});

test("freeRtr answers our CDN with one of its own: acknowledged, counted, and without effect", () => {
  const { bench, peer, icrq } = called();
  bench.input({ kind: "close-session", pseudowire: "lan" });
  peer.hear("CDN");
  peer.say("CDN", {
    resultCode: { resultCode: 1 },
    localSessionId: 7,
    remoteSessionId: icrq.avps.localSessionId ?? 0,
  });
  peer.hear("ZLB");
  expect([bench.discards, bench.connectionState]).toEqual([{ "unknown-session": 1 }, "established"]);
});

test("freeRtr's SCCRQ from the same address after a CDN replaces the old connection", () => {
  const { bench, peer } = received();
  const anew = new ScriptedPeer(bench, 0x2b);
  sayLines(
    anew,
    freeRtrStart.map(([number, value]) => [number, number === "61" ? "0000002b" : value]),
  );
  anew.hear("SCCRP");
  sayLines(anew, [["!0", "0003"]]);
  anew.hear("ZLB");
  expect([bench.connectionState, bench.forwarded]).toEqual(["established", []]);
  // It tells messages by address and Ns alone: a StopCCN for the old connection would hit the new one.
  bench.advance(10_000);
  expect([peer.names(), anew.names()]).toEqual([[], []]);
});

test("without authentication all is acknowledged by ZLB: freeRtr and SoftEther count an ACK", () => {
  const { bench, peer } = answered();
  for (let count = 0; count < 5; count += 1) peer.say("HELLO");
  bench.advance(60_000);
  expect(new Set(peer.names())).toEqual(new Set(["ZLB", "HELLO"]));
});

test("SoftEther's SCCRP without window, ICRP without type and a status of 3 establish a session", () => {
  const { bench, peer } = opening();
  sayLines(peer, [
    ["!0", "0002"],
    ["!7", text("softether")],
    ["8", text("YAMAHA Corporation")],
    ["!60", "00000000"],
    ["!61", "1a2b3c4d"],
    ["!62", "00050004"],
  ]);
  peer.hear("SCCCN");
  bench.openSession(lan);
  peer.acknowledge();
  const icrq = peer.hear("ICRQ");
  sayLines(peer, [
    ["!0", "000b"],
    ["!63", "0a0a0001"],
    ["!71", "0003"],
    ["!64", word(icrq.avps.localSessionId ?? 0)],
  ]);
  peer.hear("ICCN");
  expect(bench.forwarded).toMatchObject([{ remoteSessionId: 0x0a0a0001, transmitAllowed: true }]);
  expect(bench.lcce.snapshot().connections[0]?.vendorName).toBe("YAMAHA Corporation");
});

test("SoftEther's CDN with a damaged Local Session ID and a short Result Code ends its session", () => {
  const { bench, peer, icrq } = called();
  sayLines(peer, [
    ["!0", "000e"],
    ["!63", "90500000"],
    ["!1", "00030000"],
    ["!64", word(icrq.avps.localSessionId ?? 0)],
  ]);
  expect([peer.names(), bench.sessionState]).toEqual([["ZLB"], "idle"]);
});

test("SoftEther's StopCCN in answer to ours, with a Result Code of 8 octets, is acknowledged", () => {
  const { bench, peer } = answered();
  bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
  peer.hear("StopCCN");
  sayLines(peer, [
    ["!0", "0004"],
    ["!61", "1a2b3c4d"],
    ["!1", "0000060000000000"],
  ]);
  peer.hear("ZLB");
  bench.advance(31_000);
  expect([peer.heard(), bench.lcce.hasNoConnections]).toEqual([[], true]);
});

const ciscoStart: readonly Line[] = [
  ["!0", "0001"],
  ["!2", "0100"],
  ["!3", "00000000"],
  ["!7", text("cisco-ios")],
  ["8", text("Cisco Systems, Inc.")],
  ["!10", "0400"],
  ["!9/10", "0001"],
  ["!9/1", "1a2b3c4d"],
  ["!9/2", "00050004"],
  ["!56", ""],
  ["57", ""],
  ["!60", "c0000202"],
  ["!61", "1a2b3c4d"],
  ["!62", "00050004"],
];

test("Cisco IOS' SCCRQ with mandatory AVPs of vendor 9 and L2TPv2 is answered by SCCRP", () => {
  const { bench, peer } = waiting();
  sayLines(peer, ciscoStart);
  peer.hear("SCCRP");
  sayLines(peer, [["!0", "0003"]]);
  expect([peer.names(), bench.connectionState]).toEqual([["ZLB"], "established"]);
});

test("a draft implementation that has vendor 9's AVPs alone is understood by them", () => {
  const { bench, peer } = waiting();
  sayLines(
    peer,
    ciscoStart.filter(([number]) => !["!60", "!61", "!62"].includes(number)),
  );
  peer.hear("SCCRP");
  sayLines(peer, [["!0", "0003"]]);
  peer.hear("ZLB");
  sayLines(peer, [
    ["!0", "000a"],
    ["!15", "00000001"],
    ["!9/3", "0a0a0001"],
    ["!9/4", "00000000"],
    ["!9/5", "a0a1a2a3"],
    ["!9/6", text("1234")],
    ["!9/7", "0005"],
    ["!9/8", "0001"],
    ["!9/9", "0102030405060708"],
    ["!9/14", "05dc"],
  ]);
  const icrp = peer.hear("ICRP");
  sayLines(peer, [
    ["!0", "000c"],
    ["!9/3", "0a0a0001"],
    ["!9/4", word(icrp.avps.localSessionId ?? 0)],
  ]);
  peer.hear("ZLB");
  expect(bench.forwarded).toMatchObject([
    { remoteSessionId: 0x0a0a0001, transmitCookie: fromHex("a0a1a2a3") },
  ]);
});

test("RFC 3931 §5.4.1: Cisco's draft ACK, a message type of vendor 9, acknowledges and takes no Ns", () => {
  const { bench, peer } = called();
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: false });
  peer.hear("SLI");
  sayLines(peer, [["!9/0", "0000"]]);
  peer.ns -= 1;
  bench.advance(10_000);
  expect(peer.heard()).toEqual([]);
  peer.say("HELLO");
  expect(peer.hear("ZLB").nr).toBe(peer.ns);
});

test("xcesp's calls have no serial number, and AVPs that say no sublayer and no sequencing", () => {
  const { bench, peer } = waiting();
  sayLines(peer, [
    ["!0", "0001"],
    ["!60", "c0000202"],
    ["!61", "1a2b3c4d"],
    ["!62", "00050004"],
    ["!7", text("xcesp")],
    ["!10", "0004"],
  ]);
  peer.hear("SCCRP");
  peer.acknowledge();
  sayLines(peer, [["!0", "0003"]]);
  peer.hear("ZLB");
  sayLines(peer, [
    ["!0", "000a"],
    ["!63", "0a0a0001"],
    ["!64", "00000000"],
    ["!68", "0005"],
    ["!69", "0001"],
    ["!70", "0000"],
    ["!71", "0003"],
    ["!66", text("1234")],
    ["!65", "0102030405060708"],
  ]);
  const icrp = peer.hear("ICRP");
  peer.acknowledge();
  sayLines(peer, [
    ["!0", "000c"],
    ["!63", "0a0a0001"],
    ["!64", word(icrp.avps.localSessionId ?? 0)],
    ["!69", "0001"],
    ["!70", "0000"],
    ["!71", "0003"],
  ]);
  peer.hear("ZLB");
  expect(bench.forwarded).toMatchObject([
    { transmitSublayer: "default", transmitSequencing: "none", transmitCookie: fromHex("0102030405060708") },
  ]);
});
