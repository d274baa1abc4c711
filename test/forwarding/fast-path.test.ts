import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, toHex } from "../../src/bytes/hex.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { discardIndex, discardReasons } from "../../src/forwarding/discard-reasons.ts";
import {
  type ChannelMessage,
  decapsulate,
  decapsulateChannel,
  encapsulate,
  encapsulateChannel,
  newSequenceState,
  type Outcome,
  outerTrafficClass,
  type SequenceState,
} from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { sequenceWords } from "../../src/forwarding/sequencing.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import {
  CHANNEL_MESSAGE,
  checkFrame,
  decapsulateInPlace,
  trafficClassOfFrame,
  writeChannelHeader,
  writeHeader,
} from "../../src/forwarding/userspace/fast-path.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { type ForwardedSession, sessionOfFrame, Tables } from "../../src/forwarding/userspace/tables.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { SequenceRule, SessionParameters } from "../../src/wire/session-parameters.ts";
import { leastOf } from "../support/effort.ts";
import { frameOf, padded } from "../support/frames.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, pathOver, sessionParameters, vlanAttachment } from "../support/sessions.ts";

const arena = new Arena();
const HEADER = arena.take(64);
const FRAME = arena.take(4096);
const tables = new Tables(arena);
tables.openCircuit({ fd: 7, readFd: 7, kind: "interface", name: "eth1", sendsBy: "eth1" });

/** Puts octets where the kernel would: at any place of the arena, with remains of others behind them. */
function put(octets: Uint8Array, shift: number): number {
  arena.octets.fill(0x81, FRAME, FRAME + 4096);
  arena.octets.set(octets, FRAME + shift);
  return FRAME + shift;
}

function take(start: number, length: number): Uint8Array {
  return arena.octets.slice(start, start + length);
}

function reasonOf(verdict: number): Outcome {
  return discardReasons[-1 - verdict]!.name;
}

/** What the worker does with one frame from the circuit. */
function fastEncapsulate(frame: Uint8Array, shift: number): Outcome {
  if (frame.length < 14) return "runt";
  const start = put(frame, shift);
  const { view } = arena;
  const session = sessionOfFrame(view, start, frame.length, tables.circuits.get("eth1")!);
  if (session === undefined) return "no-pseudowire";
  const verdict = checkFrame(view, start, frame.length, frame.length, session);
  if (verdict < 0) return reasonOf(verdict);
  const headerOctets = writeHeader(view, HEADER, session, start, frame.length);
  return concat(take(HEADER, headerOctets), take(start, frame.length));
}

/** What the worker does with one datagram whose session id is known. */
function fastDecapsulate(
  datagram: Uint8Array,
  session: ForwardedSession,
  shift: number,
): Outcome | ChannelMessage {
  const start = put(datagram, shift);
  const idOctets = session.isUdp ? 8 : 4;
  const frame = decapsulateInPlace(arena.view, start + idOctets, datagram.length - idOctets, session);
  if (frame === CHANNEL_MESSAGE) {
    const sublayer = start + idOctets + session.receiveCookieOctets;
    const payload = take(sublayer + 4, start + datagram.length - sublayer - 4);
    return { channelType: arena.view.getUint16(sublayer + 2), payload };
  }
  return frame < 0 ? reasonOf(frame) : padded(take(frame, start + datagram.length - frame));
}

function shown(outcome: Outcome | ChannelMessage): string {
  if (typeof outcome === "string") return outcome;
  return outcome instanceof Uint8Array
    ? toHex(outcome)
    : `channel ${outcome.channelType}: ${toHex(outcome.payload)}`;
}

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const cookie = fc.constantFrom(0, 4, 8).chain(octets);
const vlanId = fc.constantFrom(0, 1, 111, 4094);
const tagProtocol = fc.constantFrom<0x8100 | 0x88a8>(0x8100, 0x88a8);

const sessions: fc.Arbitrary<SessionParameters> = fc
  .record({
    path: fc.constantFrom(pathOver("udp"), pathOver("ip")),
    localSessionId: fc.integer({ min: 1, max: 0xffff_ffff }),
    remoteSessionId: fc.integer({ min: 1, max: 0xffff_ffff }),
    receiveCookie: cookie,
    transmitCookie: cookie,
    receiveSublayer: fc.constantFrom<"none" | "default">("none", "default"),
    transmitSublayer: fc.constantFrom<"none" | "default">("none", "default"),
    receiveSequencing: fc.constantFrom<"none" | "non-ip" | "all">("none", "non-ip", "all"),
    transmitSequencing: fc.constantFrom<"none" | "non-ip" | "all">("none", "non-ip", "all"),
    transmitAllowed: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
    receiveAllowed: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
    vccvControlChannel: fc.constantFrom("none" as const, "l2-specific-sublayer" as const),
  })
  .map(sessionParameters);

const sequenceRules = fc.record({
  window: fc.constantFrom(1, 6, 0x80_0000),
  resetAfter: fc.constantFrom(2, 3, 5),
});

const attachments: fc.Arbitrary<AttachmentCircuit> = fc
  .record({
    vlan: fc.option(fc.record({ id: vlanId, idOnPseudowire: vlanId, protocol: tagProtocol }), {
      nil: undefined,
    }),
    linkLocal: fc.constantFrom<AttachmentCircuit["linkLocal"]>("forward", "no-pause", "block"),
    dscp: fc.constantFrom<AttachmentCircuit["dscp"]>(0, 46, 63, "copy"),
    mtu: fc.constantFrom(68, 100, 1500),
    sequenceRule: sequenceRules,
  })
  .map(({ vlan, ...rest }) => attachment(vlan === undefined ? rest : { ...rest, vlan }));

const tag = fc
  .tuple(fc.constantFrom("8100", "88a8"), fc.nat(15), vlanId)
  .map(([protocol, priority, id]) => `${protocol}${((priority << 12) | id).toString(16).padStart(4, "0")}`);

const frames = fc
  .record({
    to: fc.constantFrom(
      "02000000000b",
      "0180c2000000",
      "0180c2000001",
      "0180c200000e",
      "0180c2000010",
      "ffffffffffff",
    ),
    tags: fc.array(tag, { maxLength: 3 }),
    type: fc.constantFrom("0800", "86dd", "0806", "88cc", "0026", "8100", "88a8"),
    first: octets(2),
    length: fc.oneof(
      fc.integer({ min: 0, max: 130 }),
      fc.constantFrom(1514, 1515, 1518, 1519, 1522, 1523, 1526),
    ),
  })
  .map(frameOf);

/**
 * Something that happens to a session: a frame, a data message, or leave to transmit or to receive given or
 * taken, or another rule of what is late.
 */
type Event =
  | { readonly kind: "frame"; readonly frame: Uint8Array; readonly shift: number }
  | {
      readonly kind: "message";
      readonly frame: Uint8Array;
      readonly shift: number;
      /** Added to the number that is expected. */
      readonly ahead: number;
      /** Bits of the sublayer besides the number. */
      readonly bits: number;
      readonly flip: number;
      readonly missing: number;
    }
  | { readonly kind: "allowed"; readonly transmit: boolean; readonly receive: boolean }
  | { readonly kind: "rule"; readonly rule: SequenceRule };

const shift = fc.nat(7);
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("frame" as const), frame: frames, shift }) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("message" as const),
        frame: frames,
        shift,
        ahead: fc.constantFrom(0, 0, 0, 1, 5, 0x7f_ffff, 0x80_0000, 0xff_ffff, 0xff_fffe, 0xff_ff00),
        bits: fc.constantFrom(0x40, 0x40, 0x40, 0x40, 0x4f, 0x00, 0x80, 0x50, 0x60, 0x70, 0xc0, 0x0f),
        flip: fc.constantFrom(-1, -1, -1, -1, -1, 0, 3, 4, 7),
        missing: fc.constantFrom(0, 0, 0, 0, 1, 40, 50, 60, 1500),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("allowed" as const),
        transmit: fc.boolean(),
        receive: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("rule" as const), rule: sequenceRules }) },
  ),
  { minLength: 8, maxLength: 20 },
);

/** A data message with a number near what is expected, spoilt as the event says. */
function messageOf(
  event: Event & { kind: "message" },
  session: SessionParameters,
  expected: number,
): Uint8Array {
  const { encapsulation } = session.path;
  const header = { sessionId: session.localSessionId, cookie: session.receiveCookie.slice() };
  if (event.flip >= 0 && event.flip < header.cookie.length) header.cookie[event.flip]! ^= 1 << event.flip;
  const number = (expected + event.ahead) % 0x100_0000;
  const word = Uint8Array.of(event.bits, number >>> 16, (number >>> 8) & 0xff, number & 0xff);
  const payload = session.receiveSublayer === "none" ? event.frame : concat(word, event.frame);
  const whole = encodeDataMessage(encapsulation, header, payload);
  return whole.subarray(0, Math.max(encapsulation === "udp" ? 8 : 4, whole.length - event.missing));
}

function expectSameState(row: ForwardedSession, state: SequenceState): void {
  const { sequences, expected, oldRun, oldNext } = row;
  const next = sequences[sequenceWords.next]! & 0xff_ffff;
  expect({ next, received: { expected, oldRun, oldNext } }).toEqual(state);
}

let cases = 0;
const seen = new Set<string>();

function agree(fast: Outcome | ChannelMessage, reference: Outcome | ChannelMessage): void {
  cases += 1;
  seen.add(typeof reference === "string" ? reference : "payload" in reference ? "channel" : "passed");
  expect(shown(fast)).toBe(shown(reference));
}

/** Runs events through both, side by side. */
function compare(
  parameters: SessionParameters,
  attached: AttachmentCircuit,
  happened: readonly Event[],
  first: number,
): void {
  let at = attached;
  tables.addSession(1, 3, parameters, at);
  tables.bindCircuit(parameters.localSessionId);
  const row = tables.sessions.get(parameters.localSessionId | 0)!;
  const state = newSequenceState();
  row.sequences[sequenceWords.next] = state.next = first;
  row.expected = state.received.expected = first;
  let session = parameters;
  try {
    for (const event of happened) {
      if (event.kind === "allowed") {
        session = { ...session, transmitAllowed: event.transmit, receiveAllowed: event.receive };
        tables.updateSession(3, session, at);
      } else if (event.kind === "rule") {
        at = { ...at, sequenceRule: event.rule };
        tables.updateSession(3, session, at);
      } else if (event.kind === "frame") {
        agree(fastEncapsulate(event.frame, event.shift), encapsulate(event.frame, session, at, state));
        const start = put(event.frame, event.shift);
        const trafficClass = trafficClassOfFrame(arena.view, start, event.frame.length, row);
        expect(trafficClass).toBe(outerTrafficClass(event.frame, at));
      } else {
        const datagram = messageOf(event, session, state.received.expected);
        const reference = decapsulateChannel(datagram, session) ?? decapsulate(datagram, session, at, state);
        agree(fastDecapsulate(datagram, row, event.shift), reference);
      }
      expectSameState(row, state);
    }
  } finally {
    tables.removeSession(parameters.localSessionId);
  }
}

test("the fast path equals the reference in octets, reasons and numbers", () => {
  const first = fc.constantFrom(0, 1, 5, 0x7f_ffff, 0xff_fffe, 0xff_ffff);
  assertProperty(
    fc.property(sessions, attachments, events, first, (session, at, happened, number) => {
      compare(session, at, happened, number);
    }),
    { seed: 20_240_611, runs: 4_000 },
  );
  expect(cases).toBeGreaterThan(leastOf(40_000));
  const reachable = [
    "runt",
    "no-pseudowire",
    "not-established",
    "link-local",
    "oversize",
    "truncated",
    "wrong-cookie",
    "vccv",
    "channel",
    "fragment",
    "out-of-sequence",
    "standby",
    "untagged",
    "passed",
  ];
  expect([...seen].sort()).toEqual(reachable.sort());
});

test("the header of a channel message is the reference's, for every kind of session", () => {
  assertProperty(
    fc.property(sessions, fc.integer({ min: 0, max: 0xffff }), (parameters, channelType) => {
      const session = {
        ...parameters,
        transmitSublayer: "default",
        vccvControlChannel: "l2-specific-sublayer",
      } as const;
      tables.addSession(1, 3, session, attachment());
      const row = tables.sessions.get(session.localSessionId | 0)!;
      const length = writeChannelHeader(arena.view, HEADER, row, channelType);
      expect(take(HEADER, length)).toEqual(
        encapsulateChannel({ channelType, payload: new Uint8Array(0) }, session),
      );
      tables.removeSession(session.localSessionId);
    }),
    { seed: 20_240_612 },
  );
});

test("sessions on one device: by VLAN and kind of tag, each its own, and none after it is removed", () => {
  const add = (row: number, at: AttachmentCircuit) => {
    tables.addSession(row, 3, sessionParameters({ localSessionId: row }), at);
    tables.bindCircuit(row);
  };
  const found = (...tags: string[]) => {
    const frame = frameOf({ tags, length: 70 });
    return sessionOfFrame(arena.view, put(frame, 2), frame.length, tables.circuits.get("eth1")!)
      ?.localSessionId;
  };
  add(1, vlanAttachment(5));
  add(2, vlanAttachment(5, 5, 0x88a8));
  add(3, vlanAttachment(4094));
  expect([found("81000005"), found("88a80005"), found("8100fffe"), found("81000006"), found()]).toEqual([
    1,
    2,
    3,
    undefined,
    undefined,
  ]);
  expect(found("88a80005", "81000005")).toBe(2);
  tables.removeSession(2);
  expect([found("81000005"), found("88a80005")]).toEqual([1, undefined]);
  for (const id of [1, 3, 99]) tables.removeSession(id);
  add(4, attachment());
  expect([found("81000005"), found()]).toEqual([4, 4]);
  tables.removeSession(4);
  expect(found()).toBeUndefined();
});

test("frames of a VLAN are those of the session that it is bound to, until that is removed", () => {
  const at = vlanAttachment(9);
  const frame = frameOf({ tags: ["81000009"], length: 64 });
  const found = () =>
    sessionOfFrame(arena.view, put(frame, 2), frame.length, tables.circuits.get("eth1")!)?.localSessionId;
  for (const id of [1, 2]) tables.addSession(id, 3, sessionParameters({ localSessionId: id }), at);
  expect(found()).toBeUndefined();
  tables.bindCircuit(1);
  expect(found()).toBe(1);
  tables.bindCircuit(2);
  tables.bindCircuit(99);
  expect(found()).toBe(2);
  tables.removeSession(1);
  expect(found()).toBe(2);
  tables.removeSession(2);
  expect(found()).toBeUndefined();
});

test("a device that closes takes its sessions along, and one that is not open takes none", () => {
  tables.openCircuit({ fd: 8, readFd: 8, kind: "tap", name: "tap0", sendsBy: "tap0" });
  tables.addSession(1, 3, sessionParameters({ localSessionId: 0xffff_fff0 }), attachment({ device: "tap0" }));
  tables.addSession(2, 3, sessionParameters({ localSessionId: 2 }), attachment());
  for (const id of [0xffff_fff0, 2]) tables.bindCircuit(id);
  tables.closeCircuit("tap0");
  expect([...tables.sessions.keys()]).toEqual([2]);
  tables.updateSession(3, sessionParameters({ localSessionId: 0xffff_fff0 }), attachment());
  tables.removeSession(2);
  expect(() => tables.addSession(3, 3, sessionParameters(), attachment({ device: "tap0" }))).toThrow(
    /not open/,
  );
});

test("each session has a cell for every discard reason", () => {
  expect(CELLS_A_SESSION).toBe(counterCells.discards + discardReasons.length);
  expect(Math.max(...Object.values(discardIndex))).toBe(discardReasons.length - 1);
});
