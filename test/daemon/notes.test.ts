import { expect, test } from "vitest";
import type { PseudowireSettings } from "../../src/control/settings.ts";
import { allNotes, type Note, NotesLog } from "../../src/daemon/notes.ts";
import { zeroCounters } from "../../src/forwarding/counters-table.ts";
import { type Bench, lan } from "../support/bench.ts";
import { rawAvp, ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, called, idsOf, opening, received, request } from "../support/set-up.ts";

const utf8 = new TextEncoder();
const frames = { ...zeroCounters, transmittedFrames: 9, transmittedOctets: 900 };
const challenge = { raw: [rawAvp(11, { value: new Uint8Array(16) })] };

/** The notes with counters of the only session. */
function notesWith(bench: Bench, receivedFrames = 0, discards: Record<string, number> = {}) {
  const localSessionId = bench.forwarded[0]?.localSessionId ?? 0;
  const counters = [{ localSessionId, ...frames, receivedFrames, discards }];
  return [...allNotes(bench.lcce.snapshot(), counters)].map(
    ({ kind, name, text }) => `${kind} ${name}: ${text}`,
  );
}

test("a peer that ignores our cookie is noted as long as no frame had it", () => {
  const { bench } = called();
  expect(notesWith(bench)).toEqual([]);
  expect(notesWith(bench, 0, { "wrong-cookie": 4 })).toEqual([
    "pseudowire lan: established, but no frame carries our cookie: " +
      "this peer seems to ignore cookies; set cookie: 0",
  ]);
  expect(notesWith(bench, 1, { "wrong-cookie": 4 })).toEqual([]);
});

test.each([
  ["none", { l2SpecificSublayer: 1 }, /sublayer "none" and the peer "default".*set sublayer: default/],
  ["default", {}, /sublayer "default" and the peer "none".*set sublayer: none/],
  ["default", { l2SpecificSublayer: 1 }, undefined],
  ["none", {}, undefined],
] as const)("our sublayer %s, and the peer's by %j", (sublayer, reply, words) => {
  const settings: PseudowireSettings = { ...lan, sublayer };
  const notes = notesWith(called(settings, reply).bench);
  if (words === undefined) expect(notes).toEqual([]);
  else expect(notes.join()).toMatch(words);
});

test.each([
  [
    utf8.encode("9999"),
    'the peer called for "9999", which no pseudowire here has as its remote_end_id: ' +
      'write remote_end_id: "9999" in the pseudowire that it means',
  ],
  [
    utf8.encode('"'),
    'the peer called for """, which no pseudowire here has as its remote_end_id: ' +
      'write remote_end_id: "\\"" in',
  ],
  [
    Uint8Array.of(0, 0, 0x27, 0x0f),
    "the peer called for 9999 (a number), which no pseudowire here has as its remote_end_id: " +
      "write remote_end_id: 9999 in",
  ],
  [Uint8Array.of(1, 2, 3), "the peer called for the octets 010203, which no pseudowire here has as its"],
])(
  "a call for none of ours, %j, is told of the tunnel and of each pseudowire without a call",
  (id, words) => {
    const { bench, peer } = answered();
    bench.openSession(lan);
    peer.say("ICRQ", request({ remoteEndId: id }));
    expect(peer.hear("CDN").avps.resultCode?.resultCode).toBe(24);
    expect(bench.sessionWhyNot).toContain(words);
    expect(notesWith(bench).join()).toContain(`tunnel peer: ${words}`);
    bench.openSession({ ...lan, name: "other", remoteEndId: id });
    expect(notesWith(bench)).toEqual([]);
  },
);

/** A pseudowire that the peer took down, to call for another; `callRight` is what it does once mended. */
function misnamed(others: readonly PseudowireSettings[] = []) {
  const { bench, peer, ids } = received();
  for (const other of others) bench.openSession(other);
  peer.say("CDN", { ...ids, resultCode: { resultCode: 3 } });
  const callWrong = () => peer.say("ICRQ", request({ localSessionId: 9, remoteEndId: utf8.encode("wrong") }));
  const callRight = () => {
    peer.heard();
    peer.say("ICRQ", request());
    const icrp = peer.heard().find(({ name }) => name === "ICRP");
    peer.say("ICCN", idsOf(icrp?.avps ?? {}));
    expect(bench.sessionState).toBe("established");
  };
  callWrong();
  expect(notesWith(bench)).toEqual([expect.stringContaining('tunnel peer: the peer called for "wrong"')]);
  return { bench, callWrong, callRight };
}

test("a call for none of ours is no note any more once the peer called for what is there", () => {
  const { bench, callRight } = misnamed();
  callRight();
  expect(notesWith(bench)).toEqual([]);
});

test("while another pseudowire has no session, the call may be for that: noted for ten minutes", () => {
  const { bench, callWrong, callRight } = misnamed([
    { ...lan, name: "other", remoteEndId: utf8.encode("other") },
  ]);
  callRight();
  expect(notesWith(bench)).toHaveLength(1);
  bench.nowMs += 500_000;
  callWrong();
  bench.nowMs += 599_999;
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: true });
  expect(notesWith(bench)).toHaveLength(1);
  bench.nowMs += 1;
  bench.input({ kind: "circuit-status", pseudowire: "lan", active: true });
  expect(notesWith(bench)).toEqual([]);
  expect(bench.lcce.snapshot().pseudowires[1]?.whyNot).toContain('the peer called for "wrong"');
});

test("a peer with more pseudowires than there are here is noted by its next call", () => {
  const { bench, callWrong, callRight } = misnamed();
  callRight();
  callWrong();
  expect(notesWith(bench)).toHaveLength(1);
});

test("a call without a Remote End ID where there are two pseudowires is told", () => {
  const { bench, peer } = answered();
  bench.openSession(lan);
  bench.openSession({ ...lan, name: "other", remoteEndId: utf8.encode("other") });
  const { remoteEndId: _, ...rest } = request();
  peer.say("ICRQ", rest);
  expect(bench.sessionWhyNot).toContain("without a Remote End ID");
});

test("a Challenge of RFC 2661 in the peer's SCCRP is noted, and told when the peer then goes", () => {
  const { bench, peer } = opening();
  peer.say("SCCRP", peer.openingAvps, challenge);
  expect(notesWith(bench).join()).toContain("tunnel peer: the peer asks for an RFC 2661 challenge");
  bench.advance(71_000);
  expect([bench.connectionState === "established", bench.connectionWhyNot]).toEqual([
    false,
    expect.stringContaining("RFC 2661 challenge"),
  ]);
});

test("a Challenge of RFC 2661 in the peer's SCCRQ is told when no SCCCN comes", () => {
  const { bench, peer } = answered();
  peer.say("StopCCN", { resultCode: { resultCode: 1 } });
  const dialler = new ScriptedPeer(bench, 0x99);
  dialler.say("SCCRQ", dialler.openingAvps, challenge);
  expect(dialler.names()).toContain("SCCRP");
  dialler.say("StopCCN", { resultCode: { resultCode: 4 } });
  expect(bench.connectionWhyNot).toContain("RFC 2661 challenge");
});

function note(name: string, text: string): Note {
  return { kind: "pseudowire", name, text };
}

/** A log of notes, and what it said. */
function logOfNotes() {
  const said: string[] = [];
  const log = new NotesLog({
    noteAdded: ({ name, text }, more) => said.push(`${name} ${text}${more}`),
    noteRemoved: ({ name, text }, more) => said.push(`${name} no ${text}${more}`),
    notesLeftOut: (added, removed) => said.push(`more: ${added} added, ${removed} removed`),
  });
  return { log, said };
}

test("each note is logged once, its end too, and it again when it had gone in between", () => {
  const { log, said } = logOfNotes();
  for (let look = 0; look < 3; look += 1) log.update([note("a", "x")], 1000 * look);
  log.update([], 3000);
  log.update([note("a", "x"), note("b", "y")], 4000);
  expect(said).toEqual(["a x", "a no x", "a x", "b y"]);
});

test("10 000 notes at once are a few lines and one that counts the rest, and so is their end", () => {
  const { log, said } = logOfNotes();
  const many = Array.from({ length: 10_000 }, (_, index) => note(`pw${index}`, "too long"));
  for (let look = 0; look < 5; look += 1) log.update(many, 1000 * look);
  expect(said.splice(0)).toEqual([
    ...Array.from({ length: 20 }, (_, index) => `pw${index} too long`),
    "more: 9980 added, 0 removed",
  ]);
  for (let look = 0; look < 5; look += 1) log.update([], 60_000 + 1000 * look);
  const gone = said.splice(0);
  expect([gone.length, gone[0], gone.at(-1)]).toEqual([21, "pw0 no too long", "more: 0 added, 9980 removed"]);
});

test("notes that come and go each second write less and less, and nothing of them is left uncounted", () => {
  const { log, said } = logOfNotes();
  const many = Array.from({ length: 100 }, (_, index) => note(`pw${index}`, "too long"));
  const HOUR = 3600;
  for (let second = 0; second < HOUR; second += 1) log.update(second % 2 === 0 ? many : [], 1000 * second);
  expect(said.length).toBeLessThan(80);
  for (let second = HOUR; second < 2 * HOUR; second += 1) log.update([], 1000 * second);
  const each = said.map((line) => {
    const [, added = 0, removed = 0] = /^more: (\d+) added, (\d+) removed$/.exec(line)?.map(Number) ?? [];
    const [, more = 0] = / \(and (\d+) more like this/.exec(line)?.map(Number) ?? [];
    return line.startsWith("more") ? added + removed : 1 + more;
  });
  expect(each.reduce((sum, count) => sum + count, 0)).toBe(HOUR * 100);
});
