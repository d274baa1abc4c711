import fc from "fast-check";
import { expect, test } from "vitest";
import { nextSequence } from "../../src/bytes/serial.ts";
import {
  acceptSequence,
  NUMBERS,
  newReceiveSequence,
  type ReceiveSequence,
} from "../../src/forwarding/sequencing.ts";
import { defaultSequenceRule } from "../../src/wire/session-parameters.ts";
import { assertProperty } from "../support/seeds.ts";
import { vectors } from "../vectors/vectors.ts";

function accept(state: ReceiveSequence, number: number): boolean {
  return acceptSequence(state, number, defaultSequenceRule);
}

const anyNumber = fc.integer({ min: 0, max: NUMBERS - 1 });

test("C-218 C-219 RFC 3931 Appendix C: the worked list, with a reset after three", () => {
  const state = newReceiveSequence();
  for (const { seq, action, expected_after } of vectors.seq_receiver) {
    expect(accept(state, seq), `${seq}`).toBe(action.startsWith("accept"));
    expect(state.expected).toBe(expected_after);
  }
});

test("C-211 numbers in order are all delivered, across the wrap too", () => {
  const state = newReceiveSequence();
  state.expected = NUMBERS - 3;
  for (const number of [NUMBERS - 3, NUMBERS - 2, NUMBERS - 1, 0, 1, 2]) {
    expect(accept(state, number)).toBe(true);
  }
  expect(state.expected).toBe(3);
});

test("a gap is not waited for, and what fills it is late", () => {
  const state = newReceiveSequence();
  expect([0, 1, 4, 2, 3, 5].map((number) => accept(state, number))).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
});

test("a duplicate is dropped, however often it comes", () => {
  const state = newReceiveSequence();
  expect(accept(state, 0)).toBe(true);
  for (let again = 0; again < 20; again += 1) expect(accept(state, 0)).toBe(false);
});

test("C-212 RFC 3931 §4.6: serial-number arithmetic decides whether a number is new", () => {
  assertProperty(
    fc.property(
      anyNumber,
      fc.oneof(
        anyNumber,
        fc.constantFrom(0, 1, defaultSequenceRule.window - 1, defaultSequenceRule.window, NUMBERS - 1),
      ),
      (last, ahead) => {
        const number = (last + ahead) % NUMBERS;
        const state = { ...newReceiveSequence(), expected: nextSequence(last) };
        const isOld = (last - number + NUMBERS) % NUMBERS < NUMBERS / 2;
        expect(accept(state, number)).toBe(!isOld);
      },
    ),
    { seed: 3931, runs: 20_000 },
  );
});

test("C-221 RFC 3931 Appendix C: a narrower window takes what is within it alone", () => {
  for (const [number, accepted] of [
    [0, true],
    [15, true],
    [16, false],
    [NUMBERS - 1, false],
  ] as const) {
    expect(
      acceptSequence(newReceiveSequence(), number, { ...defaultSequenceRule, window: 16 }),
      `${number}`,
    ).toBe(accepted);
  }
});

test("C-219 C-220 RFC 3931 Appendix C: an old stream is accepted after `resetAfter` messages", () => {
  for (const resetAfter of [1, 2, 3, 10]) {
    const state = newReceiveSequence();
    state.expected = 100;
    const verdicts = Array.from({ length: resetAfter + 3 }, (_, index) =>
      acceptSequence(state, 9_000_000 + index, { ...defaultSequenceRule, resetAfter }),
    );
    expect(verdicts).toEqual([...Array<boolean>(resetAfter - 1).fill(false), true, true, true, true]);
  }
});

test("old numbers reset nothing if they are not consecutive, or a new one comes between them", () => {
  const state = newReceiveSequence();
  state.expected = 1000;
  for (const number of [10, 12, 14, 16, 10, 11, 13, 14]) expect(accept(state, number)).toBe(false);
  expect(state.expected).toBe(1000);
  expect([500, 501, 1000, 502, 503].map((number) => accept(state, number))).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
  expect(accept(state, 504)).toBe(true);
});

test("a sender that starts anew at 0 is heard after two messages, wherever we were", () => {
  assertProperty(
    fc.property(fc.integer({ min: 3, max: defaultSequenceRule.window }), (expected) => {
      const state = { ...newReceiveSequence(), expected };
      expect([0, 1, 2, 3].map((number) => accept(state, number))).toEqual([false, false, true, true]);
    }),
    { seed: 4719 },
  );
});

test("whatever came before, a stream in order loses no more than what a reset waits for", () => {
  assertProperty(
    fc.property(fc.array(anyNumber, { maxLength: 30 }), anyNumber, (before, start) => {
      const state = newReceiveSequence();
      for (const number of before) accept(state, number);
      const lost = Array.from({ length: 20 }, (_, index) => accept(state, (start + index) % NUMBERS));
      expect(lost.filter((delivered) => !delivered).length).toBeLessThan(defaultSequenceRule.resetAfter);
      expect(lost.slice(defaultSequenceRule.resetAfter).every(Boolean)).toBe(true);
      expect(state.expected).toBe((start + 20) % NUMBERS);
    }),
    { seed: 5641, runs: 2_000 },
  );
});

test.each([
  [3, [false, false, true, true]],
  [4, [false, false, false, true]],
  [5, [false, false, false, false]],
] as const)(
  "C-220 RFC 3931 Appendix C: four old messages in a row, with a reset after %i",
  (resetAfter, verdicts) => {
    const state = { ...newReceiveSequence(), expected: 1000 };
    const rule = { ...defaultSequenceRule, resetAfter };
    expect([900, 901, 902, 903].map((number) => acceptSequence(state, number, rule))).toEqual(verdicts);
  },
);
