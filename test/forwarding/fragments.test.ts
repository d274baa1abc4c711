import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import { newSequenceState } from "../../src/forwarding/encapsulation.ts";
import {
  decapsulateFragments,
  encapsulateInFragments,
  MOST_FRAGMENTS,
  type Reassembled,
  type ReassemblyState,
} from "../../src/forwarding/fragments.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { Encapsulation, SessionParameters } from "../../src/wire/session-parameters.ts";
import { padded } from "../support/frames.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, pathOver, sessionParameters } from "../support/sessions.ts";
import { fragmentVectors } from "../vectors/fragment-vectors.ts";

const ANY = 65_022;
const NO_COOKIE: Uint8Array = new Uint8Array(0);

/** Both directions of a session between two that take fragments. */
function session(
  encapsulation: Encapsulation,
  { mru = 65_507, mrru = ANY, cookie = NO_COOKIE, id = 0x0a0a_0001 } = {},
): SessionParameters {
  return sessionParameters({
    path: pathOver(encapsulation),
    localSessionId: id,
    remoteSessionId: id,
    receiveCookie: cookie,
    transmitCookie: cookie,
    receiveSublayer: "default",
    transmitSublayer: "default",
    receiveSequencing: "all",
    transmitSequencing: "all",
    receiveMrru: mrru,
    transmitFragments: { mru, mrru },
  });
}

describe("RFC 4623 §4: vectors", () => {
  test.each(fragmentVectors.fragments)("$id both ways", (vector) => {
    const { sid: id, cookie } = fragmentVectors.lcce.B;
    const parameters = session(vector.transport, {
      mru: vector.peer_mru,
      cookie: vector.cookie ? fromHex(cookie) : NO_COOKIE,
      id,
    });
    const frame = fromHex(vector.frame_hex);
    const state = newSequenceState();
    state.next = state.received.expected = vector.first_number;
    const messages = encapsulateInFragments(frame, parameters, attachment(), state);
    expect(typeof messages === "string" ? messages : messages.map(toHex)).toEqual(
      vector.messages.map(({ payload_hex }) => payload_hex),
    );
    const reassembly = {};
    const outcomes = vector.messages.map(({ payload_hex }) =>
      decapsulateFragments(fromHex(payload_hex), parameters, attachment(), state, reassembly),
    );
    expect(outcomes.slice(0, -1).every(({ outcome }) => outcome === "kept")).toBe(true);
    expect(outcomes.at(-1)).toEqual({ outcome: frame, lost: 0, together: messages.length });
  });

  test.each(fragmentVectors.reassembly)("$id: $title", ({ mrru, arrivals, actions }) => {
    const parameters = session("udp", { mrru });
    const [state, reassembly] = [newSequenceState(), {}];
    const done = arrivals.map(([number, kind, octets]) => {
      const sublayer = {
        sequenceNumber: number ?? undefined,
        fragment: kind === "whole" ? undefined : kind,
      };
      const header = { sessionId: parameters.localSessionId, cookie: new Uint8Array(0), sublayer };
      const message = encodeDataMessage("udp", header, new Uint8Array(octets));
      const at = attachment({ mtu: 9000 });
      return actionOf(kind, decapsulateFragments(message, parameters, at, state, reassembly));
    });
    expect(done).toEqual(actions);
  });
});

/** What the vectors call it. */
function actionOf(kind: string, { outcome, lost }: Reassembled): string {
  const before = lost > 0 ? "drop partial, then " : "";
  if (outcome === "kept") return `${before}${kind === "first" ? "open" : "append"}`;
  if (outcome instanceof Uint8Array) return `${before}deliver${kind === "whole" ? "" : ` ${outcome.length}`}`;
  const names: Readonly<Record<string, string>> = {
    "out-of-sequence": "drop: old",
    "reassembly-lost": "drop: no beginning",
    "reassembly-too-long": "drop: over MRRU",
    fragment: "drop: fragment without number",
  };
  return `${before}${names[outcome]}`;
}

/** A frame whose octets tell it from others, and each of its octets from the next ones. */
function frameOf(octets: number, salt: number): Uint8Array {
  const frame = new Uint8Array(octets);
  for (let index = 0; index < octets; index += 1) frame[index] = index * 7 + (index >>> 8) * 13 + salt * 31;
  return frame;
}

const textOf = (octets: Uint8Array) => Buffer.from(octets).toString("latin1");
const frameOctets = fc.oneof(
  fc.integer({ min: 14, max: 2000 }),
  fc.constantFrom(60, 1514, 1518, 1522, 9014),
  fc.integer({ min: 14, max: 65_000 }),
);
const rooms = fc.oneof(fc.integer({ min: 600, max: 9000 }), fc.constantFrom(16, 1384, 1452, 1464));

test("any frame by any MTU comes back octet for octet, in as few messages as may be", () => {
  const encapsulations = fc.constantFrom<Encapsulation>("udp", "ip");
  assertProperty(
    fc.property(
      encapsulations,
      fc.constantFrom(0, 4, 8),
      fc.array(frameOctets, { minLength: 1, maxLength: 5 }),
      rooms,
      fc.boolean(),
      fc.constantFrom(0, 0xff_fffe),
      (encapsulation, cookieOctets, lengths, room, byPath, first) => {
        const cookie = new Uint8Array(cookieOctets).fill(0x5c);
        const header = (encapsulation === "udp" ? 8 : 4) + cookieOctets + 4;
        const parameters = session(encapsulation, byPath ? { cookie } : { cookie, mru: room + header });
        const at = attachment({ mtu: 65_000, ...(byPath ? { wholeFrameOctets: room } : {}) });
        const state = newSequenceState();
        state.next = state.received.expected = first;
        const reassembly: ReassemblyState = {};
        for (const [salt, length] of lengths.entries()) {
          const frame = frameOf(length, salt);
          const messages = encapsulateInFragments(frame, parameters, at, state);
          if (typeof messages === "string") {
            expect([messages, length > room * MOST_FRAGMENTS]).toEqual(["peer-mrru", true]);
            continue;
          }
          expect(messages.length).toBe(Math.ceil(length / room));
          expect(messages.every((message) => message.length <= header + room)).toBe(true);
          const outcomes = messages.map((message) =>
            decapsulateFragments(message, parameters, at, state, reassembly),
          );
          const last = outcomes.pop();
          // Octets are compared by hand, for there are many.
          expect(Buffer.compare(last?.outcome as Uint8Array, padded(frame))).toBe(0);
          expect(outcomes.every(({ outcome }) => outcome === "kept")).toBe(true);
        }
      },
    ),
    { seed: 4623, runs: 400 },
  );
});

/** What the network does to a message: loses it, repeats it later, or has it overtaken by so many. */
const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant({ copies: [0] }) },
    { weight: 1, arbitrary: fc.constant({ copies: [] as number[] }) },
    { weight: 1, arbitrary: fc.record({ copies: fc.tuple(fc.constant(0), fc.nat(6)) }) },
    { weight: 1, arbitrary: fc.record({ copies: fc.tuple(fc.integer({ min: 1, max: 6 })) }) },
  ),
  { minLength: 1, maxLength: 60 },
);

test("whatever is lost, repeated or overtaken: only frames that were sent arrive, and all is counted", () => {
  let [whole, broken] = [0, 0];
  assertProperty(
    fc.property(
      fc.array(fc.integer({ min: 14, max: 4000 }), { minLength: 1, maxLength: 20 }),
      fates,
      fc.constantFrom(0, 0xff_fff0),
      (lengths, happened, first) => {
        const parameters = session("udp");
        const at = attachment({ mtu: 9000, wholeFrameOctets: 500 });
        const state = newSequenceState();
        state.next = state.received.expected = first;
        const frames = lengths.map((length, salt) => padded(frameOf(length, salt)));
        const sent = lengths.flatMap(
          (length, salt) =>
            encapsulateInFragments(frameOf(length, salt), parameters, at, state) as Uint8Array[],
        );
        const arrived = sent
          .flatMap((message, index) =>
            (happened[index % happened.length]?.copies ?? []).map((later) => ({
              message,
              at: index + later,
            })),
          )
          .sort((one, other) => one.at - other.at);
        const reassembly: ReassemblyState = {};
        let counted = 0;
        const wanted = new Set(frames.map(textOf));
        for (const { message } of arrived) {
          const { outcome, lost, together } = decapsulateFragments(
            message,
            parameters,
            at,
            state,
            reassembly,
          );
          counted += lost + (outcome === "kept" ? 0 : Math.max(1, together));
          if (!(outcome instanceof Uint8Array)) {
            if (lost > 0 || outcome === "reassembly-lost") broken += 1;
            continue;
          }
          whole += 1;
          // Once more, if its repetitions were taken for a sender that restarted (RFC 3931 Appendix C).
          expect(wanted.has(textOf(outcome)), "a frame that was sent").toBe(true);
        }
        expect(counted + (reassembly.frame?.parts.length ?? 0)).toBe(arrived.length);
      },
    ),
    { seed: 46_230, runs: 1000 },
  );
  expect([whole > 0, broken > 0]).toEqual([true, true]);
});

test("E-F01 RFC 4623 §5.4: no fragment without an MRRU, and no frame longer than it", () => {
  const at = attachment({ mtu: 9000, wholeFrameOctets: 1000 });
  const sent = (frame: number, changes: Partial<SessionParameters>) => {
    const parameters = { ...session("udp"), ...changes };
    const messages = encapsulateInFragments(new Uint8Array(frame), parameters, at, newSequenceState());
    return typeof messages === "string" ? messages : messages.length;
  };
  const { transmitFragments: _none, ...outer } = session("udp");
  expect(encapsulateInFragments(new Uint8Array(3000), outer, at, newSequenceState())).toHaveLength(1);
  const limits = { mru: 1400, mrru: 1522 };
  expect(sent(1000, { transmitFragments: limits })).toBe(1);
  expect(sent(1001, { transmitFragments: limits })).toBe(2);
  expect(sent(1522, { transmitFragments: limits })).toBe(2);
  expect(sent(1523, { transmitFragments: limits })).toBe("peer-mrru");
  expect(sent(1000, { transmitFragments: { mru: 1400, mrru: 500 } })).toBe(1);
});

test("RFC 4623 §5.5: fragments are numbered where whole frames are not", () => {
  const parameters = { ...session("udp"), transmitSequencing: "none" } as const;
  const at = attachment({ wholeFrameOctets: 1000 });
  const state = newSequenceState();
  const words = [500, 1500, 500].flatMap((octets) => {
    const messages = encapsulateInFragments(new Uint8Array(octets), parameters, at, state);
    return (messages as Uint8Array[]).map((message) => toHex(message.subarray(8, 12)));
  });
  expect(words).toEqual(["00000000", "50000000", "60000001", "00000000"]);
});
